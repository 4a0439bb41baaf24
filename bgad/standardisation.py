"""The flow's first, fixed layer: an invertible standardisation of raw features."""

import numpy as np
import torch
from torch import Tensor, nn

from bgad.errors import InputError
from bgad.mapped import chunks
from bgad.whitening import Whitening

__all__ = ["STANDARDISATIONS", "Standardisation"]

STANDARDISATIONS = ("whitening", "position", "channel", "none")

_SHRINKAGE = 0.1  # share of the channel's std added to a position's: few images estimate it
_EPSILON = 1e-6


class Standardisation(nn.Module):
    """Affine layer: channels whitened together, then a mean and a std per position and channel.

    Parameters
    ----------
    mean, std : Tensor, shape (positions, C)
        Of the whitened features, where there is a whitening.
    log_det : Tensor, shape (positions,)
        Log-determinant per channel, up to the same constant for all positions.
    whitening : Whitening, optional
        Goes first; by default `torch.nn.Identity`.

    Notes
    -----
    Raw backbone features are badly scaled for a flow: without this layer training takes hours
    instead of minutes. The official code has none.
    """

    def __init__(
        self, mean: Tensor, std: Tensor, log_det: Tensor, whitening: nn.Module | None = None
    ):
        super().__init__()
        self.whitening = whitening or nn.Identity()
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)
        self.register_buffer("log_det", log_det)

    @classmethod
    def fit(cls, features: np.ndarray, kind: str = "whitening") -> "Standardisation":
        """Estimate the layer from training normals.

        Parameters
        ----------
        features : ndarray, shape (images, positions, C)
        kind : str
            "position": mean and std of each position and channel, the std shrunk towards the
            channel's, so that this layer is conditioned on the position as the flow is;
            "whitening": the same, after `bgad.whitening.Whitening` has made the channels
            uncorrelated; "channel": mean and std of each channel; "none": the identity.

        Returns
        -------
        Standardisation
            Its `log_det` leaves out that of the whitening and of the "channel" kind, so that
            likelihoods are in nats per channel of whitened or channel-standardised features.

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
        white = Whitening.fit(features) if kind == "whitening" else nn.Identity()
        mean = sum(white(chunk).sum(0) for chunk in chunks(features)) / len(features)
        variance = sum((white(chunk) - mean).square().sum(0) for chunk in chunks(features))
        variance = variance / len(features)
        channel_mean = mean.mean(0)
        channel_std = (variance + (mean - channel_mean).square()).mean(0).sqrt() + _EPSILON
        if kind == "channel":
            mean, std = channel_mean.expand(shape), channel_std.expand(shape)
        else:
            std = variance.sqrt() + _SHRINKAGE * channel_std
        log_det = (channel_std / std).log().mean(-1)
        return cls(mean.float().clone(), std.float().clone(), log_det.float(), white).float()

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
        return (self.whitening(features) - self.mean[positions]) / self.std[positions]

    def inverse(self, standardised: Tensor, positions: Tensor | slice = slice(None)) -> Tensor:
        """Undo `forward`."""
        features = standardised * self.std[positions] + self.mean[positions]
        if isinstance(self.whitening, Whitening):
            features = self.whitening.inverse(features)
        return features
