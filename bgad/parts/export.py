"""``python -m bgad export``: a detector as one ONNX file."""

import argparse
import importlib.util
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bgad.atomic import replacing
from bgad.data.images import as_shape
from bgad.detectors import method_of
from bgad.detectors.base import Detector, load
from bgad.errors import InputError
from bgad.exported import Exported
from bgad.onnx_detector import OnnxDetector
from bgad.parts.files import check_output

__all__ = ["TOLERANCE", "export", "run"]

TOLERANCE = 1e-4
"""Of scores, relative to those above 1."""


def run(options: argparse.Namespace) -> int:
    """Write the file, and make sure that its scores are the detector's."""
    check_output(options.out)
    if options.out.resolve() == options.model.resolve():
        raise InputError(f"{options.out}: is the model itself: give another file")
    difference = export(
        load(options.model, weights=options.weights), options.out, options.false_alarms
    )
    print(
        f"{options.out} written: scores under ONNX Runtime differ by {difference:.0e} at most. "
        f"python -m bgad predict {options.out} … judges by it, and starts in a second.\n"
        "Its input are RGB images of uint8, (N, height, width, 3), resized by Lanczos without crop "
        "to the image_size in its metadata, where the thresholds are as well."
    )
    return 0


def export(detector: Detector, path: Path, false_alarms: float = 0.05) -> float:
    """Write a fitted detector, its backbone included, as an ONNX file.

    Parameters
    ----------
    detector : Detector
    path : Path
    false_alarms : float
        Rate behind ``score_threshold`` in the metadata.

    Returns
    -------
    float
        Difference of scores between the file under ONNX Runtime and the detector on random images,
        relative to those above 1.

    Raises
    ------
    InputError
        The extra ``export`` is not installed, the method has no exported form, or the difference
        exceeds `TOLERANCE`; then no file is left.
    """
    missing = [n for n in ("onnx", "onnxruntime") if not importlib.util.find_spec(n)]
    if missing:
        raise InputError(f"{', '.join(missing)} missing: pip install 'bgad-benchmark[export]'")
    metadata = {
        "method": method_of(type(detector)),
        "version": detector.version,
        "image_size": as_shape(detector.image_size),
        "false_alarms": false_alarms,
        "score_threshold": detector.score_threshold(false_alarms),
        "boundary_threshold": detector.boundary_threshold_,
        "calibration_scores": detector.calibration_scores_.tolist(),
    }
    with replacing(path) as temporary:
        return _export(detector, temporary, metadata)


def _export(detector: Detector, path: Path, metadata: dict[str, Any]) -> float:
    import onnx

    shape = 3, *as_shape(detector.image_size), 3
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter about itself
        torch.onnx.export(
            Exported(detector).eval(),
            (torch.from_numpy(images),),
            path,
            input_names=["images"],
            output_names=["scores", "maps"],
            dynamic_axes={name: {0: "count"} for name in ("images", "scores", "maps")},
            opset_version=17,
            dynamo=False,  # the newer exporter fixes the number of images
        )
    model = onnx.load(path)
    onnx.helper.set_model_props(model, {key: json.dumps(value) for key, value in metadata.items()})
    onnx.save(model, path)
    exported = OnnxDetector(path)
    difference = 0.0
    for batch in (images, images[:1]):
        scores = exported.maps_and_scores(batch)[1]
        expected = detector.score_samples(batch)
        error = np.abs(scores - expected) / np.maximum(1, np.abs(expected))
        difference = max(difference, float(error.max()))
    if not difference <= TOLERANCE:
        raise InputError(f"exported scores differ from the detector's by {difference:.1e}")
    return difference
