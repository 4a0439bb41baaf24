"""The flow's first, fixed layer: an invertible standardisation of raw features."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from bgad.errors import InputError

__all__ = ["STANDARDISATIONS", "Standardisation"]

STANDARDISATIONS = ("position", "channel", "none")

_SHRINKAGE = 0.1  # share of the channel's std added to a position's: few images estimate it
_EPSILON = 1e-6
_CHUNK = 32  # images: features may be memory-mapped and larger than memory


class Standardisation(nn.Module):
    """Affine layer with a mean and a std per position and channel.

    Parameters
    ----------
    mean, std : Tensor, shape (positions, C)
    log_det : Tensor, shape (positions,)
        Log-determinant per channel, up to the same constant for all positions.

    Notes
    -----
    Raw backbone features are badly scaled for a flow: without this layer training takes hours
    instead of minutes. The official code has none.
    """

    def __init__(self, mean: Tensor, std: Tensor, log_det: Tensor):
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)
        self.register_buffer("log_det", log_det)

    @classmethod
    def fit(cls, features: np.ndarray, kind: str = "position") -> "Standardisation":
        """Estimate the layer from training normals.

        Parameters
        ----------
        features : ndarray, shape (images, positions, C)
        kind : str
            "position": mean and std of each position and channel, the std shrunk towards the
            channel's, so that this layer is conditioned on the position as the flow is;
            "channel": mean and std of each channel; "none": the identity.

        Returns
        -------
        Standardisation
            Its `log_det` is relative to the "channel" kind's, so that likelihoods of "position"
            and "channel" share their unit: nats per channel of channel-standardised features.

        Raises
        ------
        InputError
            Unknown kind.
        """
        if kind not in STANDARDISATIONS:
            raise InputError(f"standardisation must be one of {STANDARDISATIONS}, got {kind!r}")
        shape = features.shape[1:]
        if kind == "none":
            return cls(torch.zeros(shape), torch.ones(shape), torch.zeros(shape[0]))
        mean = sum(chunk.sum(0) for chunk in _chunks(features)) / len(features)
        variance = sum((chunk - mean).square().sum(0) for chunk in _chunks(features))
        variance = variance / len(features)
        channel_mean = mean.mean(0)
        channel_std = (variance + (mean - channel_mean).square()).mean(0).sqrt() + _EPSILON
        if kind == "position":
            std = variance.sqrt() + _SHRINKAGE * channel_std
        else:
            mean, std = channel_mean.expand(shape), channel_std.expand(shape)
        log_det = (channel_std / std).log().mean(-1)
        return cls(mean.float().clone(), std.float().clone(), log_det.float())

    def forward(self, features: Tensor, positions: Tensor | slice = slice(None)) -> Tensor:
        """Standardise.

        Parameters
        ----------
        features : Tensor, shape (images, positions, C)
        positions : Tensor of int or slice
            Which of the layer's positions these are.

        Returns
        -------
        Tensor, same shape
        """
        return (features - self.mean[positions]) / self.std[positions]

    def inverse(self, standardised: Tensor, positions: Tensor | slice = slice(None)) -> Tensor:
        """Undo `forward`."""
        return standardised * self.std[positions] + self.mean[positions]


def _chunks(features: np.ndarray) -> Iterator[Tensor]:
    for start in range(0, len(features), _CHUNK):
        yield torch.from_numpy(features[start : start + _CHUNK].astype(np.float64))
