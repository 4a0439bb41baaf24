"""BGAD: explicit boundary guided semi-push-pull contrastive learning for anomaly detection."""

import importlib
from typing import Any

_HOMES = {
    "BGAD": "bgad.detectors.bgad",
    "Detector": "bgad.detectors.base",
    "DevNet": "bgad.detectors.devnet",
    "EncodedImages": "bgad.features",
    "FeatureCache": "bgad.features",
    "InputError": "bgad.errors",
    "OnnxDetector": "bgad.onnx_detector",
    "PaDiM": "bgad.detectors.padim",
    "PatchCore": "bgad.detectors.patchcore",
    "Plus": "bgad.detectors.plus",
    "SegmentationHead": "bgad.detectors.segmentation_head",
    "load": "bgad.detectors.base",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    # Lazily: torch takes seconds to import, and the commands on data sets do without it.
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
