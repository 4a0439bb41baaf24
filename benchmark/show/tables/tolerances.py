"""How far two computations of a cell may differ and still agree."""

from benchmark.results.verdict import TOLERANCES
from benchmark.show.document import Quantity, Section, Table
from benchmark.show.labels import SHORT_TITLES

__all__ = ["section"]


def section() -> Section:
    """Table of tolerances, a row a metric."""
    rows = [
        (SHORT_TITLES[metric], Quantity(value, spec="")) for metric, value in TOLERANCES.items()
    ]
    return Section("Tolerances", (Table(["Metric", "Tolerance"], rows),))
