"""Maximum-likelihood and boundary-guided semi-push-pull losses, and asymmetric focal weights."""

from typing import NamedTuple

import torch
from torch.nn.functional import logsigmoid

from bgad.boundary import NORMALIZER, Boundary

__all__ = ["Losses", "anomalous_focal_weights", "bgad_losses", "normal_focal_weights"]


class Losses(NamedTuple):
    """The three terms of the objective, each a scalar tensor."""

    ml: torch.Tensor
    pull: torch.Tensor
    push: torch.Tensor


def normal_focal_weights(log_likelihood: torch.Tensor) -> torch.Tensor:
    """Focal weights of normal vectors: the less likely, the heavier.

    Parameters
    ----------
    log_likelihood : Tensor
        Per channel; no gradient flows through the weights.

    Returns
    -------
    Tensor, same shape
        With l = log_likelihood / `NORMALIZER`: 1 where l > -0.2, else
        11.7 * (1 - exp(l))^0.5 * |l| (paper section 3.4; constants of the official code).
    """
    ell = log_likelihood.detach() / NORMALIZER
    hard = ell.clamp(max=-0.2)
    return torch.where(ell > -0.2, 1.0, 11.7 * (-torch.expm1(hard)).sqrt() * -hard)


def anomalous_focal_weights(log_likelihood: torch.Tensor) -> torch.Tensor:
    """Focal weights of anomalous vectors: the more likely, the heavier.

    Parameters
    ----------
    log_likelihood : Tensor
        Per channel; no gradient flows through the weights.

    Returns
    -------
    Tensor, same shape
        With l = log_likelihood / `NORMALIZER`: 1 where l <= -1, else
        0.53 * (1 + exp(l))^2 / |l| (paper section 3.4; constants of the official code).
    """
    ell = log_likelihood.detach() / NORMALIZER
    return torch.where(ell <= -1, 1.0, 0.53 * (1 + ell.exp()).square() / ell.abs().clamp(min=1e-6))


def bgad_losses(
    log_likelihood: torch.Tensor,
    anomalous: torch.Tensor,
    boundary: Boundary,
    focal: bool = True,
) -> Losses:
    """Losses of one batch of feature vectors.

    Parameters
    ----------
    log_likelihood : Tensor, any shape
        Per channel.
    anomalous : Tensor of bool, same shape
        True for vectors of anomalous cells.
    boundary : Boundary
        As `bgad.boundary.explicit_boundary` gives it.
    focal : bool
        Weight the three terms with the asymmetric focal weights.

    Returns
    -------
    Losses
        ml: mean over normal vectors of -log sigmoid(log_likelihood);
        pull: mean of b_n - l over normal vectors with l <= b_n;
        push: mean of l - b_a over anomalous vectors with l >= b_a.
        A mean over no vectors is exactly 0 (the official code gives NaN there).

    Notes
    -----
    Paper equations 7 to 9. Means divide by the number of selected vectors, also with weights.
    """
    ell = log_likelihood / NORMALIZER
    normal = ~anomalous
    pulled = normal & (ell.detach() <= boundary.normal)
    pushed = anomalous & (ell.detach() >= boundary.anomalous)
    weights = ell.new_ones(()).expand_as(ell)
    if focal:
        weights = torch.where(
            anomalous,
            anomalous_focal_weights(log_likelihood),
            normal_focal_weights(log_likelihood),
        )
    return Losses(
        ml=_mean_over(normal, -logsigmoid(log_likelihood) * weights),
        pull=_mean_over(pulled, (boundary.normal - ell) * weights),
        push=_mean_over(pushed, (ell - boundary.anomalous) * weights),
    )


def _mean_over(selected: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    # where() instead of indexing keeps the batch's shape; the clamp makes an empty mean 0.
    return torch.where(selected, values, 0.0).sum() / selected.sum().clamp(min=1)
