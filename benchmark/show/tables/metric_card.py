"""The metric card: what each figure is, and by how much two computations of it may differ."""

from benchmark.protocol.metrics import METRICS
from benchmark.show.document import Code, Quantity, Section, Table

__all__ = ["section"]


def section() -> Section:
    """Table of metrics, a row each, in the order of the results' tables."""
    rows = [
        {
            "Metric": metric.title,
            "In results": Code(name),
            "What it is": metric.description,
            "Of": f"{metric.level}s",
            "Tolerance": Quantity(metric.tolerance, spec=""),
        }
        for name, metric in METRICS.items()
    ]
    return Section("Metric card", (Table.of(rows),))
