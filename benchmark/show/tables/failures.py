"""Cells of a run that failed, and why."""

from collections.abc import Iterable

from benchmark.protocol.schema import Failure
from benchmark.show.document import Section, Table
from benchmark.show.labels import dataset_label

__all__ = ["section"]


def section(failures: Iterable[Failure]) -> Section:
    """Table of failed cells; nothing where none failed."""
    rows = [
        {
            "Data": dataset_label(failure.cell.dataset),
            "Profile": failure.cell.profile,
            "Cell": str(failure.cell),
            "Why": failure.error,
            "Attempts": failure.attempts,
        }
        for failure in failures
    ]
    return Section("Failed", (Table.of(rows),) if rows else ())
