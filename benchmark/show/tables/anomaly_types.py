"""A category's anomaly types, each against all normal test images."""

import pandas as pd

from benchmark.results.frame import types_frame
from benchmark.show.document import Note, Quantity, Score, Section, Table

__all__ = ["section"]

_LEGEND = Note(
    "Means over seeds, each type against all normal test images, in the general setting. Recall: "
    "share of a type's images with a pixel beyond the explicit boundary; it outlines defects and "
    "is no verdict on images, for normal ones may have such a pixel, too: the false alarms beside "
    "it are their share."
)


def section(cells: pd.DataFrame) -> Section:
    """Table of anomaly types, a row for each type, profile and number of shots.

    Parameters
    ----------
    cells
        Those of one data set and category; see `benchmark.results.frame.grid_cells`.
    """
    general = cells[cells["setting"] == "general"]
    types = types_frame(general)
    means = types.groupby(["type", "profile", "shots"])[["n", "image_auroc", "recall"]].mean()
    alarms = general.groupby(["profile", "shots"])["false_alarms"].mean()
    rows = [
        {
            "Anomaly type": type_,
            "Profile": profile,
            "Shots": shots,
            "Images": Quantity(row.n, spec=".3g"),
            "image-AUC": Score(row.image_auroc),
            "Recall at the explicit boundary": Quantity(row.recall),
            "False alarms there": Quantity(alarms[profile, shots]),
        }
        for (type_, profile, shots), row in means.iterrows()
    ]
    return Section("Anomaly types", (Table.of(rows), _LEGEND) if rows else ())
