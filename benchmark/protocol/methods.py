"""Detectors that can be held against each other on the same cells."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from bgad.errors import InputError

if TYPE_CHECKING:  # to look up a method's name takes no torch
    import numpy as np

    from bgad.backbone import Backbone
    from bgad.features import EncodedImages

__all__ = ["METHODS", "RUN_PARAMETERS", "Detector", "resolve"]

RUN_PARAMETERS = {"seed", "augment_seed", "device", "n_jobs"}
"""Arguments of methods that belong to a cell or to a machine, never to a profile."""


class Detector(Protocol):
    """What a method must offer to be benchmarked.

    It is made with ``seed``, ``augment_seed``, ``device`` and its profile's `model` as keyword
    arguments.

    Attributes
    ----------
    version
        Raised whenever the same parameters come to give other numbers, so that no result of the
        older code is taken for one of the newer.
    """

    version: ClassVar[int]

    def get_params(self) -> dict[str, Any]:
        """All keyword arguments it was made with, defaults included."""

    @property
    def encoder(self) -> Backbone:
        """The frozen backbone whose features it is given."""

    def fit(
        self, normal: EncodedImages, anomalous: EncodedImages | None, masks: np.ndarray | None
    ) -> Any:
        """Train on normal images and known anomalies (none at 0 shots)."""

    def maps_and_scores(self, images: EncodedImages) -> tuple[np.ndarray, np.ndarray]:
        """Anomaly maps, float32, shape (N, image_size, image_size), and image scores, shape (N,).

        An image's do not depend on the others.
        """

    @property
    def boundary_threshold_(self) -> float | None:
        """Map value above which a pixel is called anomalous, known without any test image."""


METHODS = {
    "bgad": "bgad.model:BGAD",
    "plus": "bgad.plus:BGADPlus",
    "patchcore": "benchmark.peers.patchcore:PatchCore",
    "padim": "benchmark.peers.padim:PaDiM",
    "segmentation_head": "benchmark.peers.segmentation_head:SegmentationHead",
    "devnet": "benchmark.peers.devnet:DevNet",
}
"""Profile's `method` -> ``module:class``, imported when it is needed."""


def resolve(method: str) -> type[Detector]:
    """Class of a method.

    Raises
    ------
    InputError
        Unknown method.
    """
    if method not in METHODS:
        raise InputError(f"unknown method {method!r}: it is one of {', '.join(METHODS)}")
    module, _, name = METHODS[method].partition(":")
    return getattr(importlib.import_module(module), name)
