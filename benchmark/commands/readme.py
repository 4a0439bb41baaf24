"""Write the blocks of the README from published results, or check them."""

from argparse import Namespace

from benchmark.paths import PUBLISHED
from benchmark.show.readme import check, update

__all__ = ["main"]


def main(options: Namespace) -> int:
    """Serve the command and return its exit status."""
    roots = [PUBLISHED, *options.results]
    if not options.check:
        update(options.readme, roots)
        return 0
    if check(options.readme, roots):
        print(f"{options.readme} is what the results give.")
        return 0
    print(f"{options.readme} is not what {PUBLISHED} gives: run python -m benchmark readme")
    return 1
