"""Draw animated pictures of the synthetic stand-in."""

from argparse import Namespace

from benchmark.measure.demo import write_demos
from benchmark.protocol.profiles import load_profile

__all__ = ["main"]


def main(options: Namespace) -> int:
    """Serve the command and return its exit status."""
    for path in write_demos(options.categories, load_profile(options.profile), options.out):
        print(f"{path}: {path.stat().st_size / 1000:.0f} KB", flush=True)
    return 0
