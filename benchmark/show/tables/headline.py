"""A data set's three headline tables, with all of its categories and few rows."""

import pandas as pd

from benchmark.results.frame import AVERAGE, grid_cells, summarise
from benchmark.show.document import NOT_RUN, Block, Code, Note, Score, Section, Table, count
from benchmark.show.labels import HEADLINE, TITLES, display_name, results_title, synthetic_label
from benchmark.show.tables.caveats import caveats
from bgad.data.registry import find_dataset

__all__ = ["section"]


def section(frame: pd.DataFrame, dataset: str) -> Section:
    """Tables of the general setting with the fewest and the most known anomalies.

    Parameters
    ----------
    frame
        See `benchmark.results.frame.results_frame`.
    dataset
        What the tables are about. Categories that nobody has run keep their columns.
    """
    title = results_title(dataset)
    cells = grid_cells(frame, dataset)
    cells = cells[cells["setting"] == "general"]
    cells = cells[cells["shots"].isin([cells["shots"].min(), cells["shots"].max()])]
    if cells.empty:
        return Section(title)
    there = set(cells["category"])
    names = find_dataset(dataset).ordered({*find_dataset(dataset).categories, *there})
    blocks: list[Block] = [_basis(cells, len(names))]
    for metric in HEADLINE:
        summary = summarise(cells, metric).set_index(["shots", "profile", "category"])
        rows = [
            [
                shots,
                profile,
                *(_score(summary, (shots, profile, name)) for name in (AVERAGE, *names)),
            ]
            for shots, profile in cells.groupby(["shots", "profile"]).groups
        ]
        columns = ["Shots", "Profile", "Mean", *map(display_name, names)]
        label = TITLES[metric] + synthetic_label(dataset)
        blocks.append(Table(columns, rows, label, ranked=range(len(rows))))
    return Section(title, [*blocks, *caveats(cells)])


def _basis(cells: pd.DataFrame, categories: int) -> Note:
    seeds = cells.groupby(["category", "shots", "profile"]).size()
    low, high = seeds.min(), seeds.max()
    number = count(high, "seed") if low == high else f"{low} to {high} seeds"
    ran = cells["category"].nunique()
    holes = f"; {NOT_RUN} was not run" if ran < categories else ""
    return Note(
        f"{count(len(cells), 'cell')}: {ran} of {count(categories, 'category')}, {number} each, "
        "mean ± standard deviation, test set ",
        Code("common"),
        f"{holes}.",
    )


def _score(summary: pd.DataFrame, key: tuple[int, str, str]) -> Score | None:
    if key not in summary.index:
        return None
    entry = summary.loc[key]
    return Score(entry["mean"], entry["std"], int(entry["n"]))
