"""A memory of normal feature vectors: the distance to the nearest one as anomaly score."""

import torch
from torch import Tensor

__all__ = ["nearest_distances"]

_BATCH = 4096  # vectors: a batch's table of distances stays within a few hundred MB


def nearest_distances(vectors: Tensor, memory: Tensor) -> Tensor:
    """Euclidean distance of each vector to the nearest one of a memory.

    Parameters
    ----------
    vectors : Tensor, shape (N, C)
    memory : Tensor, shape (M, C)

    Returns
    -------
    Tensor, shape (N,)
    """
    half_norms = memory.square().sum(1) / 2
    nearest = [
        torch.addmm(half_norms, x, memory.T, alpha=-1).amin(1) for x in vectors.split(_BATCH)
    ]
    return (2 * torch.cat(nearest) + vectors.square().sum(1)).clamp(min=0).sqrt()
