"""Measure speed against what one would use otherwise."""

from argparse import Namespace

from benchmark.measure.speed import measure_speed

__all__ = ["main"]


def main(options: Namespace) -> int:
    """Serve the command and return its exit status."""
    print(measure_speed(options.out))
    return 0
