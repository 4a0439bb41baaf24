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
    normal_log_likelihood: torch.Tensor, beta: float = 0.01, tau: float = 0.1
) -> Boundary:
    """Boundary that leaves a share `beta` of the normal vectors on its lower side.

    Parameters
    ----------
    normal_log_likelihood : Tensor, any shape with at least one element
        Log-likelihoods per channel of normal vectors.
    beta : float
        Share of the normal vectors below the boundary, in [0, 1).
    tau : float
        Margin between the two boundaries, >= 0, in units of log-likelihood / `NORMALIZER`.

    Returns
    -------
    Boundary
        `normal` is the value at index int(beta * n) of the ascending sort, detached;
        `anomalous` lies `tau` below.

    Notes
    -----
    Paper section 3.3; the order statistic without interpolation is the official code's.
    """
    values = normal_log_likelihood.detach().flatten()
    normal = values.kthvalue(int(beta * values.numel()) + 1).values / NORMALIZER
    return Boundary(normal, normal - tau)
