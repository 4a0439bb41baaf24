"""The training of the authors' code, batch by batch."""

import hashlib
import json
import math
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from einops import rearrange
from pydantic import Field
from torch import Tensor

from bgad.anomaly_map import mask_cells
from bgad.backbone import Backbone
from bgad.boundary import NORMALIZER, explicit_boundary
from bgad.density import LevelDensity
from bgad.device import to_device
from bgad.errors import InputError
from bgad.features import EncodedImages, encode
from bgad.losses import bgad_losses
from bgad.parameters import Count, Positive, Weight, parameters
from bgad.position import span
from bgad.progress import Progress
from bgad.synthesis import foreground_mask, fresh_cut_paste
from bgad.training import WARM_META_EPOCHS, check_finite, floored_cosine
from bgad.training_state import TrainingState

__all__ = ["PublishedTraining", "train_published"]

_STRIDES = 4, 8, 16  # of the levels
_REPEATS = 10  # of a known anomaly in a pass
_LOADERS = 2  # what the authors' warm-up takes for the number of batches in a pass
_SAVE_EVERY = 120.0  # seconds
_CURVES = ("learning_rate", "ml", "pull", "push", "boundary", "log_likelihood")


@parameters
class PublishedTraining:
    """Objective and schedule of the authors' code (xcyao00/BGAD).

    25 meta epochs of 8 sub epochs are 200 passes over the training images, shuffled, in batches of
    32. The first 8 passes see the n normal images alone. In each later one the k known anomalies
    come ten times among them, five times as they are and five times as new CutPaste images. The
    cells of a batch's images are split at random into batches of 4096 vectors, a step each. At 256
    pixels that makes ``8 * (n // 32 + 24 * ((n + 10 * k) // 32))`` batches of images, and 32, 8
    and 2 steps on each of them at strides 4, 8 and 16.

    Attributes
    ----------
    learning_rate
        Of Adam; see `rate`.
    joint_adam
        One Adam for all levels' flows instead of one each. A step of one level then has zero
        gradients for the others, which move by their momentum (the authors' code with torch < 2).
    meta_epochs, sub_epochs
        Of the schedule, and passes over the training images in each of these.
    batch_images, batch_vectors
        Images of a batch, and feature vectors of a step.
    cut_paste
        How many of a known anomaly's ten appearances in a pass are CutPaste images.
    beta, tau
        The explicit boundary's quantile of a batch's normal vectors, and margin in
        log-likelihood / 10.
    focal
        Use the asymmetric focal weights.

    Raises
    ------
    InputError
        A value out of its range.

    Notes
    -----
    The first meta epoch has the maximum-likelihood term alone, without focal weights. From then on
    that term has them, and steps with an anomalous vector have the pull and push terms too. Without
    known anomalies it is the authors' engine for that case, which their command line can't reach
    (``--with_fas`` is always on): all steps from the second meta epoch on have the pull term.

    Not the authors': the random generators; CutPaste of images that are resized already, and where
    it finds foregrounds (`bgad.synthesis.fresh_cut_paste`); which of the anomalies are known (the
    caller's choice); versions of libraries and hardware.
    """

    learning_rate: Positive = 2e-4
    joint_adam: bool = False
    meta_epochs: Count = 25
    sub_epochs: Count = 8
    batch_images: Count = 32
    batch_vectors: Count = 4096
    cut_paste: Annotated[int, Field(ge=0, le=_REPEATS)] = 5
    beta: Annotated[float, Field(ge=0, lt=1)] = 0.01
    tau: Weight = 0.1
    focal: bool = True

    def batches(self, n_normal: int, n_known: int) -> list[int]:
        """Count the batches of images in each pass."""
        first = n_normal // self.batch_images
        later = (n_normal + _REPEATS * n_known) // self.batch_images
        return [first] * self.sub_epochs + [later] * self.sub_epochs * (self.meta_epochs - 1)

    def steps_per_batch(self, cells: int) -> int:
        """Count the steps on a batch of images at a level with so many cells an image."""
        return self.batch_images * cells // self.batch_vectors

    def vectors(self, n_normal: int, n_known: int, shape: tuple[int, int]) -> list[int]:
        """Count the feature vectors in all steps on images of a height and width.

        Up to the end of each meta epoch: the last one is the count of all.
        """
        cells = (math.prod(side // stride for side in shape) for stride in _STRIDES)
        per_batch = sum(map(self.steps_per_batch, cells)) * self.batch_vectors
        batches = np.cumsum(self.batches(n_normal, n_known))[self.sub_epochs - 1 :: self.sub_epochs]
        return (batches * per_batch).tolist()

    def rate(self, sub_epoch: int, batch: int, n_batches: int, n_known: int) -> float:
        """Learning rate of one of the `n_batches` batches of images in a pass.

        The same throughout a meta epoch, by a cosine from `learning_rate` to a thousandth of it.
        But the first two are a linear warm-up from a tenth, in which the authors' code counts its
        two loaders for the batches of a pass: it rises in each pass, falls back at the next one,
        and ends above the cosine. Only their script without known anomalies counts right.
        """
        epoch = sub_epoch // self.sub_epochs
        share = floored_cosine(epoch / self.meta_epochs)
        if epoch < WARM_META_EPOCHS:
            counted = _LOADERS if n_known else n_batches
            done = (batch + sub_epoch * counted) / (WARM_META_EPOCHS * self.sub_epochs * counted)
            share = 0.1 + done * (floored_cosine(WARM_META_EPOCHS / self.meta_epochs) - 0.1)
        return self.learning_rate * share


def train_published(
    densities: Sequence[LevelDensity],
    normal: EncodedImages,
    known: EncodedImages | None,
    masks: np.ndarray | None,
    encoder: Backbone,
    training: PublishedTraining,
    seeds: tuple[int, int],
    after_epoch: Callable[[int, int, LevelDensity], None] | None = None,
    state: str | Path | None = None,
) -> list[dict[str, np.ndarray]]:
    """Train the flows of all levels in place.

    Parameters
    ----------
    densities : sequence of LevelDensity
        One a level.
    normal : EncodedImages
        Training normals, possibly memory-mapped.
    known : EncodedImages or None
        Known anomalies.
    masks : ndarray of bool, shape (K, H, W), or None
        Theirs.
    encoder : Backbone
        Of CutPaste images.
    training : PublishedTraining
    seeds : pair of int
        Of the batches, and of the CutPaste images.
    after_epoch : callable, optional
        Called after each meta epoch with a level, the meta epoch's number, from 0, and the
        level's density. When continued from a state, it may be called again for the same one.
    state : path, optional
        Folder in which the state is kept every two minutes, and found again by a later call with
        the same arguments, which comes to the same result, bit for bit. Left to the caller to
        delete.

    Returns
    -------
    list of dict of ndarray of float32, shape (steps,)
        For each level, the curves of `bgad.training.train_level`.

    Raises
    ------
    InputError
        Too few images for a batch, or cells for a batch of vectors, or training that diverged.
    OSError
        The state can't be written.
    """
    images = _Images(densities, normal, known, masks, encoder, training, seeds[1])
    batches = training.batches(images.n_normal, images.n_known)
    per_batch = [training.steps_per_batch(d.height * d.width) for d in densities]
    if not batches[0] or not all(per_batch):
        sides = ", ".join(f"{d.height} x {d.width}" for d in densities)
        raise InputError(
            f"the published training needs batch_images={training.batch_images} normal images, and "
            f"in them batch_vectors={training.batch_vectors} cells at each level: "
            f"got {images.n_normal} images of {sides} cells"
        )
    optimizers = _optimizers(densities, training)
    trained = [*densities, *dict.fromkeys(optimizers)]
    curves: list[list[Tensor]] = [[torch.empty(0, len(_CURVES))] for _ in densities]
    first, skipped, saved = 0, 0, time.monotonic()
    if state is not None:
        kept = TrainingState(state, _fingerprint(densities, images, seeds))
        if found := kept.load():
            first, skipped = found["passes"], found["batches"]
            curves = [[curve] for curve in found["curves"]]
            for part, content in zip(trained, found["trained"], strict=True):
                part.load_state_dict(content)
            for optimizer in dict.fromkeys(optimizers):
                for parameter in optimizer.state:  # zero, not absent: Adam moves it all the same
                    parameter.grad = torch.zeros_like(parameter)
    streams = _streams(densities, training)
    levels = [
        _Level(density, optimizer, stream, training, has_known=known is not None)
        for density, optimizer, stream in zip(densities, optimizers, streams, strict=True)
    ]
    progress = Progress(sum(batches) * sum(per_batch), sum(len(level[0]) for level in curves))

    def settle() -> None:
        """Wait for what the device still computes, and look at it."""
        for level, density, curve in zip(levels, densities, curves, strict=True):
            curve[:] = [torch.cat([*curve, *level.take_curves()])]
            if not curve[0].isfinite().all():
                _refuse(curve[0], density)

    with ThreadPoolExecutor(1) as ahead:
        pasted = ahead.submit(images.paste, first)
        for sub_epoch in range(first, len(batches)):
            images.shuffle(sub_epoch, pasted.result())
            pasted = ahead.submit(images.paste, sub_epoch + 1)
            drawn = _batches(images, seeds[0], sub_epoch, batches[sub_epoch], per_batch)
            for number, (level, batch) in enumerate(drawn, 1):
                if number <= skipped:  # drawn for the generator's sake
                    continue
                levels[level].train(batch)
                progress.advance(per_batch[level])
                if state is not None and time.monotonic() - saved >= _SAVE_EVERY:
                    settle()
                    kept.save(
                        passes=sub_epoch,
                        batches=number,
                        trained=[part.state_dict() for part in trained],
                        curves=[curve[0] for curve in curves],
                    )
                    saved = time.monotonic()
            skipped = 0
            settle()
            if after_epoch is not None and (sub_epoch + 1) % training.sub_epochs == 0:
                for level, density in enumerate(densities):
                    after_epoch(level, sub_epoch // training.sub_epochs, density)
    return [dict(zip(_CURVES, curve[0].T.numpy(), strict=True)) for curve in curves]


class _Images:
    """What a pass goes over: the normals, then ten appearances of each known anomaly."""

    def __init__(
        self,
        densities: Sequence[LevelDensity],
        normal: EncodedImages,
        known: EncodedImages | None,
        masks: np.ndarray | None,
        encoder: Backbone,
        training: PublishedTraining,
        augment_seed: int,
    ) -> None:
        self.shapes = [(d.height, d.width) for d in densities]
        self.normal, self.known, self.masks = normal, known, masks
        self.encoder, self.training, self.augment_seed = encoder, training, augment_seed
        self.n_normal, self.n_known = len(normal), 0 if known is None else len(known)
        self.n_pasted = self.n_known * training.cut_paste
        self.foregrounds: np.ndarray | None = None
        # Of the known anomalies, followed by the CutPaste images, the one that is shown.
        as_they_are = np.tile(np.arange(self.n_known), _REPEATS - training.cut_paste)
        self.shown = np.append(as_they_are, self.n_known + np.arange(self.n_pasted))

    def paste(self, sub_epoch: int) -> tuple[np.ndarray, np.ndarray] | None:
        """Make the CutPaste images of a pass, and their masks; None for a pass without any."""
        last = self.training.sub_epochs * self.training.meta_epochs
        if not self.n_pasted or not self.training.sub_epochs <= sub_epoch < last:
            return None
        if self.foregrounds is None:
            self.foregrounds = np.stack([foreground_mask(image) for image in self.normal.images])
        return fresh_cut_paste(
            self.normal.images,
            self.known.images,
            self.masks,
            self.n_pasted,
            [self.augment_seed, sub_epoch],
            self.foregrounds,
        )

    def shuffle(self, sub_epoch: int, pasted: tuple[np.ndarray, np.ndarray] | None) -> None:
        """Say what a pass goes over."""
        self.has_known = sub_epoch >= self.training.sub_epochs and self.n_known > 0
        if not self.has_known:
            return
        levels, masks = self.known.levels, self.masks
        if pasted is not None:
            images, pasted_masks = pasted
            both = zip(levels, encode(self.encoder, images).levels, strict=True)
            levels, masks = tuple(map(np.concatenate, both)), np.concatenate([masks, pasted_masks])
        self.anomalous = levels
        self.cells = [mask_cells(masks, shape) for shape in self.shapes]

    def order(self, rng: np.random.Generator) -> np.ndarray:
        """Shuffle the images of the pass."""
        return rng.permutation(self.n_normal + self.has_known * len(self.shown))

    def take(self, level: int, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Feature vectors of some of them, (images * cells, C), and which are anomalous."""
        is_normal = rows < self.n_normal
        features = np.empty((len(rows), *self.normal.levels[level].shape[1:]), np.float32)
        anomalous = np.zeros(features.shape[:3], bool)
        features[is_normal] = self.normal.levels[level][rows[is_normal]]
        if not is_normal.all():
            shown = self.shown[rows[~is_normal] - self.n_normal]
            features[~is_normal] = self.anomalous[level][shown]
            anomalous[~is_normal] = self.cells[level][shown]
        return rearrange(features, "n h w c -> (n h w) c"), anomalous.reshape(-1)


@dataclass(frozen=True)
class _Batch:
    """A level's steps on a batch of images: all its vectors, and those of each step, by row."""

    features: np.ndarray
    anomalous: np.ndarray
    steps: np.ndarray
    rate: float
    is_first: bool  # of the meta epochs


def _batches(
    images: _Images, seed: int, sub_epoch: int, n_batches: int, per_batch: Sequence[int]
) -> Iterator[tuple[int, _Batch]]:
    """Draw a pass: for each batch of images a `_Batch` of each level, by its number."""
    training, rng = images.training, np.random.default_rng([seed, sub_epoch])
    rows = images.order(rng)
    for number in range(n_batches):
        rate = training.rate(sub_epoch, number, n_batches, images.n_known)
        part = rows[number * training.batch_images :][: training.batch_images]
        for level, n_steps in enumerate(per_batch):
            features, anomalous = images.take(level, part)
            steps = rng.permutation(len(features))[: n_steps * training.batch_vectors]
            yield (
                level,
                _Batch(
                    features,
                    anomalous,
                    steps.reshape(n_steps, -1),
                    rate,
                    sub_epoch < training.sub_epochs,
                ),
            )


class _Level:
    """A level's flow, trained on a batch of images step by step.

    On CUDA the some hundred small operations of a step are recorded once, for each of the two kinds
    of steps, and replayed: to launch them one by one would take longer than they do. Nothing in a
    step may therefore wait for the device, or depend on numbers that are on it.
    """

    def __init__(
        self,
        density: LevelDensity,
        optimizer: torch.optim.Adam,
        stream: torch.cuda.Stream | None,
        training: PublishedTraining,
        has_known: bool,
    ) -> None:
        self.density, self.optimizer, self.stream = density, optimizer, stream
        self.training, self.has_known = training, has_known
        self._coordinates, self._basis = span(density.condition)
        self._log_det = density.standardisation.log_det
        self._curves: list[Tensor] = []
        self._steps: dict[bool, Callable[[], None] | None] = {}
        if stream is not None:
            stream.wait_stream(torch.cuda.current_stream())
            rate = torch.zeros((), device=density.condition.device)
            optimizer.param_groups[0]["lr"] = rate  # also where a state brought another one

    def train(self, batch: _Batch) -> None:
        """Take a batch's steps; of a GPU only the batch before is waited for."""
        with torch.cuda.stream(self.stream):
            self._fill(batch)
            take_step = self._step_of(batch.is_first)
            for _ in batch.steps:
                take_step()
            self._curves.append(self._curve.clone())

    def take_curves(self) -> list[Tensor]:
        """Return the `_CURVES` of all batches since the last time, (steps, curves) each."""
        if self.stream is not None:
            self.stream.synchronize()
        curves, self._curves = [curve.cpu() for curve in self._curves], []
        return curves

    def _fill(self, batch: _Batch) -> None:
        device = self.density.condition.device
        arrays = batch.features, batch.anomalous, batch.steps
        features, *given = [to_device(array, device) for array in arrays]
        by_image = features.view(-1, *self._log_det.shape, features.shape[1])
        given = [self.density.standardisation(by_image).flatten(0, 1), *given]
        rate = self.optimizer.param_groups[0]["lr"]
        if self.stream is None or not self._steps:
            self._features, self._anomalous, self._rows = given
            self._step = torch.zeros(1, dtype=torch.long, device=device)
            self._curve = torch.zeros(len(batch.steps), len(_CURVES), device=device)
        else:  # in place: recorded steps know where things are
            self.stream.synchronize()
            for kept, new in zip((self._features, self._anomalous, self._rows), given, strict=True):
                kept.copy_(new)
            self._step.zero_()
        if isinstance(rate, Tensor):
            rate.fill_(batch.rate)
        else:
            self.optimizer.param_groups[0]["lr"] = batch.rate
        self._curve[:, 0] = batch.rate

    def _step_of(self, is_first: bool) -> Callable[[], None]:
        """How a kind of step is taken: recorded, once a batch has made gradients and moments."""
        take_step = partial(self._take_step, is_first)
        if is_first not in self._steps:
            self._steps[is_first] = None
            return take_step
        recorded = self._steps[is_first] or self._recorded(take_step)
        self._steps[is_first] = recorded
        return recorded

    def _recorded(self, take_step: Callable[[], None]) -> Callable[[], None]:
        """Make a step a CUDA graph, where there is a GPU that can."""
        if self.stream is None:
            return take_step
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph, stream=self.stream, capture_error_mode="thread_local"):
                take_step()
        except RuntimeError as error:
            warnings.warn(f"steps are launched, not replayed, and slow: {error}", stacklevel=2)
            return take_step
        return graph.replay

    def _take_step(self, is_first: bool) -> None:
        density, training = self.density, self.training
        rows = self._rows.index_select(0, self._step).squeeze(0)
        positions = rows % len(self._log_det)
        likelihood = self._log_det[positions] + density.flow.log_likelihood(
            self._features[rows].unsqueeze(0), self._coordinates[positions], self._basis
        )
        anomalous = self._anomalous[rows].unsqueeze(0)
        boundary = explicit_boundary(likelihood, training.beta, training.tau, ~anomalous)
        focal = training.focal and not is_first
        ml, pull, push = bgad_losses(likelihood, anomalous, boundary, focal)
        if is_first:
            pull = push = torch.zeros_like(ml)
        elif self.has_known:
            is_guided = anomalous.any()
            pull, push = pull.where(is_guided, 0.0), push.where(is_guided, 0.0)
        total = ml + pull + push
        self.optimizer.zero_grad(set_to_none=False)
        total.backward()
        self.optimizer.step()
        normals = likelihood.where(~anomalous, 0.0).sum() / (~anomalous).sum()
        values = torch.stack([ml, pull, push, NORMALIZER * boundary.normal, normals])
        self._curve[:, 1:].index_copy_(0, self._step, values.detach().unsqueeze(0))
        self._step += 1


def _refuse(curve: Tensor, density: LevelDensity) -> None:
    """Say where a training diverged."""
    for step, values in enumerate(curve.tolist()):
        check_finite(dict(zip(_CURVES, values, strict=True)), density, step)


def _streams(
    densities: Sequence[LevelDensity], training: PublishedTraining
) -> list[torch.cuda.Stream | None]:
    """Where each level's steps are queued on a GPU: beside the others' if they are independent."""
    if densities[0].condition.device.type != "cuda":
        return [None] * len(densities)
    if training.joint_adam:
        return [torch.cuda.Stream()] * len(densities)
    return [torch.cuda.Stream() for _ in densities]


def _optimizers(
    densities: Sequence[LevelDensity], training: PublishedTraining
) -> list[torch.optim.Adam]:
    """Each level's optimiser, or one for all of them, as often."""
    parameters = [list(density.parameters()) for density in densities]
    options = {"fused": True, "capturable": densities[0].condition.device.type == "cuda"}
    if training.joint_adam:
        joint = [parameter for level in parameters for parameter in level]
        return [torch.optim.Adam(joint, **options)] * len(densities)
    return [torch.optim.Adam(level, **options) for level in parameters]


def _fingerprint(densities: Sequence[LevelDensity], images: _Images, seeds: tuple[int, int]) -> str:
    """Hash of all that decides about a training, but the versions of code and libraries."""
    settings = (
        {f.name: getattr(images.training, f.name) for f in fields(PublishedTraining)},
        seeds,
        images.encoder.weights_hash,
        densities[0].condition.device.type,
    )
    digest = hashlib.sha256(json.dumps(settings).encode())
    for density in densities:
        for name, value in density.state_dict().items():
            digest.update(f"{name} {tuple(value.shape)}".encode())
            digest.update(value.cpu().numpy().tobytes())
    known = [] if images.known is None else [images.known.images, images.masks]
    for array in (images.normal.images, *known):
        digest.update(f"{array.shape}".encode())
        digest.update(np.ascontiguousarray(array))
    return digest.hexdigest()
