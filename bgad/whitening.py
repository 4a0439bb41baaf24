"""Channels made uncorrelated."""

import numpy as np
import torch
from torch import Tensor, nn

from bgad.mapped import chunks

__all__ = ["Whitening"]

_RIDGE = 0.01  # added to the correlations' eigenvalues, whose mean is 1: the smallest are noise
_EPSILON = 1e-6


class Whitening(nn.Module):
    """Affine layer that makes the channels of training normals uncorrelated over all positions.

    ZCA of channel-standardised features: of all whitening matrices the one that changes them least
    (Kessy et al., Optimal Whitening and Decorrelation, The American Statistician 2018).

    Parameters
    ----------
    mean : Tensor, shape (C,)
    matrix : Tensor, shape (C, C)
        Vectors are rows and multiplied from the left.

    Notes
    -----
    The paper and the official code have none. A flow whose input is nearly white starts near its
    goal: on the synthetic stand-in half of the steps give more than all of them without
    (docs/convergence.md).
    """

    def __init__(self, mean: Tensor, matrix: Tensor):
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("matrix", matrix)

    @classmethod
    def fit(cls, features: np.ndarray) -> "Whitening":
        """Estimate the layer from training normals, in float64.

        Parameters
        ----------
        features : ndarray, shape (images, positions, C)
            Possibly memory-mapped.

        Returns
        -------
        Whitening
        """
        count, channels = features[..., 0].size, features.shape[-1]
        mean = sum(chunk.sum((0, 1)) for chunk in chunks(features)) / count
        covariance = torch.zeros(channels, channels, dtype=torch.float64)
        for chunk in chunks(features):
            centred = (chunk - mean).flatten(0, 1)
            covariance.addmm_(centred.T, centred, alpha=1 / count)
        std = covariance.diagonal().sqrt() + _EPSILON
        values, vectors = torch.linalg.eigh(covariance / torch.outer(std, std))
        root = (vectors / (values.clamp_min(0) + _RIDGE).sqrt()) @ vectors.T
        return cls(mean, root / std.unsqueeze(1))

    def forward(self, features: Tensor) -> Tensor:
        """Whiten features of shape (..., C)."""
        return (features - self.mean) @ self.matrix

    def inverse(self, whitened: Tensor) -> Tensor:
        """Undo `forward`."""
        return torch.linalg.solve(self.matrix, whitened, left=False) + self.mean
