"""Confidence intervals of figures that rest on few test images."""

import numpy as np
from scipy.optimize import brentq
from scipy.stats import binomtest, norm

from bgad.errors import InputError
from bgad.metrics.image import check_scores

__all__ = ["auroc_interval", "proportion_interval"]


def auroc_interval(
    scores: np.ndarray, labels: np.ndarray, confidence: float = 0.95
) -> tuple[float, float] | None:
    """Interval of the image AUROC over test images like these; never a point.

    Parameters
    ----------
    scores, labels : ndarray, shape (N,)
        As in `bgad.metrics.image_metrics`.
    confidence : float
        In (0, 1).

    Returns
    -------
    (low, high) or None
        None without anomalous or without normal images.

    Raises
    ------
    InputError
        As `bgad.metrics.image_metrics`, or a confidence outside (0, 1).

    Notes
    -----
    All areas whose distance from the measured one is at most z standard errors, as in Wilson's
    interval of a proportion. How the variance depends on the area is Hanley and McNeil's formula,
    in Newcombe's form (Statistics in Medicine 25, 2006, method 5); its size is DeLong's estimate
    (Biometrics 44, 1988). Near 1 that estimate rests on the few images that are out of order, or on
    none: towards there it is drawn to the formula's, as far as simulation advises.

    Simulated with 20 to 60 normal and 40 to 140 anomalous images, areas of 0.7 to 0.999, anomalous
    scores of half to three times the normal ones' spread, exponential scores, and a share of
    defects unseen: 95 % intervals hold in 96 % of cases on average, in 92 to 98 % in nine of ten
    settings, in 89 % in the worst. DeLong's on the logit scale hold in 66 to 93 % at 0.99, and are
    a point at 1.

    Examples
    --------
    >>> low, high = auroc_interval([0.1, 0.2, 0.3, 0.7, 0.8, 0.9], [0, 0, 0, 1, 1, 1])
    >>> print(f"{low:.2f} to {high:.2f}")
    0.50 to 1.00
    """
    _check_confidence(confidence)
    scores, labels = check_scores(scores, labels)
    anomalous, normal = scores[labels], scores[~labels]
    m, n = len(anomalous), len(normal)
    if not m or not n:
        return None
    wins = (anomalous[:, None] > normal) + 0.5 * (anomalous[:, None] == normal)
    area = float(wins.mean())

    def formula(area: float) -> float:
        pairs = (m + n) / 2 - 1
        triples = 1 + pairs * (1 - area) / (2 - area) + pairs * area / (1 + area)
        return area * (1 - area) * triples / (m * n)

    size = 1.0
    if min(m, n) > 1:
        estimate = wins.mean(1).var(ddof=1) / m + wins.mean(0).var(ddof=1) / n
        few = formula(1 - 1 / (8 * min(m, n)))  # an eighth of an image out of order
        size = (estimate + few) / (formula(area) + few)
    errors = norm.ppf((1 + confidence) / 2) * np.sqrt(size)

    def beyond(other: float) -> float:
        return abs(other - area) - errors * np.sqrt(formula(other))

    # Next to the measured area nothing is beyond, also where that area's own variance is 0.
    low = 0.0 if area == 0 else brentq(beyond, 0, area * (1 - 1e-12))
    high = 1.0 if area == 1 else brentq(beyond, area + (1 - area) * 1e-12, 1)
    return float(low), float(high)


def proportion_interval(
    count: int, total: int, confidence: float = 0.95
) -> tuple[float, float] | None:
    """Exact interval of a proportion (Clopper & Pearson 1934), as of false alarms or misses.

    Parameters
    ----------
    count, total : int
        How many of how many images.
    confidence : float
        In (0, 1); it is held at least.

    Returns
    -------
    (low, high) or None
        None without images.

    Raises
    ------
    InputError
        If the count exceeds the total or is negative, or the confidence is outside (0, 1).

    Examples
    --------
    >>> low, high = proportion_interval(0, 20)
    >>> print(f"{low:.3f} to {high:.3f}")
    0.000 to 0.168
    """
    _check_confidence(confidence)
    if not 0 <= count <= total:
        raise InputError(f"the count must lie between 0 and the total, got {count} of {total}")
    if not total:
        return None
    interval = binomtest(int(count), int(total)).proportion_ci(confidence, "exact")
    return float(interval.low), float(interval.high)


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise InputError(f"the confidence must lie in (0, 1), got {confidence}")
