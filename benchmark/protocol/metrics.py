"""The metrics of a cell: an entry here is all that a further one takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:  # names and titles take no scipy
    from bgad.metrics import PixelCurve

__all__ = ["METRICS", "ImageState", "Metric", "State", "figures"]


@dataclass(frozen=True, eq=False)
class ImageState:
    """What is kept of each of N test images.

    Attributes
    ----------
    scores
        Image scores, (N,).
    labels
        True for anomalous images, (N,).
    overlaps
        AUPIMO of each image, (N,); NaN where it has none.
    """

    scores: np.ndarray
    labels: np.ndarray
    overlaps: np.ndarray


@dataclass(frozen=True, eq=False)
class State:
    """What is kept of a cell's test set, from which each metric is computed, now or later.

    Attributes
    ----------
    images, curve
        Of its images, and of its pixels; None where it was not kept.
    threshold
        Map value of the explicit boundary; None for a method without one.
    """

    images: ImageState | None
    curve: PixelCurve | None
    threshold: float | None

    @cached_property
    def of_images(self) -> dict[str, float | None]:
        """Metrics of the image scores."""
        from bgad.metrics import image_metrics

        return image_metrics(self.images.scores, self.images.labels)

    @cached_property
    def of_pixels(self) -> dict[str, float | None]:
        """Metrics of all pixels together."""
        from bgad.metrics import pixel_metrics

        return pixel_metrics(self.curve, self.threshold)

    @property
    def mean_overlap(self) -> float | None:
        """Mean of the images' AUPIMO."""
        overlaps = self.images.overlaps[np.isfinite(self.images.overlaps)]
        return float(overlaps.mean()) if len(overlaps) else None


@dataclass(frozen=True)
class Metric:
    """A figure between 0 and 1, the more the better.

    Attributes
    ----------
    name
        Its key in results.
    title
        Its name in a table.
    description
        What it is, in a few words.
    level
        Whether it is about images or about pixels.
    tolerance
        Largest difference (absolute) between two computations of a cell that agree.
    source
        The part of `State` that it is computed from.
    compute
        Its value, or None where it is undefined.
    """

    name: str
    title: str
    description: str
    level: Literal["image", "pixel"]
    tolerance: float
    source: Literal["images", "curve"]
    compute: Callable[[State], float | None]

    @property
    def heading(self) -> str:
        """Heading of its table."""
        return f"{self.title} ({self.description})"


# One thread gives the same figures bit for bit, two threads differ by 2e-5 at most (see
# docs/reproduce.md); other processors were not measured, and the tolerances leave room for them:
# one image that changes places moves an F1 by about 0.01, and AUPIMO rests on the few highest
# normal pixels.
METRICS = {
    metric.name: metric
    for metric in (
        Metric(
            "image_auroc",
            "image-AUC",
            "AUROC of the image scores",
            "image",
            0.002,
            "images",
            lambda state: state.of_images["image_auroc"],
        ),
        Metric(
            "image_ap",
            "image-AP",
            "average precision of the image scores",
            "image",
            0.002,
            "images",
            lambda state: state.of_images["image_ap"],
        ),
        Metric(
            "image_f1_max",
            "image-F1",
            "F1-max of the images: the threshold is chosen on the test set, an oracle",
            "image",
            0.01,
            "images",
            lambda state: state.of_images["image_f1_max"],
        ),
        Metric(
            "pixel_auroc",
            "pixel-AUC",
            "AUROC of all pixels",
            "pixel",
            0.001,
            "curve",
            lambda state: state.of_pixels["pixel_auroc"],
        ),
        Metric(
            "pixel_ap",
            "pixel-AP",
            "average precision of all pixels",
            "pixel",
            0.005,
            "curve",
            lambda state: state.of_pixels["pixel_ap"],
        ),
        Metric(
            "pixel_f1_max",
            "pixel-F1",
            "F1-max: the threshold is chosen on the test set, an oracle",
            "pixel",
            0.005,
            "curve",
            lambda state: state.of_pixels["pixel_f1_max"],
        ),
        Metric(
            "pixel_f1_boundary",
            "pixel-F1 at the explicit boundary",
            "threshold from training normals",
            "pixel",
            0.01,
            "curve",
            lambda state: state.of_pixels["pixel_f1_boundary"],
        ),
        Metric(
            "aupro_30",
            "AUPRO",
            "per-region overlap up to a false-positive rate of 0.3",
            "pixel",
            0.002,
            "curve",
            lambda state: state.of_pixels["aupro_30"],
        ),
        Metric(
            "aupimo",
            "AUPIMO",
            "per-image overlap at false-positive rates of 1e-5 to 1e-4 on normal images",
            "pixel",
            0.02,
            "images",
            lambda state: state.mean_overlap,
        ),
    )
}
"""The metrics by name, in the order of tables."""


def figures(state: State) -> dict[str, float | None]:
    """Compute all metrics whose part of the state was kept."""
    return {
        metric.name: metric.compute(state)
        for metric in METRICS.values()
        if getattr(state, metric.source) is not None
    }
