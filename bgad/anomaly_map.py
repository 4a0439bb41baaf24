"""From the levels' log-likelihoods to anomaly maps, and from masks to the levels' cells."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch.nn.functional import interpolate

from bgad.data.images import Size, as_shape

__all__ = ["anomaly_maps", "mask_cells", "upsample"]

_BATCH = 4  # images: small batches stay in the processor's cache


def anomaly_maps(
    log_likelihoods: Sequence[np.ndarray], maxima: Sequence[float], size: Size
) -> np.ndarray:
    """Join the levels into one map an image.

    Parameters
    ----------
    log_likelihoods : sequence of ndarray, shape (N, h, w)
        Per channel, one array per level.
    maxima : sequence of float
        Per level, the log-likelihood that counts as perfectly normal.
    size : int, or height and width
        Of the maps in pixels.

    Returns
    -------
    ndarray of float32, shape (N, H, W)
        From 0 up: the logarithm of the levels' number less that of the sum over levels of
        min(1, exp(log_likelihood - maximum)), upsampled bilinearly with aligned corners as the
        official code does.

    Notes
    -----
    The official map is the levels' number less that sum, of which this is a monotone function: the
    same order, but no ceiling, where float32 can't tell one from the next. There, the maxima are
    those of the test set, so that an image's map depends on the other images tested; give such
    maxima to get the order of its maps.
    """
    count = len(log_likelihoods[0])
    height, width = as_shape(size)
    maps = np.empty((count, height, width), np.float32)
    for start in range(0, count, _BATCH):
        batch = slice(start, start + _BATCH)
        total = torch.full(maps[batch].shape, -torch.inf)
        for level, maximum in zip(log_likelihoods, maxima, strict=True):
            log_normality = torch.from_numpy(level[batch] - np.float32(maximum)).clamp(max=0)
            # Whole rows are gathered when there is most to gather.
            log_normality = _interpolate_log(log_normality, width, axis=2)
            log_normality = _interpolate_log(log_normality, height, axis=1)
            torch.logaddexp(total, log_normality, out=total)
        maps[batch] = (math.log(len(maxima)) - total).numpy()
    return maps


def _interpolate_log(log_values: torch.Tensor, size: int, axis: int) -> torch.Tensor:
    """Logarithm of the values' linear interpolation at `size` places along an axis."""
    last = log_values.shape[axis] - 1
    place = torch.linspace(0, last, size, dtype=torch.float64)
    left = place.floor().clamp(max=max(0, last - 1)).long()
    weight = (place - left).float().reshape([-1 if i == axis else 1 for i in range(3)])
    return torch.logaddexp(
        log_values.index_select(axis, left) + (-weight).log1p(),
        log_values.index_select(axis, (left + 1).clamp(max=last)) + weight.log(),
    )


def upsample(cells: np.ndarray, size: Size, sigma: float = 0) -> np.ndarray:
    """Upsample scores of cells to anomaly maps, bilinearly, and blur these.

    Parameters
    ----------
    cells : ndarray, shape (N, h, w)
    size : int, or height and width
        Of the maps in pixels.
    sigma : float
        Of the Gaussian, in pixels; 0 for none.

    Returns
    -------
    ndarray of float32, shape (N, H, W)
    """
    x = torch.from_numpy(np.asarray(cells, np.float32)).unsqueeze(1)
    maps = interpolate(x, size=as_shape(size), mode="bilinear").squeeze(1).numpy()
    return gaussian_filter(maps, (0, sigma, sigma)) if sigma else maps


def mask_cells(masks: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """Masks at the cells of a feature level, by nearest neighbour.

    Parameters
    ----------
    masks : ndarray of bool, shape (N, H, W)
    shape : (height, width)
        Of the level in cells.

    Returns
    -------
    ndarray of bool, shape (N, height, width)
    """
    cells = interpolate(torch.from_numpy(masks).float().unsqueeze(1), size=tuple(shape))
    return cells.squeeze(1).numpy() > 0
