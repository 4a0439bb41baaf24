"""Show the size of the cache of features and unfinished trainings, or delete it."""

import shutil
from argparse import Namespace

from benchmark.paths import cache_dir

__all__ = ["main"]


def main(options: Namespace) -> int:
    """Serve the command and return its exit status."""
    for folder in (cache_dir() / "features", cache_dir() / "training"):
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e9
        if options.clear:
            shutil.rmtree(folder, ignore_errors=True)
        print(f"{folder}: {size:.2f} GB" + " deleted" * options.clear)
    return 0
