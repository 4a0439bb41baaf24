"""A small supervised segmentation head on frozen features."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, interpolate

__all__ = ["covered_cells", "make_head", "train_head"]

_COVERED = 0.25  # share of a cell that its mask must cover to be learnt as anomalous
_POSITIVES, _NEGATIVES = 512, 2560  # vectors in a batch


def train_head(
    normal: Tensor, anomalous: Tensor, hidden: int, steps: int, learning_rate: float, seed: int
) -> nn.Module:
    """Train a classifier of feature vectors.

    Parameters
    ----------
    normal, anomalous : Tensor, shape (N, C) and (M, C)
        Standardised features of either class; every batch draws from both with replacement, so
        that few anomalous vectors weigh as much as they need to.
    hidden : int
        Width of the hidden layer; 0 for a linear classifier.
    steps : int
        Of AdamW with weight decay 0.01 and a one-cycle learning rate.
    learning_rate : float
        At its peak.
    seed : int
        Initialisation, batches and dropout.

    Returns
    -------
    Module
        (N, C) to logits (N, 1), larger is more anomalous; in evaluation mode.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        head = make_head(normal.shape[1], hidden)
        optimizer = torch.optim.AdamW(head.parameters(), lr=learning_rate, weight_decay=0.01)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, steps)
        target = torch.cat([torch.ones(_POSITIVES), torch.zeros(_NEGATIVES)])
        for _ in range(steps):
            positives = anomalous[torch.randint(len(anomalous), (_POSITIVES,))]
            negatives = normal[torch.randint(len(normal), (_NEGATIVES,))]
            logits = head(torch.cat([positives, negatives])).squeeze(1)
            loss = binary_cross_entropy_with_logits(logits, target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return head.eval()


def make_head(channels: int, hidden: int) -> nn.Module:
    """Make an untrained classifier of feature vectors, see `train_head`."""
    head: nn.Module = nn.Linear(channels, 1)  # draws random numbers that published figures rest on
    if hidden:
        head = nn.Sequential(
            nn.Linear(channels, hidden), nn.ReLU(), nn.Dropout(0.2), nn.Linear(hidden, 1)
        )
    return head


def covered_cells(masks: np.ndarray, features: Tensor) -> tuple[Tensor, Tensor]:
    """Features of the cells that masks cover, and of those that they don't touch.

    Parameters
    ----------
    masks : ndarray of bool, shape (N, size, size)
    features : Tensor, shape (N, h, w, C)

    Returns
    -------
    tuple of Tensor, shape (M, C) and (K, C)
        Cells covered to a quarter or more, or, of an anomaly too small for that, those it covers
        most; and cells without any anomalous pixel. What lies between is in neither.
    """
    cover = torch.from_numpy(masks).float().unsqueeze(1)
    cover = interpolate(cover, size=features.shape[1:3], mode="area").flatten(1)
    least = cover.amax(1, keepdim=True).clamp(max=_COVERED)
    flat = features.flatten(1, 2)
    return flat[(cover >= least) & (cover > 0)], flat[cover == 0]
