"""Neighbourhood features: what a cell and those around it show, at several scales."""

from collections.abc import Iterator

import numpy as np
import torch
from einops import rearrange
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from bgad.features import EncodedImages

__all__ = ["neighbourhoods", "sample_neighbourhoods"]

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


def sample_neighbourhoods(images: EncodedImages, n: int, rng: np.random.Generator) -> Tensor:
    """Neighbourhood features of random cells of random images.

    Parameters
    ----------
    images : EncodedImages
    n : int
        At most so many; all there are if these are fewer.
    rng : Generator

    Returns
    -------
    Tensor of float32, shape (n, C)
        In the order of images and cells, each cell at most once.
    """
    total = len(images) * images.levels[1][0, ..., 0].size
    chosen = np.sort(rng.choice(total, min(n, total), replace=False))
    parts, first = [], 0
    for batch in neighbourhoods(images):
        flat = batch.flatten(0, 2)
        inside = chosen[(chosen >= first) & (chosen < first + len(flat))] - first
        parts.append(flat[torch.from_numpy(inside)])
        first += len(flat)
    return torch.cat(parts)
