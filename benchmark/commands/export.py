"""Write stored results as CSV files."""

from argparse import Namespace

from benchmark.paths import PUBLISHED
from benchmark.results.export import export_csv

__all__ = ["main"]


def main(options: Namespace) -> int:
    """Serve the command and return its exit status."""
    for path, rows in export_csv([PUBLISHED, *options.results], options.csv).items():
        print(f"{path}: {rows} rows")
    return 0
