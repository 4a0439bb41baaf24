"""How large a difference between two methods must be for a table to tell them apart."""

from collections.abc import Iterable

import pandas as pd
from scipy import special, stats

from benchmark.results.comparison import differences

__all__ = ["CATEGORIES", "SEEDS", "detectable", "distinguishable", "spreads"]

CATEGORIES = (4, 6, 15)
SEEDS = 3


def detectable(error: float, freedom: float, power: float = 0.8, level: float = 0.05) -> float:
    """Difference that a two-sided t-test finds with a given power.

    Parameters
    ----------
    error : float
        Standard error of the mean difference; the result has its unit.
    freedom : float
        Degrees of freedom of its estimate.
    power, level : float
        Probability that the difference is found, and that one is where there is none; in (0, 1).

    Examples
    --------
    >>> print(f"{detectable(1, freedom=14):.2f} standard errors with 15 categories")
    3.01 standard errors with 15 categories
    """
    critical = stats.t.ppf(1 - level / 2, freedom)
    # Not found is a statistic below the critical value: its quantile, solved for the shift.
    return error * float(special.nctdtrinc(freedom, 1 - power, critical))


def spreads(frame: pd.DataFrame) -> pd.DataFrame:
    """How differences between BGAD and its peers spread over categories, and over their seeds.

    Parameters
    ----------
    frame
        See `benchmark.results.frame.results_frame`.

    Returns
    -------
    DataFrame
        ``profile, shots, metric, peer`` of the setting ``general``; ``categories`` and ``seeds``
        (numbers that were measured); ``between`` (standard deviation of categories without that of
        their seeds) and ``within`` (of a category's seeds); pairs with fewer than two of either are
        left out.
    """
    cells = differences(frame)
    cells = cells[cells["setting"] == "general"]
    rows = []
    for key, group in cells.groupby(["profile", "shots", "metric", "peer"]):
        of_category = group.groupby("category")["difference"]
        seeds, within = of_category.size().min(), of_category.var(ddof=1).mean()
        if seeds > 1 and of_category.ngroups > 1:
            between = max(0.0, of_category.mean().var(ddof=1) - within / seeds)
            rows.append([*key, of_category.ngroups, seeds, between**0.5, within**0.5])
    names = ["profile", "shots", "metric", "peer", "categories", "seeds", "between", "within"]
    return pd.DataFrame(rows, columns=names)


def distinguishable(
    frame: pd.DataFrame, categories: Iterable[int] = CATEGORIES, seeds: int = SEEDS
) -> pd.DataFrame:
    """Differences that so many categories and seeds find with a power of 80 %.

    Parameters
    ----------
    frame
        See `benchmark.results.frame.results_frame`.
    categories, seeds
        Numbers to plan for.

    Returns
    -------
    DataFrame
        `spreads` with, for each number of categories, ``others_K`` (a difference on categories like
        these) and ``same_K`` (on these very categories, run with other seeds).
    """
    measured = spreads(frame)
    of_mean = measured["between"] ** 2 + measured["within"] ** 2 / seeds
    for count in categories:
        errors = (of_mean / count) ** 0.5
        measured[f"others_{count}"] = errors * detectable(1, count - 1)
        errors = measured["within"] / (count * seeds) ** 0.5
        measured[f"same_{count}"] = errors * detectable(1, count * (seeds - 1))
    return measured
