"""The cells of a study beside those of the profile that its own are held against."""

import pandas as pd

from benchmark.protocol.metrics import METRICS
from benchmark.results.frame import column, grid_cells

__all__ = ["OF_REFERENCE", "pairs_of", "references_of", "study_cells"]

OF_REFERENCE = " of reference"
"""Ends the names of the columns of a reference in `pairs_of`."""

_CELL = ["reference", "dataset", "category", "setting", "known_type", "shots", "seed"]
_BESIDE = [*map(column, METRICS), "image_size", "seconds"]


def study_cells(frame: pd.DataFrame, study: str) -> pd.DataFrame:
    """Cells of a study, controls and such with seeds apart left out.

    Parameters
    ----------
    frame
        See `benchmark.results.frame.results_frame`.
    study
        As profiles name it.
    """
    return frame[(frame["study"] == study) & frame["control"].isna() & ~frame["apart"]]


def references_of(frame: pd.DataFrame) -> pd.DataFrame:
    """Cells that those of studies are held against: of `plus` for its own method, else of `cpu`."""
    cells = grid_cells(frame)
    return cells[cells["profile"] == _reference(cells)]


def pairs_of(frame: pd.DataFrame, study: str) -> pd.DataFrame:
    """Cells of a study that their reference has, too: same images, setting, shots and seed.

    Parameters
    ----------
    frame, study
        As in `study_cells`.

    Returns
    -------
    DataFrame
        The columns of `frame`; ``reference``, the profile; and metrics on ``common``,
        ``image_size`` and ``seconds`` of its cell, the names followed by `OF_REFERENCE`.
    """
    cells, others = (
        part.assign(reference=_reference(part))
        for part in (study_cells(frame, study), references_of(frame))
    )
    # Images of another size are other files, of the same names.
    same = [*_CELL, "split_sha256" if study == "resolution" else "fingerprint"]
    return cells.merge(others[[*same, *_BESIDE]], on=same, suffixes=("", OF_REFERENCE))


def _reference(cells: pd.DataFrame) -> pd.Series:
    return cells["method"].where(cells["method"] == "plus", "cpu")
