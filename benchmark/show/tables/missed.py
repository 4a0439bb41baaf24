"""Images on which calibrated verdicts are wrong, by name."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from benchmark.protocol.cells import Cell
from benchmark.results.scores import tested
from benchmark.show.document import Note, Section, Table
from bgad.conformal import p_values

__all__ = ["section"]

_RATE = 0.05
_LEGEND = Note(
    f"At {_RATE:.0%} nominal false alarms, in the general setting, with the fewest and the most "
    "known anomalies. In brackets, where there are several seeds: wrong in so many of those that "
    "test the image."
)


def section(kept: Iterable[tuple[Cell, pd.DataFrame]]) -> Section:
    """Table of a category: a row for each profile and number of shots.

    Parameters
    ----------
    kept
        Cells and their `benchmark.results.scores.scores_frame`; those of other settings, or without
        calibration scores, are left out.
    """
    tables = [_judged(cell, scores) for cell, scores in kept if cell.setting == "general"]
    judged = pd.concat([t for t in tables if t is not None], ignore_index=True) if tables else None
    if judged is None or judged.empty:
        return Section(_TITLE)
    rows = []
    for profile, group in judged.groupby("profile"):
        for shots in sorted({group["shots"].min(), group["shots"].max()}):
            cells = group[group["shots"] == shots]
            sides = [_names(cells[cells["label"] == side]) for side in (True, False)]
            rows.append([profile, shots, *sides])
    columns = ["Profile", "Shots", "Defective, passed", "Good, rejected"]
    return Section(_TITLE, (Table(columns, rows), _LEGEND))


_TITLE = "Called wrongly"


def _judged(cell: Cell, scores: pd.DataFrame) -> pd.DataFrame | None:
    """Whether the verdict on each tested image is wrong."""
    calibration = scores.loc[scores["role"] == "calibration", "score"].to_numpy()
    if _RATE * (len(calibration) + 1) < 1:
        return None
    images = tested(scores)
    rejected = p_values(calibration, images["score"].to_numpy()) <= _RATE
    return images[["name", "label"]].assign(
        wrong=np.asarray(images["label"]) != rejected, profile=cell.profile, shots=cell.shots
    )


def _names(images: pd.DataFrame) -> str:
    """Images with an error, those most often called wrongly first; "none" without one."""
    counts = images.groupby("name")["wrong"].agg(["sum", "size", "mean"])
    several = counts["size"].max() > 1
    counts = counts[counts["sum"] > 0].sort_values("mean", ascending=False, kind="stable")
    names = [
        row.Index.removeprefix("test/") + (f" ({row.wrong} of {row.n})" if several else "")
        for row in counts.rename(columns={"sum": "wrong", "size": "n"}).itertuples()
    ]
    return ", ".join(names) or ("none" if len(images) else "none was tested")
