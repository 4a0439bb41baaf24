"""The explicit boundary between normal and anomalous log-likelihoods."""

from typing import NamedTuple

import torch

__all__ = ["NORMALIZER", "Boundary", "explicit_boundary"]

NORMALIZER = 10.0
"""Boundaries and contrastive losses see log-likelihoods divided by this (official code)."""


class Boundary(NamedTuple):
    """Normal and anomalous boundary, in units of log-likelihood / `NORMALIZER`."""

    normal: torch.Tensor
    anomalous: torch.Tensor


def explicit_boundary(
    log_likelihood: torch.Tensor,
    beta: float = 0.01,
    tau: float = 0.1,
    normal: torch.Tensor | None = None,
) -> Boundary:
    """Boundary that leaves a share `beta` of the normal vectors on its lower side.

    Parameters
    ----------
    log_likelihood : Tensor, any shape
        Log-likelihoods per channel.
    beta : float
        Share of the normal vectors below the boundary, in [0, 1).
    tau : float
        Margin between the two boundaries, >= 0, in units of log-likelihood / `NORMALIZER`.
    normal : Tensor of bool, same shape, optional
        Which of them are of normal vectors, one at least; all if absent. The device need not be
        waited for, as it would be to index by it.

    Returns
    -------
    Boundary
        `normal` is the value at index int(beta * n) of the ascending sort, detached;
        `anomalous` lies `tau` below.

    Notes
    -----
    Paper section 3.3; the order statistic without interpolation is the official code's.
    """
    values = log_likelihood.detach().flatten()
    if normal is None:
        boundary = values.kthvalue(int(beta * values.numel()) + 1).values / NORMALIZER
    else:
        ordered = values.where(normal.flatten(), torch.inf).sort().values
        rank = (beta * normal.sum(dtype=torch.float64)).long()
        boundary = ordered.index_select(0, rank.view(1)).squeeze(0) / NORMALIZER
    return Boundary(boundary, boundary - tau)
