"""Real data sets beside the one that the headline is about, in one small table."""

import pandas as pd

from benchmark.results.comparison import compared_cells
from benchmark.results.frame import AVERAGE, grid_cells, summarise
from benchmark.show.document import Score, Section, Table
from benchmark.show.labels import HEADLINE, SHORT_TITLES, dataset_label, display_name
from benchmark.show.tables.caveats import caveats
from bgad.data.registry import DATASETS

__all__ = ["section"]

_METRICS = (*HEADLINE, "aupro_30")
_ROW = ["shots", "profile"]


def section(frame: pd.DataFrame, but: str) -> Section:
    """Table of the general setting with the fewest and the most known anomalies, peers included.

    Parameters
    ----------
    frame
        See `benchmark.results.frame.results_frame`.
    but
        Data set that is left out; drawn ones and those that nobody else has are, too.
    """
    names = [name for name, of in DATASETS.items() if name != but and not of.is_synthetic]
    rows = [row for name in names for row in _rows(name, compared_cells(frame, name))]
    notes = caveats(grid_cells(frame)[lambda cells: cells["dataset"].isin(names)])
    return Section("Other real data", (Table.of(rows), *notes) if rows else ())


def _rows(dataset: str, cells: pd.DataFrame) -> list[dict]:
    cells = cells[cells["setting"] == "general"]
    cells = cells[cells["shots"].isin([cells["shots"].min(), cells["shots"].max()])]
    summaries = {}
    for metric in _METRICS:
        summary = summarise(cells, metric)
        summaries[metric] = summary[summary["category"] == AVERAGE].set_index(_ROW)
    categories = ", ".join(map(display_name, sorted(cells["category"].unique())))
    return [
        {
            "Data set": f"{dataset_label(dataset)}, {categories}",
            "Shots": shots,
            "Profile": profile,
            "Runs": len(group),
        }
        | {
            SHORT_TITLES[metric]: Score(*of.loc[(shots, profile), ["mean", "std", "n"]])
            for metric, of in summaries.items()
        }
        for (shots, profile), group in cells.groupby(_ROW)
    ]
