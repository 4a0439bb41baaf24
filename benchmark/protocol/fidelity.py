"""Ways of evaluating in which the authors' code departs from this suite's protocol."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmark.protocol.intervention import Intervention, Scored
from bgad.anomaly_map import anomaly_maps
from bgad.density import LevelDensity
from bgad.detectors.bgad import BGAD
from bgad.errors import InputError
from bgad.features import EncodedImages
from bgad.metrics import image_metrics, pixel_curve, pixel_metrics

__all__ = ["CHECKPOINTS", "Checkpoints", "Oracle"]

CHECKPOINTS = 10
"""At so many equally spaced moments of training the test set is scored to select on it."""

_NORMALS = 32  # training normals scored at each moment, evenly spaced


class Checkpoints:
    """Log-likelihoods at `CHECKPOINTS` moments of training.

    Levels are trained one after the other; a moment is the same share of each one's schedule.

    Parameters
    ----------
    detector : BGAD
        The instance is to be given to its `fit` as `after_step`.
    normal, images : EncodedImages
        Training normals, and the test images.
    """

    def __init__(self, detector: BGAD, normal: EncodedImages, images: EncodedImages) -> None:
        self.detector, self.images = detector, images
        self.normal = normal[:: math.ceil(len(normal) / _NORMALS)]
        if min(detector.steps) < CHECKPOINTS:
            raise InputError(
                f"steps={detector.steps}: to select among {CHECKPOINTS} moments of "
                "training takes at least as many steps a level"
            )
        self._levels: list[list[tuple[np.ndarray, float]]] = [[] for _ in images.levels]

    def __call__(self, level: int, done: int, density: LevelDensity) -> None:
        """Score the images if a further one of the moments has come."""
        steps = self.detector.steps[level]
        if done * CHECKPOINTS // steps > (done - 1) * CHECKPOINTS // steps:
            maximum = float(density.score(self.normal.levels[level]).max())
            self._levels[level].append((density.score(self.images.levels[level]), maximum))

    def moments(self) -> Iterator[tuple[list[np.ndarray], list[float]]]:
        """For each moment, the test images' log-likelihoods and the normals' maxima, by level.

        Maxima are those of some of the training normals, but for the last moment, the model's own.
        """
        for moment in zip(*self._levels, strict=True):
            likelihoods, maxima = map(list, zip(*moment, strict=True))
            is_last = moment[0] is self._levels[0][-1]
            yield likelihoods, self.detector.maxima_ if is_last else maxima


class Oracle(Intervention):
    """Scores test images with a view to all of them, or to their labels.

    What is known of the last step alone, or of other maxima, is left out: the explicit boundary
    where a moment of training is selected, and calibration scores.
    """

    checkpoints: Checkpoints | None = None

    def after_step(
        self, detector: BGAD, normal: EncodedImages, images: EncodedImages
    ) -> Checkpoints | None:
        """Keep the moments of training, if the evaluation selects among them."""
        if self.evaluation.selection == "best_on_test":
            self.checkpoints = Checkpoints(detector, normal, images)
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
        if self.checkpoints:
            moments = self.checkpoints.moments()
        else:
            moments = [(detector.log_likelihoods(encoded[rows]), None)]
        best_image, best_pixel = -1.0, -1.0
        for likelihoods, maxima in moments:
            if self.evaluation.maxima == "test":
                maxima = [float(level.max()) for level in likelihoods]
                detector.set_maxima(maxima)
            found = anomaly_maps(likelihoods, maxima or detector.maxima_, detector.image_size)
            image = image_metrics(found.max(axis=(1, 2)), labels)["image_auroc"] or 0.0
            if image > best_image:
                best_image, scores = image, found.max(axis=(1, 2))
            pixel = pixel_metrics(pixel_curve(found, masks))["pixel_auroc"] or 0.0
            if pixel > best_pixel:
                best_pixel, maps = pixel, found
        threshold = None if self.checkpoints else detector.boundary_threshold_
        return Scored(masks, labels, maps, scores, threshold, None)
