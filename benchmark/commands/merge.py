"""Take over the results of another machine."""

import sys
from argparse import Namespace

from benchmark.results.merge import merge

__all__ = ["main"]


def main(options: Namespace) -> int:
    """Serve the command and return its exit status."""
    merged = merge(options.source, options.results)
    print(
        f"{len(merged.taken)} results taken into {options.results}, {len(merged.kept)} were there, "
        f"{len(merged.refused)} refused."
    )
    for refused in merged.refused:
        print(f"refused {refused}", file=sys.stderr)
    return 1 if merged.refused else 0
