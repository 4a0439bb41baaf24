"""Negative controls: what was expected beside what was measured."""

from collections.abc import Callable

import pandas as pd

from benchmark.protocol.cells import CONTROLS
from benchmark.results.frame import column, grid_cells
from benchmark.show.document import Score, Section, Table
from benchmark.show.labels import SHORT_TITLES, dataset_label
from benchmark.show.tables.means import over_categories, score, sizes

__all__ = ["section"]

_METRICS = ("image_auroc", "pixel_auroc")
_OF_REFERENCE = " of reference"
_EXPECTED: dict[str, tuple[str | None, Callable[[Score], str]]] = {
    "shuffled_labels": ("no shots", lambda score: f"no more than {score.main} (0 shots)"),
    "random_weights": ("same", lambda score: f"less than {score.main}"),
    "swapped_labels": ("same", lambda score: str(Score(1 - score.value))),
    "constant_maps": (None, lambda score: score.main),
}
"""Control -> ordinary cells that it is held against, and what their mean lets expect."""


def section(frame: pd.DataFrame) -> Section:
    """Table of the negative controls.

    Parameters
    ----------
    frame
        See `benchmark.results.frame.results_frame`.
    """
    controls, plain = frame[frame["control"].notna()], grid_cells(frame)
    plain = plain[plain["setting"] == "general"]
    rows = []
    for (dataset, profile, shots), group in controls.groupby(["dataset", "profile", "shots"]):
        same = plain[(plain["dataset"] == dataset) & (plain["profile"] == profile)]
        for control in CONTROLS:
            cells = group[group["control"] == control]
            if cells.empty:
                continue
            asked, expected = _EXPECTED[control]
            beside = same[same["shots"] == (0 if asked == "no shots" else shots)]
            same_cell = ["category", "seed", "fingerprint"]
            pairs = cells.merge(beside, on=same_cell, suffixes=("", _OF_REFERENCE))
            there = pairs if len(pairs) else cells  # compared on the same cells where there are any
            row = {
                "Data set": dataset_label(dataset),
                "Profile": profile,
                "Shots": shots,
                "Control": control.replace("_", " "),
                "Categories, seeds": sizes(cells),
            }
            for metric in _METRICS:
                known = pd.Series([0.5])
                if asked:
                    known = over_categories(pairs, pairs[column(metric) + _OF_REFERENCE])
                title = SHORT_TITLES[metric]
                row[title] = score(there, there[column(metric)])
                row[f"expected {title}"] = expected(Score(known.mean())) if len(known) else None
            rows.append(row)
    return Section("Negative controls", (Table.of(rows),) if rows else ())
