"""A data set's scores: a table a metric, a row for each setting, number of shots and profile."""

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from benchmark.protocol.splits import FEW
from benchmark.results.frame import AVERAGE, grid_cells, summarise
from benchmark.show.document import (
    NOT_RUN,
    UNDEFINED,
    Code,
    Emphasis,
    Note,
    Score,
    Section,
    Table,
    count,
)
from benchmark.show.labels import (
    HEADLINE,
    TITLES,
    display_name,
    not_run,
    results_title,
    synthetic_label,
)
from benchmark.show.tables.caveats import caveats
from bgad.data.registry import find_dataset

__all__ = ["LEGEND", "images", "score_table", "section"]

LEGEND = Note(
    "Mean ± standard deviation over seeds (ddof = 1), whose number is in the column ",
    Emphasis("Seeds"),
    "; where a figure rests on another number of seeds, it says n. The average is taken over the "
    "categories that the row has, for each seed that all of them have, and its deviation is that "
    "of these averages. ",
    Emphasis("hard"),
    f": mean over the known types, as many as stated. {NOT_RUN} was not run (an average: its "
    f"categories share no seed); {UNDEFINED} is undefined.",
)
"""What a reader must know of every table that `score_table` makes."""


def section(
    frame: pd.DataFrame,
    dataset: str,
    metrics: Iterable[str] = HEADLINE,
    test_set: str = "common",
) -> Section:
    """Tables of a data set, with what stands behind them.

    Parameters
    ----------
    frame
        See `benchmark.results.frame.results_frame`.
    dataset, metrics, test_set
        What the tables are about.
    """
    title = results_title(dataset)
    cells = grid_cells(frame, dataset)
    if cells.empty:
        return Section(title)
    runs = Note(
        f"{count(len(cells), 'cell')} stand behind these tables: test set ",
        Code(test_set),
        "".join(f", {count(cells[n].nunique(), n)}" for n in ("category", "profile", "seed")),
        ".",
    )
    missing = not_run(dataset, cells["category"])
    notes = [*images(cells, dataset), LEGEND, *caveats(cells)]
    if missing:
        names = ", ".join(map(display_name, missing))
        total = len(find_dataset(dataset).categories)
        notes.insert(0, Note(f"Not run, of the {total} categories: {names}."))
    tables = [score_table(frame, dataset, metric, test_set) for metric in metrics]
    return Section(title, (runs, *tables, *notes))


def score_table(frame: pd.DataFrame, dataset: str, metric: str, test_set: str = "common") -> Table:
    """Table of one metric on one data set (see `LEGEND`).

    Parameters
    ----------
    frame
        See `benchmark.results.frame.results_frame`.
    dataset, metric, test_set
        What the table is about.

    Returns
    -------
    Table
        A row for each setting, number of shots and profile; the average first, then the
        categories that have a cell. The rows of the setting ``general`` are ranked: they share
        their test images.
    """
    summary = summarise(grid_cells(frame, dataset), metric, test_set)
    sizes = summary.loc[summary["category"] == AVERAGE, "parts"].unique()
    average = f"Average (mean of {sizes[0]})" if len(sizes) == 1 else "Average"
    categories = find_dataset(dataset).ordered(set(summary["category"]) - {AVERAGE})
    rows: list[Sequence[Any]] = []
    for (setting, shots, profile), group in summary.groupby(["setting", "shots", "profile"]):
        entries = {entry.category: entry for entry in group.itertuples()}
        seeds = max(entry.n for entry in entries.values())
        scores = [_score(entries[AVERAGE], seeds, "" if len(sizes) == 1 else "mean of {}")]
        scores += [_score(entries.get(name), seeds, "types: {}") for name in categories]
        rows.append([setting, shots, profile, seeds, *scores])
    return Table(
        ["Setting", "Shots", "Profile", "Seeds", average, *map(display_name, categories)],
        rows,
        TITLES[metric] + synthetic_label(dataset),
        ranked=[place for place, row in enumerate(rows) if row[0] == "general"],
    )


def images(cells: pd.DataFrame, dataset: str) -> list[Note]:
    """How many images the figures of a cell rest on, and which are few.

    Parameters
    ----------
    cells, dataset
        See `benchmark.results.frame.grid_cells`.
    """
    known = cells.dropna(subset=["test_normal", "test_anomalous"])
    if known.empty:
        return []
    fewest = known.groupby("category")[["test_normal", "test_anomalous"]].min().astype(int)
    names = find_dataset(dataset).ordered(fewest.index)
    numbers = [f"{display_name(name)} {' + '.join(map(str, fewest.loc[name]))}" for name in names]
    note = Note(f"Fewest test images of a cell, normal + anomalous: {', '.join(numbers)}.")
    few = [display_name(name) for name in names if fewest.loc[name].min() < FEW]
    if few:
        note += Note(f" Fewer than {FEW}, so that little can be told: {', '.join(few)}.")
    vanished = known.groupby("category")["without_truth"].max()
    if vanished.sum():
        of = [f"{display_name(name)} {vanished[name]:.0f}" for name in names if vanished[name]]
        note += Note(f" Anomalous without a pixel of truth at this size: {', '.join(of)}.")
    return [note]


def _score(entry: Any, seeds: int, parts: str) -> Score | None:
    """One summary, with whatever differs from its row's and column's heading as remark."""
    if entry is None or entry.n == 0:
        return None
    remarks = [parts.format(entry.parts)] if parts and entry.parts else []
    remarks += [f"n = {entry.n}"] if entry.n != seeds else []
    return Score(entry.mean, entry.std, entry.n, remark=", ".join(remarks))
