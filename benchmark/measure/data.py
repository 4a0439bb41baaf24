"""What a data set decides before any detector does: sessions, and masks at a model's size."""

import json
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.paths import cache_dir
from benchmark.results.provenance import begin, stamp
from benchmark.results.store import write_json
from benchmark.show import markdown
from benchmark.show.tables import sessions, truth
from bgad.anomaly_map import mask_cells
from bgad.backbone import Backbone
from bgad.data.folder import Category, list_categories, load_category
from bgad.data.masks import MASK_RULES, reduce_mask
from bgad.data.registry import DATASETS
from bgad.detectors.padim import PaDiM
from bgad.errors import InputError
from bgad.features import EncodedImages, FeatureCache
from bgad.metrics import pixel_curve, pixel_metrics
from bgad.session import session_control

__all__ = ["main", "measure_category", "measure_data"]

_FIGURES = ("pixel_auroc", "pixel_ap", "pixel_f1_max", "aupro_30")


def main(options: Namespace) -> str:
    """Serve the command; return the tables of all that the file holds by then."""
    measured = measure_data(
        options.out, options.dataset, options.data_root, options.categories, cache_dir()
    )
    return "\n\n".join(markdown.blocks(table.section(measured)) for table in (truth, sessions))


def measure_data(
    output: Path, dataset: str, data_root: Path, categories: list[str], cache: Path
) -> dict[str, Any]:
    """Measure categories, and add them to a file in the place of former figures.

    Parameters
    ----------
    output : Path
        JSON, whose content is returned: ``categories`` (see `measure_category`) and the
        provenance of those that were measured last.
    dataset : str
        Name of a registered one.
    data_root : Path
    categories : list of str
        All if empty.
    cache : Path
        Folder in whose ``features`` encoded images are kept.

    Raises
    ------
    InputError
        Unknown categories, or unusable images, masks or former figures.
    """
    started = begin()
    measured = _read(output)
    encoder = Backbone("tf_efficientnet_lite2")
    for name in categories or list_categories(data_root):
        print(f"{dataset} {name}: encoding and measuring", file=sys.stderr, flush=True)
        category = load_category(data_root, name)
        encoded = FeatureCache(cache / "features").get(category, encoder)
        row = {"dataset": dataset, "category": name} | measure_category(category, encoded, encoder)
        others = [other for other in measured["categories"] if _place(other) != _place(row)]
        measured["categories"] = sorted([*others, row], key=_place)
        measured["provenance"] = stamp(started).model_dump(mode="json")
        write_json(output, measured)
    return measured


def measure_category(
    category: Category, encoded: EncodedImages, encoder: Backbone
) -> dict[str, Any]:
    """Measure one category.

    Parameters
    ----------
    category : Category
        With masks.
    encoded : EncodedImages
        All of its samples.
    encoder : Backbone
        Theirs.

    Returns
    -------
    dict
        ``session``: numbers of training and test normals, AUROC of the probe, the middle 95 % of
        its null, and its p-value (`bgad.session`). ``masks``: of the anomalous images, their
        number, the commonest height and width of their masks and, by rule, ``rules``: anomalous
        pixels at the model's size, pixels that differ from those of *nearest*, images left without
        any, and figures of PaDiM on all test images. ``grids``, a level each: side in
        cells, anomalous cells by nearest neighbour, those that any anomalous pixel would add, and
        images without a cell.
    """
    n_train = len(category.train)
    is_normal = np.array([not sample.is_anomalous for sample in category.test])
    normals = n_train + np.flatnonzero(is_normal)
    control = session_control(encoded[:n_train], encoded[list(normals)])
    low, high = np.quantile(control.null, [0.025, 0.975])
    truths = [sample.truth() for sample in category.anomalies]
    return {
        "session": {
            "train": n_train,
            "test": len(normals),
            "auroc": control.auroc,
            "by_chance": [float(low), float(high)],
            "p_value": control.p_value,
        },
        "masks": {
            "images": len(truths),
            "size": list(max({t.shape for t in truths}, key=[t.shape for t in truths].count)),
            "rules": _rules(category, truths, encoded, encoder),
        },
        "grids": [_grid(truths, encoder.image_size, level.shape[1]) for level in encoded.levels],
    }


def _rules(
    category: Category, truths: list[np.ndarray], encoded: EncodedImages, encoder: Backbone
) -> dict[str, dict[str, Any]]:
    """What is left of masks by each rule, and what that makes of a detector's figures."""
    n_train, size = len(category.train), encoder.image_size
    detector = PaDiM(backbone=encoder.name, image_size=size)
    maps = detector.fit(encoded[:n_train]).anomaly_maps(encoded[n_train:])
    is_anomalous = np.array([sample.is_anomalous for sample in category.test])
    found: dict[str, dict[str, Any]] = {}
    nearest = None
    for rule in MASK_RULES:  # nearest is the first
        masks = np.zeros((len(category.test), size, size), bool)
        masks[is_anomalous] = reduced = np.stack([reduce_mask(t, size, rule) for t in truths])
        nearest = reduced if nearest is None else nearest
        figures = pixel_metrics(pixel_curve(maps, masks))
        found[rule] = {
            "pixels": int(reduced.sum()),
            "changed": int((reduced != nearest).sum()),
            "vanished": int((~reduced.any(axis=(1, 2))).sum()),
            "figures": {name: float(figures[name]) for name in _FIGURES},
        }
    return found


def _grid(truths: list[np.ndarray], size: int, side: int) -> dict[str, int]:
    """Anomalous cells of a level's grid, by nearest neighbour of the mask at the model's size."""
    cells = mask_cells(np.stack([reduce_mask(t, size) for t in truths]), (side, side))
    touched = np.stack([reduce_mask(t, side, "any") for t in truths])
    return {
        "side": side,
        "cells": int(cells.sum()),
        "touched": int((touched & ~cells).sum()),
        "lost": int((~cells.any(axis=(1, 2))).sum()),
    }


def _place(row: dict[str, Any]) -> tuple[int, str]:
    return list(DATASETS).index(row["dataset"]), row["category"]


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {"categories": []}
    try:
        return json.loads(path.read_bytes())
    except ValueError as error:
        raise InputError(f"{path}: is no JSON: delete it and measure all anew") from error
