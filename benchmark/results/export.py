"""Results as CSV files, for whatever else reads them."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import pandas as pd

from benchmark.results.frame import results_frame, types_frame
from benchmark.results.locate import locate
from benchmark.results.store import load_all
from bgad.atomic import write_atomically
from bgad.errors import InputError

__all__ = ["export_csv"]

_CELL = ["dataset", "category", "setting", "known_type", "control", "shots", "seed", "profile"]


def export_csv(roots: Iterable[Path], folder: Path) -> dict[Path, int]:
    """Write ``cells.csv``, ``types.csv`` and ``images.csv``.

    Parameters
    ----------
    roots
        Folders of results; where two hold the same cell, the later one wins.
    folder
        Where to write.

    Returns
    -------
    dict of Path to int
        The files and their numbers of rows: a cell, an anomaly type of a cell, or an image of a
        cell each; the last only of cells that kept their images' scores.
    """
    roots = list(roots)
    frame = results_frame(load_all(roots))
    tables = {"cells": _flat(frame), "types": types_frame(frame), "images": _images(roots, frame)}
    rows = {}
    for name, table in tables.items():
        path = folder / f"{name}.csv"
        write_atomically(path, table.to_csv(index=False, lineterminator="\n").encode())
        rows[path] = len(table)
    return rows


def _flat(frame: pd.DataFrame) -> pd.DataFrame:
    verdicts = pd.DataFrame(
        [{} if found is None else dict(found) for found in frame["verdicts"]], index=frame.index
    ).add_prefix("verdict_")
    flat = frame.drop(columns=["verdicts", "per_type", "lacking", "false_alarms"])
    return flat.assign(boundary_false_alarms=frame["false_alarms"]).join(verdicts)


def _images(roots: Iterable[Path], frame: pd.DataFrame) -> pd.DataFrame:
    rows = frame[[*_CELL, "finished"]].itertuples(index=False, name=None)
    wanted = {tuple(None if pd.isna(value) else value for value in row) for row in rows}
    tables = []
    for store, result in locate(roots):
        fields = {name: getattr(result.cell, name) for name in _CELL}
        if (*fields.values(), result.provenance.finished) not in wanted:
            continue
        with suppress(InputError):
            tables.append(store.read_scores(result).assign(**fields))
    images = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=_CELL)
    return images[[*_CELL, *(name for name in images if name not in _CELL)]]
