"""Real data sets beside the one that the headline is about, in one small table."""

from collections.abc import Iterator

import pandas as pd

from benchmark.results.comparison import compared_cells
from benchmark.results.frame import AVERAGE, grid_cells, summarise
from benchmark.show.document import Note, Score, Section, Table, count
from benchmark.show.labels import HEADLINE, SHORT_TITLES, dataset_label, display_name
from benchmark.show.tables.caveats import caveats
from bgad.data.registry import DATASETS

__all__ = ["section"]

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
    cells = {name: _shown(compared_cells(frame, name)) for name in names}
    shown = pd.concat(cells.values())
    if shown.empty:
        return Section("Other real data")
    columns = [column for name in names for column in _columns(name, cells[name])]
    rows = [
        {"Shots": shots, "Profile": profile}
        | {title: scores.get((shots, profile)) for title, scores in columns}
        for shots, profile in sorted(shown.groupby(_ROW).groups)
    ]
    seeds = shown.groupby(["dataset", *_ROW])["seed"].nunique()
    several = f"{seeds.min()} to " if seeds.min() < seeds.max() else ""
    number = f"{count(len(shown), 'cell')}, {several}{count(seeds.max(), 'seed')} each."
    notes = caveats(grid_cells(frame)[lambda cells: cells["dataset"].isin(names)])
    return Section("Other real data", (Note(number), Table.of(rows), *notes))


def _shown(cells: pd.DataFrame) -> pd.DataFrame:
    cells = cells[cells["setting"] == "general"]
    return cells[cells["shots"].isin([cells["shots"].min(), cells["shots"].max()])]


def _columns(dataset: str, cells: pd.DataFrame) -> Iterator[tuple[str, dict[tuple, Score]]]:
    """A column for each metric: its title, and the scores of its rows."""
    if cells.empty:
        return
    categories = sorted(cells["category"].unique())
    named = f" {display_name(categories[0])}" if len(categories) == 1 else ""
    label = dataset_label(dataset)
    label += named if named.strip().lower() not in label.lower() else ""
    for metric in HEADLINE:
        summary = summarise(cells, metric)
        summary = summary[summary["category"] == AVERAGE].set_index(_ROW)
        scores = {row.Index: Score(row.mean, row.std, row.n) for row in summary.itertuples()}
        yield f"{label}: {SHORT_TITLES[metric]}", scores
