"""Two cells that scored the same images: how far their figures differ, and on which images."""

import numpy as np
import pandas as pd

from benchmark.results.scores import tested
from bgad.metrics import auroc_interval

__all__ = ["ALL", "differences", "disagreements"]

ALL = "all"
"""`type` of the row over all anomaly types."""


def differences(a: pd.DataFrame, b: pd.DataFrame) -> pd.DataFrame:
    """Image-AUC of two cells on the images that both have tested in ``common``, by anomaly type.

    Parameters
    ----------
    a, b
        See `benchmark.results.scores.scores_frame`.

    Returns
    -------
    DataFrame
        ``type`` (`ALL` first), ``n`` (its images), ``a, b`` (image-AUC against all normal images),
        ``difference`` (b less a), ``low, high`` (95 %, over images like these).

    Notes
    -----
    Donner and Zou's interval of a difference, from those of both areas (`auroc_interval`) and the
    correlation that DeLong's covariance gives: unlike DeLong's own it is no point where both cells
    tell all images apart.
    """
    both = _shared(a, b)
    normal, anomalous = both[~both["label"]], both[both["label"]]
    groups = [(ALL, anomalous), *anomalous.groupby("type")]
    rows = [
        {"type": kind, "n": len(group)} | _difference(group, normal)
        for kind, group in groups
        if len(group) and len(normal)
    ]
    return pd.DataFrame(rows, columns=["type", "n", "a", "b", "difference", "low", "high"])


def disagreements(a: pd.DataFrame, b: pd.DataFrame) -> pd.DataFrame:
    """Images by how far two cells are apart on them, the farthest first.

    Returns
    -------
    DataFrame
        ``name, type, label``; ``a, b``: the share of the normal test images that score below it,
        ties counting half, since scores of two cells have no common scale; ``gain``: how much more
        rightly b ranks it than a.
    """
    both = _shared(a, b)
    normal = both[~both["label"]]
    shares = {side: _above(both[side], normal[side]).mean(axis=1) for side in "ab"}
    table = both[["name", "type", "label"]].assign(**shares)
    table["gain"] = (table["b"] - table["a"]) * np.where(table["label"], 1, -1)
    order = table["gain"].abs().sort_values(ascending=False, kind="stable").index
    return table.loc[order].reset_index(drop=True)


def _shared(a: pd.DataFrame, b: pd.DataFrame) -> pd.DataFrame:
    both = tested(a).merge(tested(b)[["name", "score"]], on="name", suffixes=("", "_b"))
    return both.rename(columns={"score": "a", "score_b": "b"})


def _above(scores: pd.Series, others: pd.Series) -> np.ndarray:
    scores, others = scores.to_numpy()[:, None], others.to_numpy()
    return (scores > others) + 0.5 * (scores == others)


def _difference(anomalous: pd.DataFrame, normal: pd.DataFrame) -> dict[str, float]:
    m, n = len(anomalous), len(normal)
    labels = np.repeat([True, False], [m, n])
    wins = [_above(anomalous[side], normal[side]) for side in "ab"]
    area_a, area_b = (float(won.mean()) for won in wins)
    (low_a, high_a), (low_b, high_b) = (
        auroc_interval(np.concatenate([anomalous[side], normal[side]]), labels) for side in "ab"
    )
    correlation = _correlation(*wins)

    def reach(first: float, second: float) -> float:
        return float(np.sqrt(max(0, first**2 + second**2 - 2 * correlation * first * second)))

    difference = area_b - area_a
    return {
        "a": area_a,
        "b": area_b,
        "difference": difference,
        "low": difference - reach(area_b - low_b, high_a - area_a),
        "high": difference + reach(high_b - area_b, area_a - low_a),
    }


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Correlation of two areas over the same images (DeLong et al. 1988), 0 where undefined."""
    covariance = np.zeros((2, 2))
    for axis in (0, 1):
        means = np.stack([first.mean(axis), second.mean(axis)])
        if means.shape[1] > 1:
            covariance += np.cov(means) / means.shape[1]
    spread = np.sqrt(covariance[0, 0] * covariance[1, 1])
    return float(covariance[0, 1] / spread) if spread > 0 else 0.0
