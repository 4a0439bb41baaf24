"""Show the size of the feature cache, or delete it."""

from argparse import Namespace

from benchmark.paths import cache_dir
from bgad.features import FeatureCache

__all__ = ["main"]


def main(options: Namespace) -> int:
    """Serve the command and return its exit status."""
    cache = FeatureCache(cache_dir() / "features")
    size = cache.size() / 1e9
    if options.clear:
        cache.clear()
        print(f"{cache.root}: {size:.2f} GB deleted")
    else:
        print(f"{cache.root}: {size:.2f} GB")
    return 0
