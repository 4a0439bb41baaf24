"""Stored cells that kept scores and maps, with no model behind them."""

import numpy as np
import pandas as pd
from cell_results import result_of

from benchmark.protocol.cells import Cell
from benchmark.results.scores import scores_frame
from benchmark.results.store import Store
from bgad.data.folder import load_category

__all__ = ["keep"]


def keep(root, data_root, shots, with_maps=True, category="widget", dataset="own") -> pd.DataFrame:
    """Store a cell of a drawn category as a run does, with scores, and maps of 32 pixels."""
    samples = load_category(data_root, category).test
    labels = np.array([sample.is_anomalous for sample in samples])
    rng = np.random.default_rng(shots)
    maps = (rng.random((len(samples), 32, 32)) + labels[:, None, None]).astype(np.float32)
    maxima = maps.max(axis=(1, 2))
    calibration = rng.random(39).astype(np.float32)
    everything = np.ones(len(samples), bool)
    table = scores_frame(samples, labels, everything, maxima, maxima, maxima, calibration)
    cell, store = Cell(dataset, category, "general", shots, 0, "quick"), Store(root / "quick")
    names = [sample.name for sample in samples]
    result = result_of(
        cell,
        0.9,
        boundary_threshold=0.8,
        scores_sha256=store.write_scores(cell, table),
        maps_sha256=store.write_maps(cell, names, maps) if with_maps else None,
    )
    store.write(result)
    return table
