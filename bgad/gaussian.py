"""The Gaussian of each position, smoothed as held-out images ask for."""

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from bgad.moments import Moments

__all__ = ["Smoothing", "choose_smoothing", "smoothed_covariance"]

_WINDOWS = (1, 3, 5)  # positions a side
_SHRINKAGES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0)
_RIDGE = 1e-3  # share of the mean variance: float32 features bear no more
_EPSILON = 1e-12  # variance of a constant channel
_JUDGED = 36  # positions at most, evenly spaced, whose likelihood chooses


class Smoothing(NamedTuple):
    """How a position's covariance borrows from others.

    Attributes
    ----------
    window : int
        Side in positions of the square over which covariances are averaged; odd.
    shrinkage : float
        Weight, from 0 to 1, of the mean over all positions.
    """

    window: int
    shrinkage: float


def smoothed_covariance(moments: Moments, smoothing: Smoothing) -> Tensor:
    """Covariance at each position, positive definite.

    Parameters
    ----------
    moments : Moments
    smoothing : Smoothing

    Returns
    -------
    Tensor, shape (height, width, C, C)
        ``(1 - a) * box(S) + a * mean(S) + 0.001 * diag(mean(S))`` for the sample covariances S,
        their means `box` over a window (at the border, over what there is of it) and `mean` over
        all positions, and the shrinkage a.
    """
    covariance = moments.covariance
    mean = covariance.mean((0, 1))
    return _shrunk(_box(covariance, smoothing.window), mean, smoothing.shrinkage)


def choose_smoothing(estimating: Moments, held_out: Moments) -> Smoothing:
    """Choose the smoothing under which images are likeliest that did not estimate the Gaussian.

    Parameters
    ----------
    estimating, held_out : Moments
        Of disjoint groups of images, those that estimate and those that judge.

    Returns
    -------
    Smoothing
        Where all positions are alike (a texture, an unaligned part), a shrinkage of 1: one
        covariance for all.

    Notes
    -----
    Under a Gaussian, the likelihood of images depends on their moments alone: no image is read.
    """
    height, width = estimating.mean.shape[:2]
    step = math.ceil(math.sqrt(height * width / _JUDGED))
    judged = (slice(step // 2, None, step),) * 2
    covariance = estimating.covariance
    mean = covariance.mean((0, 1))
    gap = (held_out.mean - estimating.mean)[judged].unsqueeze(-1)
    deviations = held_out.scatter[judged] / held_out.count + gap * gap.mT
    likelihoods = {}
    for window in _WINDOWS:
        box = _box(covariance, window)[judged]
        for shrinkage in _SHRINKAGES:
            factor = torch.linalg.cholesky(_shrunk(box, mean, shrinkage))
            log_det = 2 * factor.diagonal(dim1=-2, dim2=-1).log().sum()
            distance = (torch.cholesky_inverse(factor) * deviations).sum()
            likelihoods[Smoothing(window, shrinkage)] = -float(log_det + distance)
    return max(likelihoods, key=likelihoods.get)


def _box(covariance: Tensor, window: int) -> Tensor:
    channels_first = covariance.flatten(2).permute(2, 0, 1)
    means = avg_pool2d(channels_first, window, 1, window // 2, count_include_pad=False)
    return means.permute(1, 2, 0).reshape(covariance.shape)


def _shrunk(covariance: Tensor, mean: Tensor, shrinkage: float) -> Tensor:
    ridge = torch.diag(_RIDGE * mean.diagonal() + _EPSILON)
    return torch.lerp(covariance, mean, shrinkage) + ridge
