"""Print the tables of stored results."""

from argparse import Namespace

from benchmark.paths import PUBLISHED
from benchmark.results.frame import results_frame
from benchmark.results.store import load_all
from benchmark.show import markdown
from benchmark.show.tables import scores

__all__ = ["main"]


def main(options: Namespace) -> int:
    """Serve the command and return its exit status."""
    frame = results_frame(load_all([PUBLISHED, *options.results]))
    names = options.dataset or sorted(frame["dataset"].unique())
    print("\n\n".join(markdown.section(scores.section(frame, name)) for name in names))
    return 0
