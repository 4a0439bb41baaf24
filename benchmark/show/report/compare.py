"""What the page that compares two runs computes with: each image's scores in every cell."""

from collections.abc import Iterable
from typing import Any

import pandas as pd

from benchmark.protocol.cells import Cell
from benchmark.show.explore import Stored
from benchmark.show.layers import Layers
from benchmark.show.report.notebooks import Executed

__all__ = ["cell_label", "image_layers", "image_scores"]


def image_scores(kept: Iterable[Stored]) -> dict[str, dict[str, dict[str, Any]]]:
    """Read the scores that cells have kept.

    Returns
    -------
    dict
        Data set -> category -> ``names`` and ``types`` of its images, and ``cells``: `cell_label`
        -> a score an image, None where it is not in the test set ``common``.
    """
    tables: dict[tuple[str, str], dict[str, pd.DataFrame]] = {}
    for stored in kept:
        cell = stored.result.cell
        tables.setdefault((cell.dataset, cell.category), {})[cell_label(cell)] = stored.scores
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


def image_layers(
    notebooks: Iterable[Executed], cells: Iterable[Cell], budget: int
) -> list[tuple[str, str, str, Layers]]:
    """Layers of the notebooks' pictures, as many as weigh no more than a number of bytes.

    Returns
    -------
    list of tuple
        Data set, category, `cell_label` and layers.
    """
    known = {(cell.dataset, cell.category, cell.profile, str(cell)): cell for cell in cells}
    found, left = {}, budget
    for notebook in notebooks:
        of = notebook.dataset, notebook.category
        for title, pictures in notebook.galleries.items():
            if (cell := known.get((*of, notebook.profile, title))) is None:
                continue
            for drawn in (drawn for picture in pictures for drawn in picture.layers):
                left -= sum(map(len, (drawn.image, drawn.map, drawn.truth, drawn.contour)))
                if left >= 0:
                    found[(*of, cell_label(cell), drawn.name)] = drawn
    return [(*key[:3], drawn) for key, drawn in found.items()]


def cell_label(cell: Cell) -> str:
    """What a cell is called among those of its category."""
    setting = [part for part in (cell.known_type, cell.control) if part]
    setting = [cell.setting, *setting] if cell.setting != "general" else []
    seeds = [f"{name} seed {seed}" for name, seed in cell.seeds_apart.items()]
    return ", ".join([cell.profile, f"{cell.shots} shots", *setting, f"seed {cell.seed}", *seeds])
