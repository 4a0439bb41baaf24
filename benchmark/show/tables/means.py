"""What the tables of studies share: means over categories, then over seeds."""

import pandas as pd

from benchmark.show.document import Quantity, Score

__all__ = ["over_categories", "points", "score", "sizes"]


def over_categories(cells: pd.DataFrame, values: pd.Series) -> pd.Series:
    """Mean over categories for each seed that all categories have; NaN where one is undefined.

    Parameters
    ----------
    cells
        See `benchmark.results.frame.results_frame`.
    values
        A value for each of them.
    """
    table = cells.assign(value=values).pivot_table(
        "value", "seed", "category", aggfunc=lambda parts: parts.mean(skipna=False), dropna=False
    )
    has = cells.groupby("seed")["category"].nunique()
    complete = has[has == cells["category"].nunique()].index
    return table.reindex(complete).mean(axis=1, skipna=False)


def score(cells: pd.DataFrame, values: pd.Series, remark: str | Quantity = "") -> Score:
    """Mean and deviation over seeds of `over_categories`."""
    means = over_categories(cells, values)
    return Score(means.mean(skipna=False), means.std(), len(means), remark=remark)


def points(differences: pd.Series) -> Quantity:
    """Mean and deviation of differences of shares, in points."""
    in_points = 100 * differences
    return Quantity(in_points.mean(skipna=False), in_points.std(), len(in_points), "+.1f")


def sizes(cells: pd.DataFrame) -> str:
    """Write the numbers of categories and of seeds."""
    return f"{cells['category'].nunique()}, {cells['seed'].nunique()}"
