"""Write the HTML report of stored results."""

from argparse import Namespace

from benchmark.paths import PUBLISHED
from benchmark.show.report import write_report

__all__ = ["main"]


def main(options: Namespace) -> int:
    """Serve the command and return its exit status."""
    print(write_report(options.out, PUBLISHED, options.results))
    return 0
