"""Detectors on frozen features, which can be held against each other on the same cells."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from bgad.errors import InputError

if TYPE_CHECKING:  # to look up a method's name takes no torch
    from bgad.detectors.base import Detector

__all__ = ["METHODS", "RUN_PARAMETERS", "method_of", "resolve"]

METHODS = {
    "bgad": "bgad.detectors.bgad:BGAD",
    "bgad_published": "bgad.detectors.published:PublishedBGAD",
    "plus": "bgad.detectors.plus:Plus",
    "patchcore": "bgad.detectors.patchcore:PatchCore",
    "padim": "bgad.detectors.padim:PaDiM",
    "segmentation_head": "bgad.detectors.segmentation_head:SegmentationHead",
    "devnet": "bgad.detectors.devnet:DevNet",
}
"""Name of a method -> ``module:class``, imported when it is needed."""

RUN_PARAMETERS = frozenset({"seed", "augment_seed", "device", "n_jobs"})
"""Parameters of detectors that belong to a single run or to a machine."""


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


def method_of(detector: type[Detector]) -> str:
    """Name of a class's method, the other way round.

    Raises
    ------
    InputError
        The class is not in `METHODS`.
    """
    home = f"{detector.__module__}:{detector.__qualname__}"
    for method, other in METHODS.items():
        if other == home:
            return method
    raise InputError(f"{home} is in no entry of bgad.detectors.METHODS: add it there")
