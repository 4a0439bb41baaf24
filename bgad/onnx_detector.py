"""An exported detector under ONNX Runtime: verdicts without torch, whose import takes seconds."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from bgad.conformal import Calibrated
from bgad.errors import InputError
from bgad.inputs import as_images

__all__ = ["OnnxDetector"]

_BATCH = 4  # images: maps of more would not stay in the processor's cache


class OnnxDetector(Calibrated):
    """A detector that ``python -m bgad export`` wrote.

    Parameters
    ----------
    path : path
        The ``.onnx`` file.
    threads : int
        For ONNX Runtime; 0 for as many as there are cores.

    Attributes
    ----------
    image_size : (height, width)
        To which images are resized.
    boundary_threshold_ : float
        Map value above which a pixel is called anomalous.
    calibration_scores_ : ndarray of float32, shape (m,)
        See `bgad.conformal.Calibrated`.

    Raises
    ------
    InputError
        ONNX Runtime is not installed, or the file is missing, damaged, or was written by another
        program.
    """

    def __init__(self, path: str | Path, threads: int = 0) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise InputError(f"{path}: needs pip install 'bgad-benchmark[export]'") from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 4  # what is wrong is said by the error
        if not Path(path).is_file():
            raise InputError(f"model file {path}: does not exist")
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
            metadata = self._session.get_modelmeta().custom_metadata_map
        except Exception as error:  # of many types, all of them onnxruntime's own
            raise InputError(f"model file {path}: is no ONNX file that can be run") from error
        try:
            height, width = json.loads(metadata["image_size"])
            self.image_size = int(height), int(width)
            self.boundary_threshold_ = float(json.loads(metadata["boundary_threshold"]))
            scores = json.loads(metadata["calibration_scores"])
            self.calibration_scores_ = np.array(scores, np.float32)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"model file {path}: lacks what python -m bgad export writes beside the model"
            ) from error

    def maps_and_scores(self, images: Any) -> tuple[np.ndarray, np.ndarray]:
        """Anomaly maps, float32, (N, H, W), and image scores, float32, (N,)."""
        images = as_images(images, self.image_size)
        parts = [
            self._session.run(["maps", "scores"], {"images": images[start : start + _BATCH]})
            for start in range(0, len(images), _BATCH)
        ]
        maps, scores = (np.concatenate(part) for part in zip(*parts, strict=True))
        return maps, scores
