"""Results that no table shows, as others have superseded them: counted and named."""

from collections.abc import Iterable

from benchmark.protocol.schema import Result
from benchmark.results.stale import describe
from benchmark.show.document import Code, Items, Note, Section
from benchmark.show.labels import dataset_label

__all__ = ["notes", "section"]


def section(stale: Iterable[Result]) -> Section:
    """What is left out of all tables.

    Parameters
    ----------
    stale
        See `benchmark.results.stale`.
    """
    left = notes(stale)
    nothing = Note("Nothing: all stored results are of profiles and images as they are now.")
    return Section("Left out of all tables", (Items(left) if left else nothing,))


def notes(stale: Iterable[Result]) -> list[Note]:
    """A note for each data set and profile of which something is left out."""
    return [
        Note(f"Left out of all tables, {dataset_label(dataset)}, ", Code(profile), f": {text}.")
        for (dataset, profile), text in describe(stale).items()
    ]
