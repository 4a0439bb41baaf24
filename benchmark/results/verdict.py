"""Whether a run of one's own reproduces the published one."""

from dataclasses import dataclass

import pandas as pd

from benchmark.protocol.metrics import METRICS
from benchmark.results.frame import column

__all__ = ["TOLERANCES", "Verdict", "judge"]


TOLERANCES = {name: metric.tolerance for name, metric in METRICS.items()}
"""Metric -> largest difference (absolute) between two computations of a cell that agree."""

_CELL = ["dataset", "category", "setting", "known_type", "control", "shots", "seed", "profile"]
_OWN = " of own run"
_SLACK = 1e-9  # a difference of one tolerance, as decimals show it, is within


@dataclass(frozen=True)
class Verdict:
    """What comparing a run with the published one gave.

    Attributes
    ----------
    metrics
        For each metric: ``metric``, ``largest`` (absolute) and ``mean`` difference (own -
        published), ``tolerance, within``.
    beyond
        The figures beyond tolerance: the cell's columns, ``metric, published, own, tolerance,
        difference``.
    compared
        Cells compared.
    other_settings
        Cells left out, as profile or split are not those of the published run.
    other_images
        Cells among the compared whose image files are not those of the published run.
    """

    metrics: pd.DataFrame
    beyond: pd.DataFrame
    compared: int
    other_settings: int
    other_images: int

    @property
    def word(self) -> str:
        """``reproduced``, ``not reproduced`` or ``nothing to compare``."""
        if not self.compared:
            return "nothing to compare"
        return "reproduced" if self.metrics["within"].all() else "not reproduced"


def judge(published: pd.DataFrame, own: pd.DataFrame) -> Verdict:
    """Compare a run with the published one, cell by cell, on the test set ``common``.

    Figures that are undefined in both agree; those undefined in one of them never do;
    metrics that are newer than either result are passed over. Cells that
    only one of the two has, and those with seeds set apart, do not count.

    Parameters
    ----------
    published, own
        See `benchmark.results.frame.results_frame`.
    """
    published, own = published[~published["apart"]], own[~own["apart"]]
    both = published.merge(own, on=_CELL, suffixes=("", _OWN))
    same = pd.Series(True, both.index)
    for name in ("profile_hash", "split_sha256"):  # else another experiment of the same name
        same &= both[name] == both[name + _OWN]
    pairs = both[same]
    lacking = pairs["lacking"] + pairs["lacking" + _OWN]
    figures = pd.concat(
        [
            pairs[_CELL].assign(
                metric=metric,
                published=pairs[column(metric)],
                own=pairs[column(metric) + _OWN],
                tolerance=tolerance,
            )[~lacking.map(lambda names, metric=metric: metric in names).astype(bool)]
            for metric, tolerance in TOLERANCES.items()
        ],
        ignore_index=True,
    )
    figures["difference"] = figures["own"] - figures["published"]
    undefined = figures["own"].isna() & figures["published"].isna()
    figures["within"] = (figures["difference"].abs() <= figures["tolerance"] + _SLACK) | undefined
    metrics = figures.groupby("metric", sort=False).agg(
        largest=("difference", lambda values: values.abs().max()),
        mean=("difference", "mean"),
        tolerance=("tolerance", "first"),
        within=("within", "all"),
    )
    return Verdict(
        metrics=metrics.reset_index(),
        beyond=figures[~figures["within"]].drop(columns="within"),
        compared=len(pairs),
        other_settings=int((~same).sum()),
        other_images=int((pairs["fingerprint"] != pairs["fingerprint" + _OWN]).sum()),
    )
