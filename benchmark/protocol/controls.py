"""Negative controls: something is spoilt on purpose, so that the figures are known beforehand."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmark.protocol.cells import Cell

__all__ = ["spoil_model", "spoil_scores", "spoil_training"]


def spoil_model(cell: Cell, model: dict[str, Any]) -> dict[str, Any]:
    """Parameters of a cell's method; ``random_weights``: with an untrained backbone.

    Figures are to fall: it is what the backbone has learnt that tells anomalies apart.
    """
    return model | {"weights": "random"} if cell.control == "random_weights" else model


def spoil_training(
    cell: Cell, normal: slice, known: Sequence[int]
) -> tuple[slice | list[int], list[int]]:
    """Rows of a cell's training images; ``shuffled_labels``: normal and known ones mixed.

    As many random images as there are known anomalies are taken for these, with these' masks, and
    all others for normal. Figures are to be no better than without known anomalies: masks that
    point at nothing teach nothing.
    """
    if cell.control != "shuffled_labels":
        return normal, list(known)
    rows = [*range(normal.stop)[normal], *known]
    shuffled = np.random.default_rng(cell.split_seed).permutation(rows).tolist()
    return sorted(shuffled[len(known) :]), shuffled[: len(known)]


def spoil_scores(cell: Cell, run: dict[str, Any]) -> dict[str, Any]:
    """Scores and truth of a cell's test images, by the names of `benchmark.run.experiment.CellRun`.

    ``swapped_labels``: normal is called anomalous and the other way round, so that each AUROC
    becomes 1 less itself; ``constant_maps``: all pixels score alike, so that each AUROC is 0.5.
    """
    if cell.control == "swapped_labels":
        return run | {"labels": ~run["labels"], "masks": ~run["masks"]}
    if cell.control == "constant_maps":
        return run | {name: np.zeros_like(run[name]) for name in ("maps", "scores")}
    return run
