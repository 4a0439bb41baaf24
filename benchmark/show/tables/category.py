"""A category's scores: all metrics, a row for each setting, number of shots and profile."""

import pandas as pd

from benchmark.protocol.metrics import METRICS
from benchmark.results.frame import AVERAGE, summarise
from benchmark.show.document import Entry, Note, Score, Section, Table
from benchmark.show.labels import SHORT_TITLES

__all__ = ["BEST", "section"]

BEST = Note(
    "Semibold: the highest mean of a column in the general setting, on the same test images."
)


def section(cells: pd.DataFrame) -> Section:
    """Table of a category's scores, mean ± standard deviation over seeds.

    Parameters
    ----------
    cells
        Those of one data set and category; see `benchmark.results.frame.grid_cells`.
    """
    rows: dict[tuple, dict[str, Entry]] = {}
    for metric in METRICS:
        summary = summarise(cells, metric)
        for row in summary[summary["category"] != AVERAGE].itertuples():
            types = f" (types: {row.parts})" if row.parts else ""
            head = {"Setting": f"{row.setting}{types}", "Shots": row.shots, "Profile": row.profile}
            entry = rows.setdefault((row.setting, row.shots, row.profile), head | {"Seeds": row.n})
            entry[SHORT_TITLES[metric]] = Score(row.mean, row.std, row.n)
    general = [place for place, key in enumerate(rows) if key[0] == "general"]
    title = "All metrics, mean ± standard deviation over seeds"
    table = Table.of(list(rows.values()), title, ranked=general)
    return Section("Metrics", (table, BEST) if rows else ())
