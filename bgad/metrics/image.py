"""Image metrics."""

import numpy as np

from bgad.errors import InputError
from bgad.metrics.pixel import pixel_curve

__all__ = ["check_scores", "image_metrics"]


def image_metrics(scores: np.ndarray, labels: np.ndarray) -> dict[str, float | None]:
    """Image AUROC, average precision and greatest F1 over all thresholds; None where undefined.

    The threshold of the F1 is chosen with the test set's truth: an oracle.

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
    scores, labels = check_scores(scores, labels)
    curve = pixel_curve(scores.reshape(-1, 1, 1), labels.reshape(-1, 1, 1))
    f1 = curve.f1_max()
    return {
        "image_auroc": curve.auroc(),
        "image_ap": curve.average_precision(),
        "image_f1_max": None if f1 is None else f1.value,
    }


def check_scores(scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scores as floats and labels as bools, or an `InputError` as of `image_metrics`."""
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
