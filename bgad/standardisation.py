"""The flow's first, fixed layer: an invertible standardisation of raw features."""

import warnings
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from bgad.errors import InputError
from bgad.gaussian import Smoothing, choose_smoothing, smoothed_covariance
from bgad.moments import Moments

__all__ = ["FOLDS", "STANDARDISATIONS", "Standardisation", "StandardisationEstimate"]

FOLDS = 5
"""Image i of the training normals belongs to fold i modulo this."""

_SHRINKAGE = 0.1  # share of the channel's std added to a position's: few images estimate it
_RIDGE = 0.01  # added to the correlations' eigenvalues, whose mean is 1: the smallest are noise
_EPSILON = 1e-6  # std of a constant channel


class Standardisation(nn.Module):
    """Affine layer: at each position p, features x become (x - mean_p) @ matrix_p.

    Parameters
    ----------
    mean : Tensor, shape (positions, C)
    matrix : Tensor, shape (positions, C, C)
    log_det : Tensor, shape (positions,)
        Log-determinant per channel, up to the same constant for all positions.

    Notes
    -----
    Raw backbone features are badly scaled for a flow: without this layer training takes hours
    instead of minutes. The official code has none.
    """

    def __init__(self, mean: Tensor, matrix: Tensor, log_det: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("matrix", matrix)
        self.register_buffer("log_det", log_det)

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
        centred = features - self.mean[positions]
        return torch.bmm(centred.transpose(0, 1), self.matrix[positions]).transpose(0, 1)

    def inverse(self, standardised: Tensor, positions: Tensor | slice = slice(None)) -> Tensor:
        """Undo `forward`."""
        rows = standardised.transpose(0, 1)
        features = torch.linalg.solve(self.matrix[positions], rows, left=False).transpose(0, 1)
        return features + self.mean[positions]


class StandardisationEstimate:
    """What training normals say of a standardisation, with or without one of `FOLDS` folds.

    Parameters
    ----------
    features : ndarray, shape (images, height, width, C)
        Of training normals, possibly memory-mapped; read once.
    kind : str
        "gaussian": the Gaussian of each position whitened by its symmetric root, so that a flow
        starts at this Gaussian, see `bgad.gaussian`; "whitening": channels made uncorrelated over
        all positions together, then a mean and a std for each position and channel; "position":
        the latter alone, which is conditioned on the position as the flow is; "channel": mean and
        std of each channel; "none": the identity.

    Attributes
    ----------
    kind : str
        "channel" where "gaussian" was asked of fewer images than `FOLDS`.

    Raises
    ------
    InputError
        Unknown kind.

    Warns
    -----
    UserWarning
        Too few images for the kind.
    """

    def __init__(self, features: np.ndarray, kind: str) -> None:
        if kind not in STANDARDISATIONS:
            raise InputError(f"standardisation must be one of {STANDARDISATIONS}, got {kind!r}")
        if kind == "gaussian" and len(features) < FOLDS:
            warnings.warn(
                f"{len(features)} normal images are too few for the Gaussian of each position, "
                f"which takes {FOLDS}: features are standardised by channel instead",
                stacklevel=2,
            )
            kind = "channel"
        self.kind = kind
        folds = range(min(FOLDS, len(features)))
        self._folds = [Moments.of(features[fold::FOLDS]) for fold in folds]
        self._total = sum(self._folds[1:], start=self._folds[0])
        self._channel_std = _std(self._total.pooled())
        self._estimate = _ESTIMATES[kind]
        if kind == "gaussian":
            smoothing = choose_smoothing(self._total - self._folds[0], self._folds[0])
            self._estimate = partial(self._estimate, smoothing=smoothing)

    def layer(self, without: int | None = None) -> Standardisation:
        """Make the layer.

        Parameters
        ----------
        without : int, optional
            Fold that has no say in it: to the layer, its images are new. Needs `FOLDS` images.

        Returns
        -------
        Standardisation
            Its log-determinant has the unit of channel-standardised features, in nats per channel:
            the mean over channels of the log of their std is added, except for "none".
        """
        moments = self._total if without is None else self._total - self._folds[without]
        mean, matrix = self._estimate(moments)
        log_det = torch.linalg.slogdet(matrix).logabsdet / matrix.shape[-1]
        if self.kind != "none":
            log_det = log_det + self._channel_std.log().mean()
        shape = moments.mean.shape
        mean, matrix = mean.expand(shape), matrix.expand(*shape, -1)
        log_det = log_det.expand(shape[:2])
        # Copies, since values of an expanded tensor share their memory.
        return Standardisation(
            mean.flatten(0, 1).float().clone(),
            matrix.flatten(0, 1).float().clone(),
            log_det.flatten().float().clone(),
        )


def _gaussian(moments: Moments, smoothing: Smoothing) -> tuple[Tensor, Tensor]:
    return moments.mean, _inverse_root(smoothed_covariance(moments, smoothing))


def _whitening(moments: Moments) -> tuple[Tensor, Tensor]:
    """Make channels uncorrelated by the ZCA of standardised ones, then a mean and a std a position.

    Of all whitenings it changes the standardised channels least (Kessy et al., Optimal Whitening
    and Decorrelation, The American Statistician 2018).
    """
    pooled = moments.pooled()
    std = _std(pooled).flatten()
    correlation = pooled.scatter[0, 0] / pooled.count / torch.outer(std, std)
    ridge = _RIDGE * torch.eye(len(std), dtype=std.dtype)
    return _by_position(moments, _inverse_root(correlation + ridge) / std.unsqueeze(1))


def _position(moments: Moments) -> tuple[Tensor, Tensor]:
    return _by_position(moments, torch.eye(moments.mean.shape[-1], dtype=moments.mean.dtype))


def _by_position(moments: Moments, mixing: Tensor) -> tuple[Tensor, Tensor]:
    """Apply one matrix everywhere, then a std for each position and channel."""
    std = _std(moments, mixing) + _SHRINKAGE * _std(moments.pooled(), mixing)
    return moments.mean, mixing / std.unsqueeze(-2)


def _channel(moments: Moments) -> tuple[Tensor, Tensor]:
    pooled = moments.pooled()
    return pooled.mean, torch.diag_embed(1 / _std(pooled))


def _none(moments: Moments) -> tuple[Tensor, Tensor]:
    eye = torch.eye(moments.mean.shape[-1], dtype=moments.mean.dtype)
    return torch.zeros_like(moments.mean), eye.expand(1, 1, -1, -1)


_ESTIMATES: dict[str, Callable[..., tuple[Tensor, Tensor]]] = {
    "gaussian": _gaussian,
    "whitening": _whitening,
    "position": _position,
    "channel": _channel,
    "none": _none,
}

STANDARDISATIONS = tuple(_ESTIMATES)


def _std(moments: Moments, mixing: Tensor | None = None) -> Tensor:
    """Of the channels, or of mixtures of them, shape (height, width, C)."""
    covariance = moments.scatter / moments.count
    if mixing is not None:
        covariance = mixing.T @ covariance @ mixing
    return covariance.diagonal(dim1=-2, dim2=-1).clamp_min(0).sqrt() + _EPSILON


def _inverse_root(covariance: Tensor) -> Tensor:
    """The symmetric one."""
    values, vectors = torch.linalg.eigh(covariance)
    return (vectors / values.sqrt().unsqueeze(-2)) @ vectors.mT
