"""Training of one level's density."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import logsigmoid

from bgad.boundary import Boundary, explicit_boundary
from bgad.density import LevelDensity
from bgad.device import to_device
from bgad.errors import InputError
from bgad.losses import bgad_losses
from bgad.parameters import Count, Natural, Positive, Share, Weight, parameters
from bgad.progress import Progress
from bgad.standardisation import Standardisation

__all__ = ["Anomalies", "Training", "train_level"]

META_EPOCHS, WARM_META_EPOCHS = 25, 2  # of the official schedule
_BOUNDARY_EVERY, _BOUNDARY_SIDE = 10, 128  # steps; images and positions of the global boundary


@parameters
class Training:
    """Objective and schedule.

    Attributes
    ----------
    steps
        Optimiser steps per level, finest level first.
    learning_rate
        Of Adam, at its peak.
    schedule
        "cosine": linear warm-up, then cosine to 0. "official": 25 equal stretches (the official
        code's meta epochs), each at the cosine's value at its start, but the first two rise
        linearly from a tenth of the peak.
    warm_up
        Share of the steps in which the learning rate rises, of the schedule "cosine".
    normal_only
        Share of the steps at the start that see normal images alone, with the maximum-likelihood
        loss (the official code's first of 25 meta epochs).
    batch_images, batch_positions
        A step's batch: this many images, each at the same randomly drawn positions.
    anomalous_images
        How many of a batch's images show a known anomaly, drawn with replacement.
    repeat
        Show known anomalies that often (the paper's repeated utilization); else no more often
        than a normal image, a random number of a batch's images.
    boundary
        What the explicit boundary in training is a quantile of: the normal vectors of a "batch"
        (the official code's), or "global", those of all training normals (the paper speaks of one
        boundary), estimated on 16,384 random ones every 10 steps.
    beta, tau
        The explicit boundary's quantile, and margin in log-likelihood / 10.
    focal
        Use the asymmetric focal weights.
    pull, push
        Weights of the two contrastive terms beside the maximum-likelihood loss.

    Raises
    ------
    InputError
        A value out of its range.
    """

    steps: Annotated[tuple[Natural, Natural, Natural], Field(strict=False)] = (150, 100, 75)
    learning_rate: Positive = 2e-3
    schedule: Literal["cosine", "official"] = "cosine"
    warm_up: Share = 0.05
    normal_only: Share = 0.3
    batch_images: Count = 32
    batch_positions: Count = 64
    anomalous_images: Count = 8
    repeat: bool = True
    boundary: Literal["batch", "global"] = "batch"
    beta: Annotated[float, Field(ge=0, lt=1)] = 0.01
    tau: Weight = 0.1
    focal: bool = True
    pull: Weight = 1.0
    push: Weight = 1.0

    def __post_init__(self) -> None:
        if self.anomalous_images >= self.batch_images:
            raise InputError(
                f"of batch_images={self.batch_images}, anomalous_images={self.anomalous_images} "
                "leave none that is normal"
            )


@dataclass(frozen=True)
class Anomalies:
    """Known anomalies of one level.

    Attributes
    ----------
    features : ndarray of float32, shape (N, cells, C)
    masks : ndarray of bool, shape (N, cells)
        True where a cell is anomalous.
    probabilities : ndarray, shape (N,)
        With which each image is drawn into a batch; they sum to 1.
    share : float
        Of known anomalies among all training images, those of CutPaste not counted.
    """

    features: np.ndarray
    masks: np.ndarray
    probabilities: np.ndarray
    share: float


def train_level(
    density: LevelDensity,
    normal: np.ndarray,
    anomalies: Anomalies | None,
    training: Training,
    steps: int,
    seed: int,
    after_epoch: Callable[[int], None] | None = None,
    folds: Sequence[Standardisation] = (),
) -> dict[str, np.ndarray]:
    """Train a level's flow in place.

    Parameters
    ----------
    density : LevelDensity
    normal : ndarray of float32, shape (N, cells, C)
        Features of the training normals, possibly memory-mapped.
    anomalies : Anomalies or None
        None trains on the maximum-likelihood loss alone.
    training : Training
    steps : int
        Optimiser steps.
    seed : int
        Of the batches drawn.
    after_epoch : callable, optional
        Called after each of 25 equal parts of the steps with its number, from 0.
    folds : sequence of Standardisation, optional
        The first standardises the first of the normals, and so on around; `density`'s own if
        absent, which knows them too well to show the flow what new normals look like.

    Returns
    -------
    dict of ndarray of float32, shape (steps,)
        learning_rate, ml, pull, push, boundary (log-likelihood per channel) and log_likelihood
        (mean over the batch's normal vectors), at each step.

    Raises
    ------
    InputError
        Training diverged: one of these is not finite.
    """
    rng = np.random.default_rng(seed)
    optimizer = torch.optim.Adam(density.parameters(), lr=training.learning_rate, fused=True)
    folds = folds or (density.standardisation,)
    sample = np.random.default_rng([seed, 1])  # apart: batches do not depend on the boundary's kind
    boundary = None
    history: dict[str, list[float]] = {}
    progress = Progress(steps)
    for step in range(steps):
        rate = training.learning_rate * _schedule(step, steps, training)
        optimizer.param_groups[0]["lr"] = rate
        known = anomalies if step >= training.normal_only * steps else None
        if training.boundary == "global" and step % _BOUNDARY_EVERY == 0:
            boundary = _global_boundary(density, folds, normal, training, sample)
        loss, record = _step_loss(density, folds, normal, known, training, rng, boundary)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        record = {"learning_rate": rate} | {key: float(value) for key, value in record.items()}
        check_finite(record, density, step)
        for key, value in record.items():
            history.setdefault(key, []).append(value)
        progress.advance()
        epoch = step * META_EPOCHS // steps
        if after_epoch is not None and (step + 1) * META_EPOCHS // steps > epoch:
            after_epoch(epoch)
    return {key: np.asarray(values, np.float32) for key, values in history.items()}


def check_finite(record: Mapping[str, float], density: LevelDensity, step: int) -> None:
    """Refuse to go on with a training that has diverged, with an InputError."""
    for key, value in record.items():
        if not math.isfinite(value):
            raise InputError(
                f"training diverged: {key} is {value} at step {step + 1} of the level of "
                f"{density.height} x {density.width} cells: lower the learning rate"
            )


def _schedule(step: int, steps: int, training: Training) -> float:
    """Learning rate as a share of its peak."""
    if training.schedule == "official":
        epoch = step * META_EPOCHS // steps
        if epoch >= WARM_META_EPOCHS:
            return floored_cosine(epoch / META_EPOCHS)
        done = step * META_EPOCHS / (steps * WARM_META_EPOCHS)
        return 0.1 + done * (floored_cosine(WARM_META_EPOCHS / META_EPOCHS) - 0.1)
    rise = min(1.0, (step + 1) / (training.warm_up * steps + 1))
    return rise * 0.5 * (1 + math.cos(math.pi * step / steps))


def floored_cosine(done: float) -> float:
    """Learning rate of the official schedule as a share of its peak, after a share of the time."""
    return 1e-3 + (1 - 1e-3) * 0.5 * (1 + math.cos(math.pi * done))


@torch.no_grad()
def _global_boundary(
    density: LevelDensity,
    folds: Sequence[Standardisation],
    normal: np.ndarray,
    training: Training,
    rng: np.random.Generator,
) -> Boundary:
    cells = normal.shape[1]
    positions = np.sort(rng.choice(cells, min(_BOUNDARY_SIDE, cells), replace=False))
    rows = rng.choice(len(normal), min(_BOUNDARY_SIDE, len(normal)), replace=False)
    device = density.condition.device
    places = to_device(positions, device)
    likelihood = [
        density.log_likelihood(_by_fold(folds, normal, part, positions, device), places)
        for part in np.array_split(rows, math.ceil(len(rows) / training.batch_images))
    ]
    return explicit_boundary(torch.cat(likelihood), training.beta, training.tau)


def _by_fold(
    folds: Sequence[Standardisation],
    normal: np.ndarray,
    rows: np.ndarray,
    positions: np.ndarray,
    device: torch.device,
) -> Iterator[tuple[Standardisation, Tensor]]:
    """Features of normals with what standardises them; each fold's together."""
    for fold, layer in enumerate(folds):
        chosen = rows[rows % len(folds) == fold]
        if len(chosen):
            yield layer, to_device(normal[chosen[:, None], positions], device)


def _step_loss(
    density: LevelDensity,
    folds: Sequence[Standardisation],
    normal: np.ndarray,
    anomalies: Anomalies | None,
    training: Training,
    rng: np.random.Generator,
    boundary: Boundary | None,
) -> tuple[Tensor, dict[str, Tensor]]:
    cells = normal.shape[1]
    positions = np.sort(rng.choice(cells, min(training.batch_positions, cells), replace=False))
    n_known = 0
    if anomalies and training.repeat:
        n_known = training.anomalous_images
    elif anomalies:
        n_known = rng.binomial(training.batch_images - 1, anomalies.share)
    rows = rng.integers(len(normal), size=training.batch_images - n_known)
    device = density.condition.device
    parts = list(_by_fold(folds, normal, rows, positions, device))
    anomalous = np.zeros((len(rows), len(positions)), bool)
    if anomalies:
        known = rng.choice(len(anomalies.masks), size=n_known, p=anomalies.probabilities)
        features = anomalies.features[known[:, None], positions]
        parts.append((density.standardisation, to_device(features, device)))
        anomalous = np.concatenate([anomalous, anomalies.masks[known[:, None], positions]])
    likelihood = density.log_likelihood(parts, to_device(positions, device))
    anomalous = to_device(anomalous, device)
    normals = likelihood.detach()[~anomalous]
    if boundary is None:
        boundary = explicit_boundary(normals, training.beta, training.tau)
    record = {"boundary": 10 * boundary.normal, "log_likelihood": normals.mean()}
    if anomalies is None:
        ml = -logsigmoid(likelihood).mean()
        zero = torch.zeros(())
        return ml, {"ml": ml.detach(), "pull": zero, "push": zero, **record}
    losses = bgad_losses(likelihood, anomalous, boundary, training.focal)
    record |= {key: value.detach() for key, value in losses._asdict().items()}
    total = losses.ml + training.pull * losses.pull + training.push * losses.push
    return total, record
