"""The area under the per-image overlap curve, at false-positive rates that an inspector accepts."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bgad.errors import InputError
from bgad.metrics.maps import check, choose, read

__all__ = ["Aupimo", "aupimo"]


class Aupimo(NamedTuple):
    """The mean over anomalous images, or None; and each image's own, NaN where it has none."""

    value: float | None
    per_image: np.ndarray


def aupimo(
    maps: np.ndarray,
    masks: np.ndarray,
    labels: np.ndarray | None = None,
    images: Sequence[int] | np.ndarray | None = None,
    limits: tuple[float, float] = (1e-5, 1e-4),
) -> Aupimo:
    """Area under each anomalous image's recall over the false positives on normal images.

    Parameters
    ----------
    maps : ndarray of float, shape (N, H, W)
        Anomaly maps, larger is more anomalous; possibly memory-mapped.
    masks : ndarray of bool, shape (N, H, W)
        True where anomalous.
    labels : ndarray of bool, shape (N,), optional
        True for anomalous images; those with an anomalous pixel if absent. An anomalous image
        without one counts neither as normal nor in the mean.
    images : sequence of int, or of N bool, optional
        Which of the N images count; all if absent.
    limits : (float, float)
        Lowest and highest shared false-positive rate, ascending in (0, 1].

    Returns
    -------
    Aupimo
        In [0, 1]. Undefined without anomalous pixels, and where the normal images have so few
        pixels that a single one exceeds the lowest rate.

    Raises
    ------
    InputError
        As `bgad.metrics.pixel_curve`, limits that are no such rates, labels that are not (N,), or
        a normal image with an anomalous pixel.

    Notes
    -----
    Bertoldo et al., arXiv 2401.01984 (2024), section 3: the recall is an image's share of anomalous
    pixels that are called anomalous; the shared false-positive rate is the mean over normal images
    of theirs; the area is taken over its logarithm, and divided by that of the limits. The
    threshold of a rate is the lowest that does not exceed it. Between the scores of two successive
    normal pixels the recall at a rate is constant, so the integral is a finite sum, and exact.
    """
    check(maps, masks)
    low, high = limits
    if not 0 < low < high <= 1:
        raise InputError(f"the false-positive limits must ascend in (0, 1], got {limits}")
    has_pixels = masks.any(axis=(1, 2))
    labels = has_pixels if labels is None else np.asarray(labels).astype(bool)
    if labels.shape != has_pixels.shape:
        raise InputError(f"labels must be one an image: {labels.shape} for {len(maps)} images")
    if (has_pixels & ~labels).any():
        image = np.flatnonzero(has_pixels & ~labels)[0]
        raise InputError(f"image {image} is labelled normal, but its mask has anomalous pixels")
    chosen = choose(images, len(maps))
    per_image = np.full(len(maps), np.nan)
    normal, anomalous = chosen[~labels[chosen]], chosen[has_pixels[chosen]]
    pixels = len(normal) * maps[:1].size
    if low * pixels < 1 or not len(anomalous):
        return Aupimo(None, per_image)

    # While the rate allows k normal pixels, the threshold lies just above the (k + 1)-th highest.
    allowed = int(np.ceil(high * pixels))
    highest = np.empty(0, maps.dtype)
    for _, rows in read(maps, normal):
        highest = np.concatenate([highest, rows.ravel()])
        if len(highest) > allowed:
            highest = np.partition(highest, -allowed)[-allowed:]
    thresholds = np.sort(highest)[::-1]
    rates = np.clip(np.arange(allowed + 1) / pixels, low, high)
    weights = np.diff(np.log(rates)) / np.log(high / low)
    for batch, rows in read(maps, anomalous):
        for image, row in zip(batch, rows, strict=True):
            scores = np.sort(row[masks[image]])
            called = len(scores) - np.searchsorted(scores, thresholds, side="right")
            per_image[image] = weights @ called / len(scores)
    return Aupimo(float(np.mean(per_image[anomalous])), per_image)
