"""Figures that others have published, and ours beside them."""

import pandas as pd

from benchmark.results.references import PROTOCOL, compare
from benchmark.show.document import Note, Quantity, Score, Section, Table
from benchmark.show.labels import SHORT_TITLES, display_name

__all__ = ["section"]


def section(frame: pd.DataFrame, references: pd.DataFrame) -> Section:
    """How the references were made, and ours beside them.

    Parameters
    ----------
    frame
        See `benchmark.results.frame.results_frame`.
    references
        See `benchmark.results.references.load_references`.
    """
    protocols = Table.of(
        [
            {
                "Method": made.method,
                "Supervision": made.supervision,
                "Masks used": made.masks,
                "Model selected": made.selection,
                "Image size": made.image_size,
                "Backbone": made.backbone,
                "Source": f"{made.source}, {made.place}",
            }
            for made in references.drop_duplicates(["method", *PROTOCOL]).itertuples()
        ]
    )
    rows = [
        {
            "Metric": SHORT_TITLES[row.metric],
            "Setting": row.setting,
            "Shots": row.shots,
            "Category": f"Average (mean of {row.parts})"
            if row.parts
            else display_name(row.category),
            "Reference": row.method,
            "Published": _score(row.reference, row.reference_std, row.reference_n),
            "Profile": row.profile,
            "Ours": _score(row.ours, row.ours_std, row.ours_n),
            "Difference": "" if pd.isna(row.difference) else Quantity(row.difference, spec="+.3f"),
            "Comparable?": f"no: {', '.join(row.differs)}" if row.differs else "yes",
        }
        for row in compare(frame, references).itertuples()
    ]
    ours = Table.of(rows) if rows else Note("No runs to put beside them yet.")
    return Section("Beside published figures", (protocols, ours))


def _score(mean: float, std: float, n: float) -> Score | None:
    if n == 0:
        return None
    return Score(mean, std, remark="" if pd.isna(n) else f"n = {n:.0f}")
