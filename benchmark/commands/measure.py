"""Measure what documents say beside results."""

import importlib
from argparse import Namespace

__all__ = ["main"]


def main(options: Namespace) -> int:
    """Serve the command and return its exit status."""
    print(importlib.import_module(f"benchmark.measure.{options.what}").main(options))
    return 0
