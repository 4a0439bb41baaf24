"""A memory of normal feature vectors: the distance to the nearest one as anomaly score."""

import torch
from torch import Tensor

__all__ = ["greedy_coreset", "nearest_entries"]

_BLOCK = 2048  # points that the coreset looks at together: they stay in the processor's cache
_BATCH = 1024  # vectors: a batch's table of distances stays within a hundred MB


def nearest_entries(vectors: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
    """Find the nearest entry of a memory for each vector.

    Parameters
    ----------
    vectors : Tensor, shape (N, C)
    memory : Tensor, shape (M, C)

    Returns
    -------
    tuple of Tensor, each of shape (N,)
        Euclidean distances, and the entries' indices.
    """
    half_norms = memory.square().sum(1) / 2
    nearest = [torch.addmm(half_norms, x, memory.T, alpha=-1).min(1) for x in vectors.split(_BATCH)]
    values, entries = map(torch.cat, zip(*nearest, strict=True))
    return (2 * values + vectors.square().sum(1)).clamp(min=0).sqrt(), entries


def greedy_coreset(points: Tensor, size: int, first: int = 0) -> Tensor:
    """Choose points one after the other, each the farthest from those chosen (greedy k-center).

    Parameters
    ----------
    points : Tensor, shape (n, C)
    size : int
        How many; at most n.
    first : int
        The point to begin with.

    Returns
    -------
    Tensor of int, shape (size,)
        Indices in the order of choice.

    Notes
    -----
    The result is that of updating the distances of all points after each choice, but for rounding.
    A distance that is out of date is too large at most; so it suffices to keep up to date those
    points, a block, whose noted distances are the largest, as long as the farthest of them is
    farther than any noted distance outside, and then to go on with another block.
    """
    points = points - points.mean(0)  # nearer to zero, squares lose less
    norms = points.square().sum(1)
    chosen = torch.empty(size, dtype=torch.long, device=points.device)
    chosen[0] = first
    noted = _squared_distances(points, norms, points[first : first + 1])
    noted[first] = -1  # never again, not even among equal points
    known = torch.ones_like(norms, dtype=torch.long)  # choices that `noted` takes into account
    done = 1
    while done < size:
        values, block = noted.topk(min(_BLOCK + 1, len(points)))
        outside = values[-1] if len(values) > _BLOCK else values.new_tensor(-1)
        block = block[:_BLOCK]
        x, x_norms, near = points[block], norms[block], noted[block]
        for start in range(int(known[block].min()), done, _BLOCK):
            part = chosen[start : min(start + _BLOCK, done)]
            near = torch.minimum(near, _squared_distances(x, x_norms, points[part]))
        near[noted[block] < 0] = -1
        while done < size:
            farthest = near.argmax()
            if near[farthest] < outside:
                break
            chosen[done] = block[farthest]
            done += 1
            near = torch.minimum(near, _squared_distances(x, x_norms, x[farthest, None]))
            near[farthest] = -1
        noted[block], known[block] = near, done
    return chosen


def _squared_distances(points: Tensor, norms: Tensor, others: Tensor) -> Tensor:
    """Of each point to the nearest of others."""
    squared = torch.addmm(others.square().sum(1), points, others.T, alpha=-2)
    return squared.amin(1).add_(norms).clamp_(min=0)
