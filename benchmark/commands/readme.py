"""Write the blocks of README and docs from published results, or check them."""

from argparse import Namespace

from benchmark.paths import PUBLISHED
from benchmark.show.documents import check, update
from benchmark.show.tables import Source

__all__ = ["main"]


def main(options: Namespace) -> int:
    """Serve the command and return its exit status."""
    source = Source.read(PUBLISHED, options.results)
    if not options.check:
        update(options.readme, source)
        return 0
    outdated = check(options.readme, source)
    for path in outdated:
        print(f"{path} is not what {PUBLISHED} gives: run python -m benchmark readme")
    if not outdated:
        print(f"{options.readme} is what the results give.")
    return 1 if outdated else 0
