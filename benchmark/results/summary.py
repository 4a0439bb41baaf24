"""A run's figures on one screen."""

import pandas as pd
from tabulate import tabulate

from benchmark.results.tables import (
    AVERAGE,
    HEADLINE,
    SHORT_TITLES,
    display_name,
    format_score,
    grid_cells,
    ordered_categories,
    summarise,
)

__all__ = ["summary_text"]

_KEYS = ["setting", "shots", "profile", "category"]


def summary_text(frame: pd.DataFrame, dataset: str) -> str:
    """Write the headline metrics as text, a line for each setting, number of shots and category.

    Parameters
    ----------
    frame
        See `benchmark.results.tables.results_frame`.
    dataset
        Take only this one's.
    """
    cells = grid_cells(frame, dataset)
    if cells.empty:
        return f"No results of {dataset} yet."
    columns = {}
    for metric in HEADLINE:
        entries = summarise(cells, metric).set_index(_KEYS)
        columns[SHORT_TITLES[metric]] = [
            format_score(*entry) for entry in entries[["mean", "std", "n"]].itertuples(index=False)
        ]
    table = pd.DataFrame(columns, index=entries.index).assign(Seeds=entries["n"]).reset_index()
    order = {name: i for i, name in enumerate(ordered_categories(table["category"]))}
    table["order"] = table["category"].map(lambda name: -1 if name == AVERAGE else order[name])
    table = table.sort_values([*_KEYS[:3], "order"], kind="stable").drop(columns="order")
    table["category"] = [display_name(name) or "Average" for name in table["category"]]
    table.columns = [name.capitalize() if name in _KEYS else name for name in table.columns]
    title = f"{dataset}, test set common" + (", synthetic stand-in" * (dataset == "synthetic"))
    text = tabulate(table, "keys", "simple", showindex=False, disable_numparse=True)
    return f"{title}\n{text}"
