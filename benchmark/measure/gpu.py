"""What a GPU gives: steps of training, encoding, and whole cells.

``python -m benchmark measure gpu --data-root DIR`` does it in one go of minutes, and writes one
JSON and the cells' results.
"""

import json
import sys
import time
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmark.measure.speed import compare_training
from benchmark.measure.timing import median_seconds
from benchmark.paths import cache_dir
from benchmark.protocol.cells import Cell
from benchmark.protocol.profiles import load_profile
from benchmark.results.provenance import begin, stamp
from benchmark.results.store import Store, write_json
from benchmark.run.experiment import run_cell
from bgad.backbone import Backbone
from bgad.density import LevelDensity
from bgad.device import find_device
from bgad.features import EncodedImages
from bgad.flow import ConditionalFlow
from bgad.published import PublishedTraining, train_published
from bgad.standardisation import StandardisationEstimate

__all__ = ["encoding", "main", "measure_gpu", "training_steps"]

LEVELS = ((64, 24), (32, 48), (16, 120))
"""Side in cells and channels of tf_efficientnet_lite2's levels for images of 256 px."""

_BACKBONES = {"tf_efficientnet_lite2": None, "tf_efficientnet_b6": "random"}
_PROFILES = ("cpu", "paper-lite2")


def main(options: Namespace) -> str:
    """Serve the command; return what was measured as JSON."""
    cell = options.dataset, options.category
    return measure_gpu(options.device, options.data_root, *cell, options.results, options.out)


def measure_gpu(
    device: str,
    data_root: Path,
    dataset: str,
    category: str,
    results: Path,
    output: Path,
) -> str:
    """Measure all, and write it down after each part: what is there stays if time runs out.

    Parameters
    ----------
    device : str
        Torch device.
    data_root : Path
    dataset, category : str
        Of the cells, of 10 shots and seed 0.
    results : Path
        Folder that receives the cells' results, a folder a profile.
    output : Path
        JSON.

    Raises
    ------
    InputError
        The device or the data can't be used.
    """
    started, place = begin(), find_device(device)
    name = torch.cuda.get_device_name(place) if place.type == "cuda" else place.type
    measured: dict[str, Any] = {"device": name, "steps": [], "encoding": [], "cells": []}

    def add(part: str, row: dict[str, Any]) -> None:
        measured[part].append(row)
        print(f"{part}: {row}", file=sys.stderr, flush=True)  # minutes lie between two
        measured["provenance"] = stamp(started, device).model_dump(mode="json")
        write_json(output, measured)

    for side, channels in LEVELS:
        add("steps", training_steps(side, channels, device))
    for backbone, weights in _BACKBONES.items():
        add("encoding", encoding(Backbone(backbone, 256, weights, device)))
    for profile in _PROFILES:
        cell = Cell(dataset, category, "general", 10, 0, profile)
        add("cells", _cell(cell, data_root, results, device))
    return json.dumps(measured, indent=2)


def training_steps(
    side: int, channels: int, device: str, images: int = 256, passes: int = 5, vectors: int = 4096
) -> dict[str, Any]:
    """Seconds of a step of one level's flow.

    Parameters
    ----------
    side, channels : int
        Of the level.
    device : str
    images, passes : int
        What the published training is timed on, after a pass that does not count.
    vectors : int
        Of a step.

    Returns
    -------
    dict
        ``side``, ``channels``; ``launched_s`` and ``freia_s``, a step of maximum likelihood by this
        flow and by FrEIA's, operation by operation; ``published_s``, one of the published training,
        which a GPU replays, drawing and copying of batches included.
    """
    comparison = compare_training(side, channels, images=vectors // 128, device=device)
    place = find_device(device)
    rng = np.random.default_rng(0)
    features = rng.normal(size=(images, side, side, channels)).astype(np.float32)
    normal = EncodedImages(np.zeros((images, 1, 1, 3), np.uint8), (features,))
    layer = StandardisationEstimate(features, "none").layer()

    def train(count: int) -> int:
        training = PublishedTraining(meta_epochs=1, sub_epochs=count, batch_vectors=vectors)
        generator = torch.Generator().manual_seed(0)
        density = LevelDensity(side, side, layer, ConditionalFlow(channels, generator=generator))
        curves = train_published([density.to(place)], normal, None, None, None, training, (0, 0))  # type: ignore[arg-type]
        return len(curves[0]["ml"])

    train(2)
    begun = time.perf_counter()
    steps = train(passes)
    published = (time.perf_counter() - begun) / steps
    return {
        "side": side,
        "channels": channels,
        "launched_s": _wall_seconds(comparison.ours),
        "freia_s": _wall_seconds(comparison.theirs),
        "published_s": published,
    }


def encoding(backbone: Backbone, batch: int = 32) -> dict[str, Any]:
    """Images a second that a backbone encodes, copies included."""
    side = backbone.image_size
    images = np.random.default_rng(0).integers(0, 256, (batch, side, side, 3), dtype=np.uint8)
    seconds = _wall_seconds(lambda: backbone(images))
    return {"backbone": backbone.name, "batch": batch, "images_per_s": batch / seconds}


def _cell(cell: Cell, data_root: Path, results: Path, device: str) -> dict[str, Any]:
    """A whole cell: what it took, and its figures."""
    store = Store(results / cell.profile)
    profile = load_profile(cell.profile)
    result = run_cell(cell, data_root, profile, store, cache_dir(), device).result
    return {
        "cell": str(cell),
        "profile": cell.profile,
        "timings_s": result.timings_s.model_dump(),
        "metrics": result.metrics["common"].model_dump(),
    }


def _wall_seconds(work: Callable[[], Any]) -> float:
    """Of work that ends with numbers in the processor's memory."""
    return median_seconds(work, 20, time.perf_counter)
