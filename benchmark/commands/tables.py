"""Print the tables of stored results."""

from argparse import Namespace

from benchmark.paths import PUBLISHED
from benchmark.show import markdown
from benchmark.show.tables import Source, make_section

__all__ = ["main"]


def main(options: Namespace) -> int:
    """Serve the command and return its exit status."""
    source = Source.read(PUBLISHED, options.results)
    names = options.dataset or sorted(source.frame["dataset"].unique())
    sections = (make_section(f"results-{name}", source) for name in names)
    print("\n\n".join(map(markdown.section, sections)))
    return 0
