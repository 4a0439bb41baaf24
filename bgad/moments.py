"""Mean and covariance of the features at each position, additive over groups of images."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bgad.mapped import chunks

__all__ = ["Moments"]


@dataclass(frozen=True)
class Moments:
    """First two moments of feature vectors over images.

    Moments of two groups of images add up to those of both; subtracting those of a part leaves
    those of the rest (Chan et al., Updating Formulae and a Pairwise Algorithm for Computing Sample
    Variances, 1979). In float64.

    Attributes
    ----------
    count : int
        Vectors at each position.
    mean : Tensor, shape (height, width, C)
    scatter : Tensor, shape (height, width, C, C)
        Sum of the outer products of deviations from the mean.
    """

    count: int
    mean: Tensor
    scatter: Tensor

    @classmethod
    def of(cls, features: np.ndarray) -> "Moments":
        """Take them in one pass.

        Parameters
        ----------
        features : ndarray, shape (images, height, width, C)
            At least one image, possibly memory-mapped.
        """
        parts = map(cls._of_chunk, chunks(features))
        return sum(parts, start=next(parts))

    @classmethod
    def _of_chunk(cls, chunk: Tensor) -> "Moments":
        mean = chunk.mean(0)
        centred = chunk - mean
        return cls(len(chunk), mean, torch.einsum("nhwc,nhwd->hwcd", centred, centred))

    def __add__(self, other: "Moments") -> "Moments":
        count = self.count + other.count
        gap = other.mean - self.mean
        scatter = self.scatter + other.scatter
        scatter += _outer(gap) * (self.count * other.count / count)
        return Moments(count, self.mean + gap * (other.count / count), scatter)

    def __sub__(self, part: "Moments") -> "Moments":
        return self + Moments(-part.count, part.mean, -part.scatter)

    @property
    def covariance(self) -> Tensor:
        """Unbiased where more than one vector stands behind it, shape (height, width, C, C)."""
        return self.scatter / max(1, self.count - 1)

    def pooled(self) -> "Moments":
        """Those of the vectors of all positions together, as of a single one."""
        mean = self.mean.mean((0, 1), keepdim=True)
        between = _outer(self.mean - mean).sum((0, 1), keepdim=True) * self.count
        scatter = self.scatter.sum((0, 1), keepdim=True) + between
        return Moments(self.count * self.mean[..., 0].numel(), mean, scatter)


def _outer(vectors: Tensor) -> Tensor:
    return vectors.unsqueeze(-1) * vectors.unsqueeze(-2)
