"""Detectors that can be held against each other on the same cells."""

from typing import Any, Protocol

import numpy as np

from bgad import BGAD, EncodedImages

__all__ = ["METHODS", "Detector"]


class Detector(Protocol):
    """What a method must offer to be benchmarked: made with `seed` and its profile's `model`."""

    def fit(
        self, normal: EncodedImages, anomalous: EncodedImages | None, masks: np.ndarray | None
    ) -> Any:
        """Train on normal images and known anomalies (none at 0 shots)."""

    def anomaly_maps(self, images: EncodedImages) -> np.ndarray:
        """Anomaly maps, float32, shape (N, image_size, image_size)."""

    @property
    def boundary_threshold_(self) -> float | None:
        """Map value above which a pixel is called anomalous, known without any test image."""


METHODS: dict[str, type[Detector]] = {"bgad": BGAD}
"""Profile's `method` -> class."""
