"""Ways of evaluating in which the authors' code departs from this suite's protocol."""

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmark.protocol.intervention import Intervention, Scored
from bgad.anomaly_map import anomaly_maps
from bgad.density import LevelDensity
from bgad.detectors.bgad import BGAD
from bgad.errors import InputError
from bgad.features import EncodedImages
from bgad.metrics import image_metrics, pixel_curve, pixel_metrics
from bgad.training import META_EPOCHS

__all__ = ["Checkpoints", "Moment", "Oracle"]

_NORMALS = 32  # training normals scored at each moment, evenly spaced


@dataclass(frozen=True)
class Moment:
    """What levels say at one moment of training.

    Attributes
    ----------
    likelihoods
        By level, log-likelihoods (N, h, w) of the test images.
    maxima, means
        By level, greatest and mean log-likelihood of some of the training normals.
    """

    likelihoods: list[np.ndarray]
    maxima: list[float]
    means: list[float]


class Checkpoints:
    """What a detector says after each of the 25 parts of its training, kept in a folder.

    Parameters
    ----------
    detector : BGAD
        The instance is to be given to its `fit` as `after_epoch`.
    normal, images : EncodedImages
        Training normals, and the test images.
    folder : path
        Where it is kept, so that a training that goes on after an interruption has it all.
    """

    def __init__(
        self, detector: BGAD, normal: EncodedImages, images: EncodedImages, folder: Path
    ) -> None:
        self.detector, self.images, self.folder = detector, images, folder
        self.normal = normal[:: math.ceil(len(normal) / _NORMALS)]
        steps = getattr(detector, "steps", (META_EPOCHS,))
        if min(steps) < META_EPOCHS:
            raise InputError(
                f"steps={steps}: to select among {META_EPOCHS} moments of training takes at least "
                "as many steps a level"
            )

    def __call__(self, level: int, epoch: int, density: LevelDensity) -> None:
        """Score the images with a level after a part of its training."""
        self.folder.mkdir(parents=True, exist_ok=True)
        normal = density.score(self.normal.levels[level])
        np.savez(
            self._path(level, epoch),
            likelihood=density.score(self.images.levels[level]),
            maximum=normal.max(),
            mean=normal.mean(dtype=np.float64),
        )

    def moments(self) -> Iterator[Moment]:
        """All moments, in their order; the last one's maxima are the detector's own."""
        n_levels = len(self.images.levels)
        n_epochs = next(epoch for epoch in count() if not self._path(0, epoch).is_file())
        for epoch in range(n_epochs):
            levels = [np.load(self._path(level, epoch)) for level in range(n_levels)]
            is_last = epoch == n_epochs - 1
            yield Moment(
                [level["likelihood"] for level in levels],
                self.detector.maxima_ if is_last else [float(level["maximum"]) for level in levels],
                [float(level["mean"]) for level in levels],
            )

    def _path(self, level: int, epoch: int) -> Path:
        return self.folder / f"moment-{epoch}-level-{level}.npz"


class Oracle(Intervention):
    """Scores test images with a view to all of them, or to their labels.

    What is known of the last step alone, or of other maxima, is left out: the explicit boundary
    where a moment of training is selected, and calibration scores.
    """

    checkpoints: Checkpoints | None = None

    def after_epoch(
        self,
        detector: BGAD,
        encoded: EncodedImages,
        normal: slice | list[int],
        tested: list[int],
        folder: Path,
    ) -> Checkpoints | None:
        """Keep the moments of training, if the evaluation selects among them."""
        if self.evaluation.selection == "best_on_test":
            self.checkpoints = Checkpoints(detector, encoded[normal], encoded[tested], folder)
        return self.checkpoints

    def score(
        self,
        detector: BGAD,
        encoded: EncodedImages,
        rows: Sequence[int],
        masks: np.ndarray,
        labels: np.ndarray,
        folder: Path,
    ) -> Scored:
        """Scores and maps, perhaps of two different moments of training.

        The detector's maxima become those of the test set if the evaluation says so.
        """
        moments = (
            list(self.checkpoints.moments())
            if self.checkpoints
            else [Moment(detector.log_likelihoods(encoded[rows]), detector.maxima_, [])]
        )
        if self.evaluation.maxima == "test":
            moments = [_with_maxima_of_test(moment) for moment in moments]
            detector.set_maxima(moments[-1].maxima)

        def found(moment: Moment) -> np.ndarray:
            return anomaly_maps(moment.likelihoods, moment.maxima, detector.image_size)

        def figures(moment: Moment) -> dict[str, Any]:
            maps = found(moment)
            image = image_metrics(maps.max(axis=(1, 2)), labels)["image_auroc"]
            pixel = pixel_metrics(pixel_curve(maps, masks))["pixel_auroc"]
            parts = {"image_auroc": image or 0.0, "pixel_auroc": pixel or 0.0}
            return parts | {"log_likelihood": moment.means}

        with ThreadPoolExecutor(torch.get_num_threads()) as pool:  # as many as a cell may have
            table = list(pool.map(figures, moments))
        best_image, best_pixel = (
            max(range(len(table)), key=lambda i: table[i][name])
            for name in ("image_auroc", "pixel_auroc")
        )
        scores = found(moments[best_image]).max(axis=(1, 2))
        threshold = None if self.checkpoints else detector.boundary_threshold_
        kept = tuple(table) if self.checkpoints else ()
        return Scored(masks, labels, found(moments[best_pixel]), scores, threshold, None, kept)


def _with_maxima_of_test(moment: Moment) -> Moment:
    return replace(moment, maxima=[float(level.max()) for level in moment.likelihoods])
