"""What stored cells took: seconds of each part, time by the clock, memory."""

import pandas as pd

from benchmark.results.frame import grid_cells
from benchmark.show.document import Emphasis, Note, Quantity, Section, Table
from benchmark.show.labels import dataset_label

__all__ = ["clock_seconds", "section"]

_TITLE = "What a cell costs"
_LEGEND = Note(
    "Wall-clock seconds, medians over cells, of two at a time unless asked otherwise. ",
    Emphasis("Features"),
    " is what a cell waits for them, at the longest to encode their category, unless the cache was "
    "full before. ",
    Emphasis("All of them"),
    " is the time in which at least one ran. ",
    Emphasis("Memory"),
    " is the most that one held (memory-mapped files not counted).",
)


def clock_seconds(started: pd.Series, finished: pd.Series) -> float:
    """Seconds in which at least one of some cells ran: pauses between runs do not count.

    Parameters
    ----------
    started, finished : Series of Timestamp
    """
    order = started.argsort()
    started, finished = started.iloc[order], finished.iloc[order]
    before = finished.cummax().shift()
    begins = started.where(~(before > started), before)
    return float((finished - begins).dt.total_seconds().clip(lower=0).sum())


def section(frame: pd.DataFrame) -> Section:
    """Write the table of costs.

    Parameters
    ----------
    frame
        See `benchmark.results.frame.results_frame`.
    """
    cells = grid_cells(frame)
    rows = []
    for (dataset, profile), group in cells.groupby(["dataset", "profile"]):
        medians, longest = group.median(numeric_only=True), group.max(numeric_only=True)
        clock = clock_seconds(group["started"], group["finished"])
        memory = longest["memory_mb"]
        rows.append(
            {
                "Data set": dataset_label(dataset),
                "Profile": profile,
                "Cells": len(group),
                "Processor": ", ".join(sorted(set(group["processor"]))),
                "Features": _seconds(medians["features_s"], ".1f"),
                "Features, longest": _seconds(longest["features_s"]),
                "Training": _seconds(medians["train_s"], ".1f"),
                "Scoring": _seconds(medians["score_s"], ".1f"),
                "Metrics": _seconds(medians["metrics_s"], ".1f"),
                "A cell": _seconds(medians["seconds"]),
                "Slowest": _seconds(longest["seconds"]),
                "All of them": Quantity(clock / 60, spec=".0f", unit=" min"),
                "Memory": None
                if pd.isna(memory)
                else Quantity(memory / 1000, spec=".2f", unit=" GB"),
            }
        )
    return Section(_TITLE, (Table.of(rows), _LEGEND) if rows else ())


def _seconds(value: float, spec: str = ".0f") -> Quantity:
    return Quantity(value, spec=spec, unit=" s")
