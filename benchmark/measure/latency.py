"""How long a verdict takes: from one image file, and from many.

``python -m benchmark measure latency`` prints the table and writes
``results/published/latency.json``.
"""

import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch

from benchmark.measure.timing import median_seconds
from benchmark.paths import REPOSITORY, cache_dir
from benchmark.protocol.profiles import load_profile
from benchmark.results.provenance import begin, stamp
from benchmark.results.store import write_json
from benchmark.run.memory import private_bytes
from benchmark.show import markdown
from benchmark.show.tables import latency as table
from bgad.conformal import p_values
from bgad.data.folder import Category, load_category
from bgad.data.images import read_image
from bgad.data.synthetic import ensure
from bgad.detectors import resolve
from bgad.detectors.base import Detector
from bgad.errors import InputError
from bgad.exported import is_exportable
from bgad.onnx_detector import OnnxDetector
from bgad.parts.export import export

__all__ = ["PROFILES", "main", "measure_detector", "measure_latency"]

PROFILES = ("cpu", "plus", "patchcore", "padim")
"""Whose detectors are measured."""

_CATEGORIES = ("bottle", "capsule", "pill", "screw", "transistor")
_KNOWN = 10
_MANY = 32
_REPETITIONS = 31


def main(options: Namespace) -> str:
    """Serve the command; return the table."""
    return markdown.blocks(table.section(measure_latency(options.out)))


def measure_latency(output: Path) -> dict[str, Any]:
    """Measure detectors of `PROFILES` in turn, and write down what is returned.

    Each has learnt from 200 images of the synthetic stand-in, as many as a real category has, and
    from 10 known anomalies if it can; flows are trained for one step, as their training changes
    nothing about the time.

    Returns
    -------
    dict
        ``detectors`` (see `measure_detector`), the number of images, and the provenance.
    """
    started = begin()
    torch.set_num_threads(1)
    root = ensure(cache_dir())
    categories = [load_category(root, name) for name in _CATEGORIES]
    normal = [sample.path for category in categories for sample in category.train]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name in PROFILES:
            print(f"{name}: fitting", file=sys.stderr, flush=True)
            detector = _fitted(name, normal, categories[0])
            print(f"{name}: measuring", file=sys.stderr, flush=True)
            files = [sample.path for sample in categories[0].test]
            rows += measure_detector(name, detector, files, Path(folder))
    measured = {
        "detectors": rows,
        "normal": len(normal),
        "many": _MANY,
        "provenance": stamp(started).model_dump(mode="json"),
    }
    write_json(output, measured)
    return measured


def measure_detector(
    name: str,
    detector: Detector,
    files: Sequence[Path],
    folder: Path,
    many: int = _MANY,
    repetitions: int = _REPETITIONS,
) -> list[dict[str, Any]]:
    """Time verdicts of a detector, and of its ONNX file where there is one.

    Parameters
    ----------
    name : str
        Of its profile.
    detector : Detector
        Fitted and calibrated.
    files : sequence of Path
        Images, which are taken in turn.
    folder : Path
        For its files.
    many : int
        Images of a large batch.
    repetitions : int
        Of each figure, after one that does not count; the large batch is judged a fifth as often.

    Returns
    -------
    list of dict
        ``profile``, ``form`` (library, or ONNX Runtime); medians of processor seconds of one
        thread: ``one_s`` from a file to its p-value, of which ``encoding_s`` is the backbone's
        share, and ``many_s`` an image of a large batch; ``start_s`` and ``memory_mb``, of a process
        that judges one file with ``python -m bgad predict``: all its processor seconds, and the
        most memory that it held, without mapped files; ``file_mb`` of the model.
    """
    path = folder / f"{name}.bgad"
    detector.save(path)
    scorers: dict[str, tuple[Path, Callable[[np.ndarray], np.ndarray]]] = {
        "library": (path, detector.score_samples)
    }
    if is_exportable(detector):
        onnx = folder / f"{name}.onnx"
        scorers["ONNX Runtime"] = onnx, _exported(detector, onnx)
    turns = cycle(files)

    def read(count: int) -> np.ndarray:
        return np.stack([read_image(f, detector.image_size) for f in islice(turns, count)])

    batch = read(many)
    rows = []
    for form, (model, score) in scorers.items():

        def judge(score: Callable[[np.ndarray], np.ndarray] = score) -> None:
            p_values(detector.calibration_scores_, score(read(1)))

        row = {
            "profile": name,
            "form": form,
            "one_s": median_seconds(judge, repetitions),
            "many_s": median_seconds(lambda score=score: score(batch), repetitions // 5 + 1) / many,
            "file_mb": model.stat().st_size / 1e6,
        }
        if form == "library":
            row["encoding_s"] = median_seconds(lambda: detector.encoder(batch[:1]), repetitions)
        row["start_s"], row["memory_mb"] = _start(model, files[0], folder / "out")
        rows.append(row)
    return rows


def _fitted(name: str, normal: Sequence[Path], category: Category) -> Detector:
    profile = load_profile(name)
    method = resolve(profile.method)
    short = {"steps": (1, 1, 1)}
    model = dict(profile.model)
    if profile.method == "bgad":
        model |= short
    elif "flows" in method.__dataclass_fields__:
        model["flows"] = {**model.get("flows", {}), **short}
    known = category.anomalies[:_KNOWN] if method.needs_masks else ()
    return method(**model).fit(
        normal,
        [sample.path for sample in known] or None,
        [sample.truth(model.get("image_size", 256)) for sample in known] or None,
        held_out=0.2,
    )


def _exported(detector: Detector, path: Path) -> Callable[[np.ndarray], np.ndarray]:
    """What scores images by the detector's ONNX file."""
    export(detector, path)
    exported = OnnxDetector(path, threads=1)
    return lambda images: exported.maps_and_scores(images)[1]


def _start(model: Path, image: Path, out: Path) -> tuple[float, float]:
    """Processor seconds and megabytes of a process that judges one image."""
    command = [sys.executable, "-m", "bgad", "predict", model, image, "--out", out]
    child = psutil.Popen(
        [*map(str, command)], cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    spent, memory = 0.0, 0.0
    while child.poll() is None:
        try:
            times = child.cpu_times()
            spent = max(spent, times.user + times.system)
            memory = max(memory, private_bytes(child) / 1e6)
        except psutil.Error:  # it has just ended
            break
        time.sleep(0.01)
    if child.wait() not in (0, 1):
        raise InputError(f"python -m bgad predict ended with status {child.returncode}")
    return spent, memory
