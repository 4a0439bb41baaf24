"""Neighbourhood features: what a cell and those around it show, at two scales."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch.nn.functional import avg_pool2d, interpolate

from bgad.features import EncodedImages

__all__ = ["neighbourhoods", "sample_neighbourhoods"]

_LEVELS = (1, 2)  # strides 8 and 16: the finest level knows too little, and costs the most
_BATCH = 16  # images


def neighbourhoods(encoded: EncodedImages) -> Iterator[np.ndarray]:
    """Locally averaged features of the coarser levels, joined at stride 8.

    Parameters
    ----------
    encoded : EncodedImages
        N images; possibly memory-mapped.

    Yields
    ------
    ndarray of float32, shape (n, h, w, C)
        The next n images: means over 3 x 3 cells of strides 8 and 16, the latter upsampled
        bilinearly (Roth et al., CVPR 2022, section 3.1).
    """
    for start in range(0, len(encoded), _BATCH):
        yield _join([encoded.levels[level][start : start + _BATCH] for level in _LEVELS])


def sample_neighbourhoods(encoded: EncodedImages, n: int, rng: np.random.Generator) -> np.ndarray:
    """Neighbourhood features of random cells of random images.

    Parameters
    ----------
    encoded : EncodedImages
    n : int
        At most so many; all there are if these are fewer.
    rng : Generator

    Returns
    -------
    ndarray of float32, shape (n, C)
        In the order of images and cells, each cell at most once.
    """
    _, height, width, _ = encoded.levels[_LEVELS[0]].shape
    cells = height * width
    total = len(encoded) * cells
    chosen = np.sort(rng.choice(total, min(n, total), replace=False))
    parts, first = [], 0
    for batch in neighbourhoods(encoded):
        flat = batch.reshape(-1, batch.shape[-1])
        inside = chosen[(chosen >= first) & (chosen < first + len(flat))] - first
        parts.append(flat[inside])
        first += len(flat)
    return np.concatenate(parts)


def _join(levels: Sequence[np.ndarray]) -> np.ndarray:
    size = levels[0].shape[1:3]
    means = []
    for level in levels:
        x = torch.from_numpy(np.array(level)).permute(0, 3, 1, 2)  # a copy: torch wants to write
        x = avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)
        means.append(interpolate(x, size=size, mode="bilinear") if x.shape[2:] != size else x)
    return torch.cat(means, dim=1).permute(0, 2, 3, 1).contiguous().numpy()
