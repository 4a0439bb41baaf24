"""Measure what scheduler, notebooks, store and tables cost beside the work of cells."""

import json
from argparse import Namespace
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmark.measure.load import measure_load

__all__ = ["main"]


def main(options: Namespace) -> int:
    """Serve the command and return its exit status."""
    with TemporaryDirectory() as folder:
        print(json.dumps(measure_load(Path(folder)), indent=2))
    return 0
