"""What a cell does otherwise than the protocol says: controls, and the authors' own evaluation."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.protocol.cells import Cell
from benchmark.protocol.profiles import Evaluation
from bgad.errors import InputError
from bgad.mapped import empty_on_disk

if TYPE_CHECKING:  # to plan cells takes no torch
    from bgad.detectors.base import Detector
    from bgad.features import EncodedImages

__all__ = ["Intervention", "Scored", "find_intervention"]

_SCORED = 64  # images at a time: a multiple of all methods' own batches, so that nothing changes


@dataclass(frozen=True, eq=False)
class Scored:
    """The N test images of a cell: truth, maps and scores.

    Attributes
    ----------
    masks, maps
        bool and float32, (N, H, W).
    labels, scores
        bool (anomalous) and float32, (N,).
    threshold
        Map value of the explicit boundary, None for a method without one.
    calibration
        Scores of normal images as if they were new, (M,); None for a method without them.
    moments
        Where a moment of training is selected, for each of these ``image_auroc`` and
        ``pixel_auroc`` over all images, and ``log_likelihood``, the mean over training normals by
        level. The last one is the result without selection.
    """

    masks: np.ndarray
    labels: np.ndarray
    maps: np.ndarray
    scores: np.ndarray
    threshold: float | None
    calibration: np.ndarray | None
    moments: tuple[dict[str, Any], ...] = ()


@dataclass(eq=False)
class Intervention:
    """Hooks into the steps of a cell; this one changes nothing."""

    cell: Cell
    evaluation: Evaluation

    def parameters(self, model: dict[str, Any]) -> dict[str, Any]:
        """Parameters of the cell's method, given its profile's."""
        return model

    def rows(self, normal: slice, known: Sequence[int]) -> tuple[slice | list[int], list[int]]:
        """Rows of the training images that are taken for normal, and for known anomalies."""
        return normal, list(known)

    def after_epoch(
        self,
        detector: Detector,
        encoded: EncodedImages,
        normal: slice | list[int],
        tested: list[int],
        folder: Path,
    ) -> Callable[..., None] | None:
        """What is called after each 25th of training, see `bgad.detectors.bgad`; None for nothing.

        Parameters
        ----------
        detector
            About to be fitted.
        encoded, normal, tested
            Images, and which of them are training normals and test images.
        folder
            Of the cell's training alone, for what is to outlast an interruption.
        """
        return None

    def score(
        self,
        detector: Detector,
        encoded: EncodedImages,
        rows: Sequence[int],
        masks: np.ndarray,
        labels: np.ndarray,
        folder: Path,
    ) -> Scored:
        """Score the test images, some at a time: memory does not grow with their number.

        Parameters
        ----------
        detector
            Fitted.
        encoded, rows
            Images, and which of them are tested.
        masks, labels
            Their truth.
        folder
            Where maps are kept.
        """
        maps = empty_on_disk(masks.shape, np.float32, folder)
        scores = np.empty(len(rows), np.float32)
        for start in range(0, len(rows), _SCORED):
            part = slice(start, start + _SCORED)
            maps[part], scores[part] = detector.maps_and_scores(encoded[rows[part]])
        threshold, calibration = detector.boundary_threshold_, detector.calibration_scores_
        return Scored(masks, labels, maps, scores, threshold, calibration)


_CONTROLS = {
    "shuffled_labels": "ShuffledLabels",
    "random_weights": "RandomWeights",
    "swapped_labels": "SwappedLabels",
    "constant_maps": "ConstantMaps",
}


def find_intervention(cell: Cell, evaluation: Evaluation) -> Intervention:
    """Look up what a cell, or its profile's evaluation, does otherwise than the protocol.

    Raises
    ------
    InputError
        A control of an evaluation that departs from the protocol.
    """
    if cell.control and evaluation.departures:
        raise InputError("controls are of profiles that are evaluated by the protocol alone")
    place = ("fidelity", "Oracle") if evaluation.needs_likelihoods else None
    place = ("controls", _CONTROLS[cell.control]) if cell.control else place
    if place is None:
        return Intervention(cell, evaluation)
    module = importlib.import_module(f"benchmark.protocol.{place[0]}")
    return getattr(module, place[1])(cell, evaluation)
