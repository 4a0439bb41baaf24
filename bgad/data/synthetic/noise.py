"""Smooth random fields: cubic B-splines over random lattices."""

from functools import lru_cache

import numpy as np
from scipy.ndimage import map_coordinates

from bgad.data.synthetic.draws import Draws

__all__ = ["fractal", "lookup", "smooth"]

_SIZE = 256
_STD_PER_AXIS = 0.4794  # mean over a cell of the sum of the four squared spline weights


@lru_cache(maxsize=64)
def _spline_weights(cell: float) -> np.ndarray:
    """Weights (256, knots) of a cubic B-spline with a knot every `cell` pixels."""
    position = np.arange(_SIZE) / cell
    first = np.floor(position).astype(int)
    t = position - first
    weights = np.zeros((_SIZE, first[-1] + 4))
    cubic = ((1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3)
    for knot, weight in enumerate(cubic):
        weights[np.arange(_SIZE), first + knot] = weight / 6
    return weights


def smooth(draws: Draws, cell: float, cell_x: float | None = None) -> np.ndarray:
    """Smooth noise (256, 256) of mean 0 and std about 1.

    Parameters
    ----------
    cell : float
        Size of its details in pixels; vertical size if `cell_x` gives the horizontal one.
    """
    rows, columns = _spline_weights(cell), _spline_weights(cell_x or cell)
    lattice = draws.unit(rows.shape[1], columns.shape[1]) * 2 - 1
    return rows @ lattice @ columns.T * (3**0.5 / _STD_PER_AXIS)


def fractal(draws: Draws, cell: float, octaves: int = 3, gain: float = 0.6) -> np.ndarray:
    """Sum of `octaves` smooth fields, each half as large in detail and `gain` as strong; std 1."""
    total = sum(gain**k * smooth(draws, cell / 2**k) for k in range(octaves))
    return total / sum(gain ** (2 * k) for k in range(octaves)) ** 0.5


def lookup(field: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """`field` read (bilinear, mirrored beyond its edges) at pixel coordinates from its centre."""
    centre = (_SIZE - 1) / 2
    return map_coordinates(field, (y + centre, x + centre), order=1, mode="mirror")
