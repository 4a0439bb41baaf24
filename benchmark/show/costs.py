"""What stored cells took: seconds of each part, time by the clock, memory."""

import pandas as pd

from benchmark.results.tables import (
    NO_RUNS,
    NOT_RUN,
    dataset_label,
    escape,
    grid_cells,
    to_markdown,
)

__all__ = ["clock_seconds", "markdown"]

_PARTS = ["features_s", "train_s", "score_s", "metrics_s", "seconds"]


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


def markdown(frame: pd.DataFrame) -> str:
    """Write the table of costs.

    Parameters
    ----------
    frame
        See `benchmark.results.tables.results_frame`.
    """
    cells = grid_cells(frame)
    if cells.empty:
        return NO_RUNS
    rows = []
    for (dataset, profile), group in cells.groupby(["dataset", "profile"]):
        features, train, score, metrics, whole = group[_PARTS].median()
        clock = clock_seconds(group["started"], group["finished"])
        rows.append(
            {
                "Data set": escape(dataset_label(dataset)),
                "Profile": escape(profile),
                "Cells": len(group),
                "Features": f"{features:.1f} s",
                "Features, longest": f"{group['features_s'].max():.0f} s",
                "Training": f"{train:.1f} s",
                "Scoring": f"{score:.1f} s",
                "Metrics": f"{metrics:.1f} s",
                "A cell": f"{whole:.0f} s",
                "Slowest": f"{group['seconds'].max():.0f} s",
                "All of them": f"{clock / 60:.0f} min",
                "Memory": NOT_RUN
                if group["memory_mb"].isna().all()
                else f"{group['memory_mb'].max() / 1000:.2f} GB",
            }
        )
    return "\n\n".join(
        [
            to_markdown(pd.DataFrame(rows)),
            "Wall-clock seconds, medians over cells, of two at a time unless asked otherwise. "
            "*Features* is what a cell waits for them, at the longest to encode their category, "
            "unless the cache was full before. *All of them* is the time in which at least one "
            "ran. *Memory* is the most that one held (memory-mapped files not counted).",
        ]
    )
