"""Neighbourhood features: what a cell and those around it show, at several scales."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from einops import rearrange
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from bgad.features import EncodedImages

if TYPE_CHECKING:
    from bgad.detectors.file import State

__all__ = ["RowStandardiser", "neighbourhoods", "sample_rows"]

_BATCH = 16  # images


def neighbourhoods(
    images: EncodedImages, levels: slice = slice(1, 3), side: int = 3
) -> Iterator[Tensor]:
    """Features of cells with their neighbourhoods, several levels joined on the finest one's grid.

    Parameters
    ----------
    images : EncodedImages
        Possibly memory-mapped.
    levels : slice
        Which levels; by default strides 8 and 16.
    side : int
        A level's features are averaged over side x side cells, beyond the border counted as zeros;
        1 leaves them as they are.

    Yields
    ------
    Tensor of float32, shape (n, h, w, C)
        The next n images; coarser levels are upsampled bilinearly.

    Notes
    -----
    PatchCore's patch features (Roth et al., CVPR 2022, section 3.1), with averages for its adaptive
    pooling, as anomalib takes them.
    """
    for start in range(0, len(images), _BATCH):
        joined: list[Tensor] = []
        for level in images.levels[levels]:
            x = torch.from_numpy(np.array(level[start : start + _BATCH]))
            x = avg_pool2d(rearrange(x, "n h w c -> n c h w"), side, 1, side // 2)
            if joined:
                x = interpolate(x, size=joined[0].shape[-2:], mode="bilinear")
            joined.append(x)
        yield rearrange(torch.cat(joined, 1), "n c h w -> n h w c").contiguous()


def sample_rows(features: Tensor, n: int, rng: np.random.Generator) -> Tensor:
    """Draw feature vectors that stand for all.

    Parameters
    ----------
    features : Tensor, shape (M, C)
    n : int
        At most so many; all there are if these are fewer.
    rng : Generator

    Returns
    -------
    Tensor, shape (min(n, M), C)
        In their order, each at most once.
    """
    rows = rng.choice(len(features), min(n, len(features)), replace=False)
    return features[torch.from_numpy(np.sort(rows))]


class RowStandardiser(NamedTuple):
    """Mean and std of each channel of normal feature vectors, and their use on others."""

    mean: Tensor
    std: Tensor

    @classmethod
    def fit(cls, features: Tensor) -> RowStandardiser:
        """Estimate from features of shape (..., C)."""
        flat = features.flatten(0, -2)
        return cls(flat.mean(0), flat.std(0) + 1e-6)

    def __call__(self, features: Tensor) -> Tensor:
        """Standardise features of shape (..., C)."""
        return (features - self.mean) / self.std

    def state(self) -> dict[str, Tensor]:
        """Mean and std by name."""
        return self._asdict()

    @classmethod
    def restore(cls, state: State, channels: int) -> RowStandardiser:
        """Take what `state` gave from a file's tensors."""
        return cls(state.take("mean", channels), state.take("std", channels))
