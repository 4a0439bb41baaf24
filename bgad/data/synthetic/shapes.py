"""Signed distances, in pixels and negative inside, of the shapes that everything is drawn from."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from bgad.data.synthetic.draws import Draws

__all__ = [
    "box",
    "disc",
    "ellipse",
    "fold",
    "honeycomb",
    "merge",
    "near",
    "polyline",
    "ridge",
    "text",
    "wander",
]

Point = tuple[float, float]

_GLYPHS: dict[str, list[list[Point]]] = {
    "F": [[(0, 1), (0, 0), (0.62, 0)], [(0, 0.5), (0.5, 0.5)]],
    "E": [[(0.62, 1), (0, 1), (0, 0), (0.62, 0)], [(0, 0.5), (0.5, 0.5)]],
    "L": [[(0, 0), (0, 1), (0.62, 1)]],
    "I": [[(0.3, 0), (0.3, 1)]],
    "5": [
        [(0.6, 0), (0.05, 0), (0, 0.45), (0.35, 0.38), (0.6, 0.55)],
        [(0.6, 0.55), (0.6, 0.8), (0.35, 1), (0, 0.92)],
    ],
    "0": [
        [(0.3, 0), (0.06, 0.15), (0, 0.5), (0.06, 0.85), (0.3, 1)],
        [(0.3, 1), (0.54, 0.85), (0.6, 0.5), (0.54, 0.15), (0.3, 0)],
    ],
}


def disc(x, y, radius, cx=0.0, cy=0.0):
    """A disc around (cx, cy)."""
    return np.sqrt((x - cx) ** 2 + (y - cy) ** 2) - radius


def ellipse(x, y, a, b):
    """An ellipse with half axes a and b, exact on its outline only."""
    value = np.sqrt((x / a) ** 2 + (y / b) ** 2)
    slope = np.sqrt((x / a**2) ** 2 + (y / b**2) ** 2) + 1e-9
    return value * (value - 1) / slope


def box(x, y, half_width, half_height, rounding=0.0):
    """A rectangle with rounded corners."""
    dx, dy = abs(x) - half_width + rounding, abs(y) - half_height + rounding
    outside = np.sqrt(np.maximum(dx, 0) ** 2 + np.maximum(dy, 0) ** 2)
    return outside + np.minimum(np.maximum(dx, dy), 0) - rounding


def polyline(x, y, points: Sequence[Point]):
    """Distance to a line through `points`; subtract half a width to make a stroke of it."""
    squared = None
    for (ax, ay), (bx, by) in pairwise(points):
        dx, dy = bx - ax, by - ay
        t = np.clip(((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy + 1e-9), 0, 1)
        here = (x - ax - t * dx) ** 2 + (y - ay - t * dy) ** 2
        squared = here if squared is None else np.minimum(squared, here)
    return np.sqrt(squared)


def text(x, y, string: str, height: float, spacing: float = 0.9):
    """Distance to the strokes of `string`, centred on the origin."""
    width = ((len(string) - 1) * spacing + 0.6) * height
    distance = np.full(np.shape(x), 1e3)
    for place, glyph in enumerate(string):
        left = place * spacing * height - width / 2
        for stroke in _GLYPHS.get(glyph, []):
            points = [(left + px * height, (py - 0.5) * height) for px, py in stroke]
            distance = np.minimum(distance, polyline(x, y, points))
    return distance


def fold(x, y):
    """Coordinates turned by quarter turns into the sector around the positive x axis."""
    sideways = abs(x) >= abs(y)
    sign = np.where(np.where(sideways, x, y) < 0, -1.0, 1.0)
    return sign * np.where(sideways, x, y), sign * np.where(sideways, y, -x)


def honeycomb(x, y, pitch_x: float, pitch_y: float):
    """The nearest node of a lattice whose every other row is shifted by half a pitch.

    Returns
    -------
    cx, cy : float64
        The node.
    row, column : int
        Its place, of either sign.
    """
    best = None
    for shift in (0.0, 0.5):
        column = np.round(x / pitch_x - shift) + shift
        row = np.round(0.5 * y / pitch_y - shift) + shift
        squared = (x - column * pitch_x) ** 2 + (y - 2 * row * pitch_y) ** 2
        if best is None:
            best = squared, column, row
        else:
            closer = squared < best[0]
            column, row = np.where(closer, column, best[1]), np.where(closer, row, best[2])
    return column * pitch_x, 2 * row * pitch_y, (2 * row).astype(int), np.floor(column).astype(int)


def merge(first, second, fillet: float):
    """The union of two shapes, with a fillet of about this radius where they meet."""
    share = np.clip(0.5 + 0.5 * (second - first) / fillet, 0, 1)
    return second + (first - second) * share - fillet * share * (1 - share)


def ridge(t):
    """Triangle wave of period 1: 0 at integers, 1 halfway between."""
    return 1 - abs(2 * (t - np.floor(t)) - 1)


def near(x, y, cx: float, cy: float, reach_x: float, reach_y: float | None = None):
    """Slices (rows, columns) of the pixels within a box around (cx, cy); empty if there is none."""
    inside = (abs(x - cx) < reach_x) & (abs(y - cy) < (reach_y or reach_x))
    spans = []
    for hit in (inside.any(axis=1), inside.any(axis=0)):
        found = np.flatnonzero(hit)
        spans.append(slice(found[0], found[-1] + 1) if len(found) else slice(0, 0))
    return tuple(spans)


def wander(
    draws: Draws, centre: Point, length: float, curl: float, jitter: float = 0.0, steps: int = 12
) -> np.ndarray:
    """Points (steps + 1, 2) of a random path around `centre`.

    `curl` turns the path on and on (a thread), `jitter` throws it about its direction (a crack);
    both in radians a step.
    """
    heading = draws.uniform(0, 2 * np.pi)
    heading += np.cumsum(curl * (2 * draws.unit(steps) - 1)) + jitter * (2 * draws.unit(steps) - 1)
    moves = length / steps * np.stack([np.cos(heading), np.sin(heading)], axis=1)
    path = np.vstack([np.zeros((1, 2)), np.cumsum(moves, axis=0)])
    return path - path.mean(axis=0) + centre
