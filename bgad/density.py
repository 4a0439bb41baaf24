"""Density of one feature level: standardisation, then a flow conditioned on the position."""

from collections.abc import Iterable

import numpy as np
import torch
from einops import rearrange
from torch import Tensor, nn

from bgad.device import to_device
from bgad.errors import InputError
from bgad.flow import ConditionalFlow
from bgad.position import position_encoding
from bgad.standardisation import Standardisation

__all__ = ["LevelDensity"]

_SCORING_VECTORS = 8192  # vectors: a batch's activations stay within a few MB


class LevelDensity(nn.Module):
    """Log-likelihood of the feature vectors of one level at their positions.

    Parameters
    ----------
    height, width : int
        Size of the level's feature map in cells.
    standardisation : Standardisation
    flow : ConditionalFlow
    """

    def __init__(
        self, height: int, width: int, standardisation: Standardisation, flow: ConditionalFlow
    ) -> None:
        super().__init__()
        self.height, self.width = height, width
        self.standardisation, self.flow = standardisation, flow
        encoding = position_encoding(height, width, flow.condition_dim)
        self.register_buffer("condition", encoding, persistent=False)
        self._projected: Tensor | None = None

    def train(self, mode: bool = True) -> "LevelDensity":
        """As `torch.nn.Module.train`; in evaluation mode parameters are not to change."""
        self._projected = None
        return super().train(mode)

    def forward(self, features: Tensor, positions: Tensor | slice = slice(None)) -> Tensor:
        """Log-likelihood per channel.

        Parameters
        ----------
        features : Tensor, shape (images, positions, C)
            Raw features.
        positions : Tensor of int or slice
            Which of the level's cells these are, in row-major order.

        Returns
        -------
        Tensor, shape (images, positions)
            Nats per channel, in the unit of `Standardisation.fit`.
        """
        return self.log_likelihood([(self.standardisation, features)], positions)

    def log_likelihood(
        self,
        parts: Iterable[tuple[Standardisation, Tensor]],
        positions: Tensor | slice,
        condition: Tensor | None = None,
    ) -> Tensor:
        """As `forward`, of images that are not all standardised by the same layer.

        Parameters
        ----------
        parts : iterable of Standardisation and Tensor, shape (images, positions, C)
            Raw features, each with what standardises them.
        positions : Tensor of int or slice
        condition : Tensor, optional
            What `ConditionalFlow.project` makes of these positions' encodings, if it is known.

        Returns
        -------
        Tensor, shape (images of all parts, positions)
        """
        if condition is None:
            condition = self.condition[positions]
        standardised, log_dets = [], []
        for layer, features in parts:
            standardised.append(layer(features, positions))
            log_dets.append(layer.log_det[positions].expand(len(features), -1))
        x = torch.cat(standardised)
        return self.flow.log_likelihood(x, condition) + torch.cat(log_dets)

    @torch.inference_mode()
    def score(self, features: np.ndarray) -> np.ndarray:
        """Log-likelihood maps of whole images.

        Parameters
        ----------
        features : ndarray of float32, shape (N, height, width, C)
            Possibly memory-mapped.

        Returns
        -------
        ndarray of float32, shape (N, height, width)
            Nats per channel.

        Raises
        ------
        InputError
            Features of another shape.
        """
        expected = (self.height, self.width, self.flow.channels)
        if features.shape[1:] != expected:
            raise InputError(
                f"expected features of shape (N, {', '.join(map(str, expected))}), "
                f"got {features.shape}: was the model fitted with another backbone or image size?"
            )
        cells = self.height * self.width
        batch = max(1, _SCORING_VECTORS // cells)
        maps = np.empty(features.shape[:3], np.float32)
        device, condition = self.condition.device, self._projection()
        for start in range(0, len(features), batch):
            x = np.array(features[start : start + batch])  # torch needs it writable
            x = rearrange(to_device(x, device), "n h w c -> n (h w) c")
            values = self.log_likelihood([(self.standardisation, x)], slice(None), condition)
            values = rearrange(values, "n (h w) -> n h w", h=self.height)
            maps[start : start + batch] = values.cpu().numpy()
        return maps

    def _projection(self) -> Tensor:
        """Of the condition, which all images share; kept while parameters do not change."""
        projected = self._projected
        if projected is None or projected.device != self.condition.device:
            projected = self.flow.project(self.condition)
            self._projected = None if self.training else projected
        return projected
