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
        blocks = update(options.readme, source)
        print(
            f"{options.readme} and its documents: {len(blocks)} blocks are what the results give."
        )
        return 0
    outdated = check(options.readme, source)
    for path in outdated:
        print(f"{path} is not what {PUBLISHED} gives: run python -m benchmark readme")
    if not outdated:
        print(f"They agree: {options.readme} and its documents are what the results give.")
    return 1 if outdated else 0
