"""``python -m bgad predict``: verdicts on images."""

import argparse
import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from bgad.conformal import Calibrated
from bgad.data.images import read_image, resize_maps
from bgad.errors import InputError
from bgad.onnx_detector import OnnxDetector
from bgad.parts.files import find_images, names, truths
from bgad.parts.overlay import find_regions, overlay
from bgad.parts.page import Thumbnails, write_page
from bgad.parts.verdict import COLUMNS, Verdict
from bgad.progress import Progress

__all__ = ["run"]

_BATCH, _BATCH_PIXELS = 16, 50_000_000  # images held at once at most, and pixels of theirs, about
_OVERLAYS = "overlays"


def run(options: argparse.Namespace) -> int:
    """Judge images, write ``scores.csv``, overlays and ``index.html``; 0, 1 or 2, see the help."""
    files = find_images(options.images, options.out, options.out / _OVERLAYS)
    detector = _load(options.model, options.device, options.weights)
    limit = detector.score_threshold(options.false_alarms)
    options.out.mkdir(parents=True, exist_ok=True)
    thumbnails, verdicts, progress = Thumbnails(), [], Progress(len(files))
    with (options.out / "scores.csv").open(
        "w", newline="", encoding="utf-8", errors="backslashreplace"
    ) as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for batch in _judged(detector, files, options, thumbnails):
            table.writerows(verdict.row() for verdict in batch)
            file.flush()
            verdicts += batch
            progress.advance(len(batch))
    found = Counter(verdict.verdict for verdict in verdicts)
    summary = _summary(verdicts)
    explanation = (
        f"An image is defective where its score exceeds {limit:.4g}: of good parts like those "
        f"that {options.model.name} was calibrated on, at most {options.false_alarms:.1%} do. The "
        "p-value is a score's rank among them. Lines are drawn where the map exceeds "
        f"{detector.boundary_threshold_:.4g}; heat is each image's own."
    )
    page = options.out / "index.html"
    write_page(
        page, f"Verdicts of {options.model.name}", summary, explanation, verdicts, thumbnails
    )
    print(f"{summary}\n{options.out / 'scores.csv'}, {page}")
    return 2 if found["unreadable"] else 1 if found["defective"] else 0


def _load(path: Path, device: str, weights: Path | None) -> Calibrated:
    if path.suffix.lower() == ".onnx":
        if weights is not None or device != "cpu":
            raise InputError(
                f"{path}: holds its weights and runs on the CPU: no --weights, --device"
            )
        return OnnxDetector(path)
    from bgad.detectors.base import load  # takes seconds, with torch

    return load(path, device, weights)


def _judged(
    detector: Calibrated,
    files: Sequence[Path],
    options: argparse.Namespace,
    thumbnails: Thumbnails,
) -> Iterator[list[Verdict]]:
    """Verdicts in the order of the files, a few at a time; overlays are written on the way."""
    batch: list[tuple[Verdict, np.ndarray | None]] = []
    pixels = 0
    for path, name, truth in zip(files, names(files), truths(files), strict=True):
        try:
            image, note = read_image(path), ""
        except InputError as error:
            image, note = None, str(error)
        batch.append((Verdict(str(path), name, truth, note), image))
        pixels += 0 if image is None else image.shape[0] * image.shape[1]
        if len(batch) == _BATCH or pixels >= _BATCH_PIXELS:
            yield _judge(detector, batch, options, thumbnails)
            batch, pixels = [], 0
    if batch:
        yield _judge(detector, batch, options, thumbnails)


def _judge(
    detector: Calibrated,
    batch: list[tuple[Verdict, np.ndarray | None]],
    options: argparse.Namespace,
    thumbnails: Thumbnails,
) -> list[Verdict]:
    images = [image for _, image in batch if image is not None]
    if not images:
        return [verdict for verdict, _ in batch]
    said = iter(zip(*detector.predict(images, options.false_alarms), strict=True))
    verdicts = []
    for verdict, image in batch:
        if image is not None:
            score, p_value, defective, anomaly_map = next(said)
            full = resize_maps(anomaly_map[None], image.shape[:2])[0]
            drawn = overlay(image, full, detector.boundary_threshold_)
            picture = f"{_OVERLAYS}/{verdict.name}.jpg"
            target = options.out / picture
            target.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(drawn).save(target, quality=90)
            verdict = replace(
                verdict,
                verdict="defective" if defective else "good",
                score=float(score),
                p_value=float(p_value),
                regions=find_regions(full > detector.boundary_threshold_),
                overlay=picture,
                thumbnail=thumbnails.add(drawn),
            )
        verdicts.append(verdict)
    return verdicts


def _summary(verdicts: Sequence[Verdict]) -> str:
    found = Counter(verdict.verdict for verdict in verdicts)
    parts = [f"{found[kind]} {kind}" for kind in ("good", "defective", "unreadable") if found[kind]]
    text = f"{len(verdicts)} images: {', '.join(parts)}."
    judged = [v for v in verdicts if v.truth and v.verdict != "unreadable"]
    marks = Counter(v.mark for v in judged)
    if good := sum(v.truth == "good" for v in judged):
        text += f" False alarms: {marks['false alarm']} of {good} good ones."
    if bad := len(judged) - good:
        text += f" Misses: {marks['miss']} of {bad} defective ones."
    return text
