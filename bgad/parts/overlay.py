"""What a detector saw in an image, drawn on it at its own size."""

from typing import NamedTuple

import numpy as np
from scipy.ndimage import binary_dilation, find_objects, label

__all__ = ["Regions", "find_regions", "overlay"]

_LINE = np.array([255, 0, 220], np.uint8)  # a colour of few products
_COLD, _HOT = np.array([255.0, 60.0, 0.0]), np.array([255.0, 240.0, 0.0])
_OPACITY = 0.5  # of the hottest pixel: what is below stays visible
_LINE_SHARE = 400  # pixels of the longer side to a pixel of line width


class Regions(NamedTuple):
    """Connected pixels beyond a threshold.

    Attributes
    ----------
    count : int
    box : tuple of int, or None
        Left, top, width and height of the largest in pixels.
    """

    count: int
    box: tuple[int, int, int, int] | None


def find_regions(beyond: np.ndarray) -> Regions:
    """Regions of a bool (H, W); pixels that touch at a corner are connected."""
    regions, count = label(beyond, np.ones((3, 3)))
    if not count:
        return Regions(0, None)
    largest = np.bincount(regions.ravel())[1:].argmax()
    rows, columns = find_objects(regions)[largest]
    width, height = columns.stop - columns.start, rows.stop - rows.start
    return Regions(count, (columns.start, rows.start, width, height))


def overlay(image: np.ndarray, anomaly_map: np.ndarray, threshold: float) -> np.ndarray:
    """Draw heat, and a line around what lies beyond a threshold.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3)
    anomaly_map : ndarray of float32, shape (H, W)
    threshold : float
        A map value. The hottest colour is the map's maximum, but no less than this.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)
    """
    low = np.median(anomaly_map)
    span = max(anomaly_map.max(), threshold) - low
    heat = np.clip((anomaly_map - low) / max(span, np.finfo(np.float32).tiny), 0, 1)[..., None]
    opacity = _OPACITY * heat**2
    drawn = image * (1 - opacity) + (_COLD + heat * (_HOT - _COLD)) * opacity
    drawn = drawn.round().astype(np.uint8)
    beyond = anomaly_map > threshold
    width = 1 + max(image.shape) // _LINE_SHARE
    drawn[binary_dilation(beyond, np.ones((3, 3)), iterations=width) & ~beyond] = _LINE
    return drawn
