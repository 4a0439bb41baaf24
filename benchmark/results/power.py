"""How large a difference between two methods must be for a table to tell them apart."""

from collections.abc import Iterable

import pandas as pd
from scipy import special, stats

from benchmark.results.comparison import differences

__all__ = ["detectable", "spreads", "table"]

_CATEGORIES = (4, 6, 15)
_SEEDS = 3


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


def table(
    frame: pd.DataFrame,
    metric: str = "image_auroc",
    categories: Iterable[int] = _CATEGORIES,
    seeds: int = _SEEDS,
) -> pd.DataFrame:
    """Differences in points (0.01) that so many categories and seeds find with a power of 80 %.

    Parameters
    ----------
    frame
        See `benchmark.results.frame.results_frame`.
    metric
        Which figure, of those in `spreads`.
    categories, seeds
        Numbers to plan for.

    Returns
    -------
    DataFrame of str
        A row for each profile and peer, at the largest number of shots. ``K categories`` speaks of
        other categories like these; ``same K`` of these very categories run with other seeds.
    """
    measured = spreads(frame)
    measured = measured[measured["metric"] == metric]
    measured = measured[measured["shots"] == measured["shots"].max()]
    rows = []
    for entry in measured.itertuples():
        row = {
            "Profile": entry.profile,
            "Peer": entry.peer,
            "Spread of categories": f"{100 * entry.between:.1f}",
            "Spread of seeds": f"{100 * entry.within:.1f}",
        }
        of_mean = entry.between**2 + entry.within**2 / seeds
        for count in categories:
            found = detectable((of_mean / count) ** 0.5, count - 1)
            row[f"{count} categories"] = f"{100 * found:.1f}"
        for count in categories:
            error = entry.within / (count * seeds) ** 0.5
            row[f"same {count}"] = f"{100 * detectable(error, count * (seeds - 1)):.1f}"
        rows.append(row)
    return pd.DataFrame(rows)
