"""Image metrics, and how sure they are."""

import numpy as np

from bgad.errors import InputError
from bgad.metrics.pixel import pixel_curve

__all__ = ["bootstrap_interval", "image_metrics"]


def image_metrics(scores: np.ndarray, labels: np.ndarray) -> dict[str, float | None]:
    """Image AUROC, average precision and greatest F1 over all thresholds; None where undefined.

    Parameters
    ----------
    scores : ndarray, shape (N,)
        Larger is more anomalous.
    labels : ndarray of bool, shape (N,)
        True for anomalous images.

    Raises
    ------
    InputError
        Not one score and one label an image, a label that is neither 0 nor 1, or a score that is
        NaN or infinite.
    """
    scores, labels = _scores_and_labels(scores, labels)
    curve = pixel_curve(scores.reshape(-1, 1, 1), labels.reshape(-1, 1, 1))
    f1 = curve.f1_max()
    return {
        "image_auroc": curve.auroc(),
        "image_ap": curve.average_precision(),
        "image_f1_max": None if f1 is None else f1.value,
    }


def bootstrap_interval(
    scores: np.ndarray,
    labels: np.ndarray,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> tuple[float, float] | None:
    """Percentile interval of the image AUROC over test images.

    Parameters
    ----------
    scores, labels : ndarray, shape (N,)
        As in `image_metrics`; anomalous and normal images are resampled apart.
    confidence : float
        In (0, 1).
    resamples : int
    seed : int

    Returns
    -------
    (low, high) or None
        None without anomalous or without normal images.

    Raises
    ------
    InputError
        As in `image_metrics`, or a confidence outside (0, 1).
    """
    if not 0 < confidence < 1:
        raise InputError(f"the confidence must lie in (0, 1), got {confidence}")
    scores, labels = _scores_and_labels(scores, labels)
    anomalous, normal = scores[labels], scores[~labels]
    if not len(anomalous) or not len(normal):
        return None
    wins = (anomalous[:, None] > normal) + 0.5 * (anomalous[:, None] == normal)
    rng = np.random.default_rng(seed)
    a, n = (
        rng.multinomial(count, np.full(count, 1 / count), resamples)
        for count in (len(anomalous), len(normal))
    )
    aurocs = ((a @ wins) * n).sum(1) / wins.size
    low, high = np.quantile(aurocs, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def _scores_and_labels(scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    scores, labels = np.asarray(scores), np.asarray(labels)
    if scores.ndim != 1 or scores.shape != labels.shape:
        raise InputError(f"scores and labels must be (N,) alike: {scores.shape}, {labels.shape}")
    if not np.isin(labels, (0, 1)).all():
        raise InputError("labels must be True (1) for anomalous and False (0) for normal images")
    if not np.issubdtype(scores.dtype, np.floating):
        scores = scores.astype(np.float64)
    bad = np.flatnonzero(~np.isfinite(scores))
    if len(bad):
        raise InputError(f"the score of image {bad[0]} is {scores[bad[0]]}")
    return scores, labels.astype(bool)
