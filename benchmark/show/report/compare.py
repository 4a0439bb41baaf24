"""What the page that compares two runs computes with: each image's scores in every cell."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.protocol.cells import Cell
from benchmark.results.merge import stores

__all__ = ["cell_label", "image_scores"]


def image_scores(roots: Iterable[Path]) -> dict[str, dict[str, dict[str, Any]]]:
    """Read the scores that cells have kept.

    Returns
    -------
    dict
        Data set -> category -> ``names`` and ``types`` of its images, and ``cells``: `cell_label`
        -> a score an image, None where it is not in the test set ``common``. Of a cell that two
        folders hold, the later one's.
    """
    tables: dict[tuple[str, str], dict[str, pd.DataFrame]] = {}
    for root in roots:
        for store in stores(root):
            for result in store.results():
                cell = result.cell
                if result.scores_sha256 is None or not store.scores_path(cell).is_file():
                    continue
                table = store.read_scores(result)
                table = table[(table["role"] == "test") & table["common"]]
                tables.setdefault((cell.dataset, cell.category), {})[cell_label(cell)] = table
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for (dataset, category), cells in sorted(tables.items()):
        types = pd.concat([t.set_index("name")["type"] for t in cells.values()])
        types = types[~types.index.duplicated()].sort_index()
        scores = {
            label: [
                None if pd.isna(score) else float(f"{score:.7g}")
                for score in table.set_index("name")["score"].reindex(types.index)
            ]
            for label, table in sorted(cells.items())
        }
        found.setdefault(dataset, {})[category] = {
            "names": list(types.index),
            "types": list(types),
            "cells": scores,
        }
    return found


def cell_label(cell: Cell) -> str:
    """What a cell is called among those of its category."""
    setting = [part for part in (cell.known_type, cell.control) if part]
    setting = [cell.setting, *setting] if cell.setting != "general" else []
    seeds = [f"{name} seed {seed}" for name, seed in cell.seeds_apart.items()]
    return ", ".join([cell.profile, f"{cell.shots} shots", *setting, f"seed {cell.seed}", *seeds])
