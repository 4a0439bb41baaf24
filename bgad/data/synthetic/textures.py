"""The five textures, each drawn from the frame's coordinates and its parameters."""

import numpy as np

from bgad.data.synthetic.canvas import Canvas, cover, relief
from bgad.data.synthetic.draws import Draws
from bgad.data.synthetic.noise import fractal, smooth
from bgad.data.synthetic.shapes import ridge

__all__ = ["carpet", "grid", "leather", "tile", "wood"]


def mix(a, b, t):
    """Colours between `a` (t = 0) and `b` (t = 1), as planes."""
    a, b = (np.asarray(c, dtype=np.float64)[:, None, None] for c in (a, b))
    return a + (b - a) * t


def carpet(canvas: Canvas, x, y, p: dict, draws: Draws) -> None:
    """Woven threads, light over dark and dark over light by turns."""
    u = x / p["period"] + 0.10 * smooth(draws, 20)
    v = y / p["period"] + 0.10 * smooth(draws, 20)
    weave = np.cos(np.pi * u) * np.cos(np.pi * v)
    twill = ridge((u + v) / 4)
    fibre = smooth(draws, 1.5) + 0.7 * smooth(draws, 4)
    t = np.clip(0.5 + 0.42 * weave + 0.25 * (twill - 0.5) + 0.13 * fibre, 0, 1)
    canvas.fill(mix(p["dark"], p["bright"], t))


def grid(canvas: Canvas, x, y, p: dict, draws: Draws) -> None:
    """A mesh of crossing wires in front of a dark ground."""
    canvas.fill(p["ground"] + 5 * smooth(draws, 40))
    u, v = x / p["pitch_x"], y / p["pitch_y"]
    scale = 1 / (p["pitch_x"] ** -2 + p["pitch_y"] ** -2) ** 0.5
    shine = 1 + 0.05 * smooth(draws, 3)
    for s, across in ((u + v, u - v), (u - v, u + v)):
        over = 0.5 + 0.5 * np.cos(np.pi * (across + np.floor(s)))
        distance = (0.5 - abs(s - np.floor(s) - 0.5)) * scale
        height = 1 - np.clip(distance / p["wire"], 0, 1) ** 2
        light = (p["metal"] * (0.55 + 0.45 * height) + 22 * (over - 0.5)) * shine
        canvas.paint(cover(distance - p["wire"], 2.0), light)


def leather(canvas: Canvas, x, y, p: dict, draws: Draws) -> None:
    """Grain: pebbles of a warped hexagonal lattice, parted by creases."""
    u = (x + 2.2 * smooth(draws, 9)) * (2 * np.pi / p["grain"])
    v = (y + 2.2 * smooth(draws, 9)) * (2 * np.pi / p["grain"])
    half, root = 0.5 * u, 0.75**0.5 * v
    pebbles = np.cos(u) + np.cos(half + root) + np.cos(half - root)
    height = np.minimum(0.4 * pebbles + 0.45 * smooth(draws, 3), 0.5)
    light = 1 + 0.10 * height + 0.10 * relief(height) + 0.025 * smooth(draws, 40)
    canvas.fill(np.asarray(p["colour"], dtype=np.float64)[:, None, None] * light)


def tile(canvas: Canvas, x, y, p: dict, draws: Draws) -> None:
    """Polished stone: pale, with dark flecks of all sizes."""
    canvas.fill(mix(p["pale"], p["grey"], cover(0.5 - fractal(draws, 10, 3), 1.0)))
    coarse, fine = fractal(draws, 9, 3, 0.8), fractal(draws, 4.5, 2, 0.8)
    canvas.paint(cover(1.3 - coarse, 0.35), p["fleck"])
    canvas.paint(0.85 * cover(1.4 - fine, 0.4), p["fleck"])
    canvas.shade(1 + 0.025 * smooth(draws, 2))


def wood(canvas: Canvas, x, y, p: dict, draws: Draws) -> None:
    """Grain along y: broad bands, fine streaks, short dark pores."""
    bands = smooth(draws, 220, 14) + 0.6 * smooth(draws, 120, 5)
    streaks = smooth(draws, 60, 1.8)
    t = np.clip(0.45 + 0.20 * bands + 0.13 * streaks, 0, 1)
    canvas.fill(mix(p["bright"], p["dark"], t))
    pores = smooth(draws, 16, 1.3) + 0.4 * bands
    canvas.paint(0.45 * cover(1.7 - pores, 0.8), p["pore"])
