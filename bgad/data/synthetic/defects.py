"""What goes wrong: changes of the parameters, bends of the frame, strokes and blobs on top.

A defect type is a tuple of steps. Its one knob is `severity`, a range within [0, 1] that each
defective image draws its severity from; a `Span` among a step's options says what severity 0 and
severity 1 mean for that option.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter

from bgad.data.synthetic import shapes
from bgad.data.synthetic.canvas import SIZE, Canvas, cover, pixels, relief
from bgad.data.synthetic.draws import Draws
from bgad.data.synthetic.noise import fractal, smooth

__all__ = [
    "Defect",
    "OneOf",
    "Span",
    "Step",
    "bend",
    "blob",
    "defect",
    "edit",
    "either",
    "nudge",
    "overlay",
    "replace",
    "roughen",
    "stroke",
]

Point = tuple[float, float]


@dataclass(frozen=True)
class Span:
    """An option that grows with the severity: `mild` at 0, `severe` at 1."""

    mild: float
    severe: float

    def at(self, severity: float) -> float:
        return self.mild + (self.severe - self.mild) * severity


@dataclass(frozen=True)
class Step:
    """One change: of the parameters before drawing (`early`), or of the canvas after it."""

    function: Callable[..., None]
    early: bool
    options: dict[str, Any] = field(default_factory=dict)

    def __call__(self, target: dict | Canvas, draws: Draws, severity: float) -> None:
        options = {k: v.at(severity) if isinstance(v, Span) else v for k, v in self.options.items()}
        self.function(target, draws, **options)


@dataclass(frozen=True)
class OneOf:
    """One of several groups of steps, drawn for each image."""

    groups: tuple[tuple[Step, ...], ...]


@dataclass(frozen=True)
class Defect:
    """An anomaly type: its name, how many test images show it, how severe they are, its steps."""

    name: str
    count: int
    severity: tuple[float, float]
    steps: tuple[Step | OneOf, ...]

    def chosen(self, draws: Draws) -> list[Step]:
        """The steps of one image, alternatives drawn."""
        steps: list[Step] = []
        for step in self.steps:
            steps += draws.choice(step.groups) if isinstance(step, OneOf) else (step,)
        return steps


def edit(function: Callable[..., None], **options: Any) -> Step:
    """A step that changes the parameters."""
    return Step(function, True, options)


def either(*groups: Step | tuple[Step, ...]) -> OneOf:
    """One of several steps or groups of steps."""
    return OneOf(tuple(group if isinstance(group, tuple) else (group,) for group in groups))


def defect(name: str, count: int, severity: tuple[float, float], *steps: Step | OneOf) -> Defect:
    """An anomaly type, see `Defect`."""
    return Defect(name, count, severity, steps)


def overlay(function: Callable[..., None], **options: Any) -> Step:
    """A step that paints on the canvas."""
    return Step(function, False, options)


def replace(p: dict, draws: Draws, key: str, options: tuple) -> None:
    """Another value of the parameter `key`."""
    p[key] = draws.choice(options)


def nudge(
    p: dict, draws: Draws, keys: tuple[str, ...], by: float, spread: float = 0.2, both: bool = True
) -> None:
    """Move one of the parameters by about `by`, either way if `both`."""
    key = draws.choice(keys)
    amount = by * draws.uniform(1 - spread, 1 + spread)
    p[key] = p[key] + amount * (draws.sign() if both else 1)


def bend(
    p: dict,
    draws: Draws,
    centres: tuple[Point, ...],
    spread: Point,
    radius: float,
    shift_x: float,
    shift_y: float,
) -> None:
    """Push what lies within `radius` of a point aside, smoothly; nothing moves beyond it.

    The point is one of `centres`, moved by up to `spread`; the shifts in pixels, either way.
    """
    cx, cy = draws.choice(centres)
    cx += draws.uniform(-spread[0], spread[0])
    cy += draws.uniform(-spread[1], spread[1])
    dx, dy = shift_x * draws.sign(), shift_y * draws.sign()

    def warp(x, y):
        weight = np.clip(1 - ((x - cx) ** 2 + (y - cy) ** 2) / radius**2, 0, 1) ** 2
        return x - dx * weight, y - dy * weight

    p["warps"] = (*p["warps"], warp)


def _region(canvas: Canvas, name: str | None) -> np.ndarray:
    if name is None:
        return np.ones((SIZE, SIZE))
    return np.clip(canvas.regions[name], 0, 1)


def _spot(region: np.ndarray, draws: Draws, margin: int = 14) -> Point:
    """A random pixel of the region, away from the image's border."""
    inner = region[margin:-margin, margin:-margin] > 0.9
    candidates = np.flatnonzero(inner)
    row, column = divmod(int(candidates[draws.integer(len(candidates))]), inner.shape[1])
    x, y = pixels()
    return float(x[0, column + margin]), float(y[row + margin, 0])


def _around(points: np.ndarray, reach: float) -> tuple[slice, slice]:
    low = np.floor(points.min(axis=0) - reach + SIZE / 2).astype(int)
    high = np.ceil(points.max(axis=0) + reach + SIZE / 2).astype(int)
    low, high = np.clip(low, 0, SIZE - 1), np.clip(high, 1, SIZE)
    return slice(low[1], high[1]), slice(low[0], high[0])


def stroke(
    canvas: Canvas,
    draws: Draws,
    region: str | None,
    colour: Any,
    length: float,
    width: float,
    contrast: float,
    curl: float = 0.05,
    jitter: float = 0.0,
    softness: float = 1.2,
    taper: bool = True,
    rim: float = 0.0,
    shadow: float = 0.0,
    count: int = 1,
) -> None:
    """Lines within a region: scratches, cracks, cuts, threads, bands.

    Parameters
    ----------
    curl, jitter : float
        Shape of the path, see `shapes.wander`.
    contrast : float
        Opacity of the colour.
    rim, shadow : float
        Opacity of a bright edge towards the light's far side, of a dark one behind a raised line.
    """
    inside = _region(canvas, region)
    x, y = pixels()
    for _ in range(count):
        size = length * draws.uniform(0.75, 1.25)
        path = shapes.wander(draws, _spot(inside, draws), size, curl, jitter)
        window = _around(path, 3 * width + softness + 6)
        wx, wy, alpha = x[window], y[window], inside[window]
        distance = shapes.polyline(wx, wy, path)
        if taper:
            middle, end = path[len(path) // 2], path[-1]
            reach = np.hypot(*(end - middle)) + 1e-6
            along = np.sqrt((wx - middle[0]) ** 2 + (wy - middle[1]) ** 2) / reach
            half = width / 2 * np.clip(1.15 - along**2, 0.25, 1)
        else:
            half = width / 2
        if shadow:
            behind = shapes.polyline(wx - 1.5, wy - 2.0, path)
            canvas.shade(1 - shadow * alpha * cover(behind - half, 3.0), window)
        if rim:
            beside = shapes.polyline(wx - 0.7 - width / 4, wy - 0.7 - width / 4, path)
            canvas.paint(rim * contrast * alpha * cover(beside - half, 1.5), 250.0, window)
        canvas.paint(contrast * alpha * cover(distance - half, softness), colour, window)


def blob(
    canvas: Canvas,
    draws: Draws,
    region: str | None,
    colour: Any,
    radius: float,
    contrast: float,
    roughness: float = 0.3,
    stretch: float = 0.5,
    softness: float = 1.5,
    texture: float = 0.0,
    cell: float = 3.0,
    bulge: float = 0.0,
    rim: float = 0.0,
    rim_colour: Any = 250.0,
    multiply: bool = False,
    count: int = 1,
) -> None:
    """Patches within a region: stains, holes, drops, chips, foreign bodies.

    Parameters
    ----------
    roughness, stretch : float
        How far the outline strays from an ellipse, and the ellipse from a circle, in radii.
    texture, cell : float
        Relative strength and size of the light and dark inside.
    bulge : float
        Shading as of a raised patch, or a sunken one if negative.
    rim : float
        Opacity of an edge of `rim_colour`.
    multiply : bool
        Stain what lies below (`colour` 255 leaves it) rather than cover it.
    """
    inside = _region(canvas, region)
    x, y = pixels()
    for _ in range(count):
        cx, cy = _spot(inside, draws)
        size = radius * draws.uniform(0.8, 1.2)
        ratio, angle = 1 + stretch * draws.uniform(0, 1), draws.uniform(0, np.pi)
        noise = smooth(draws, max(2.0, 0.7 * size))
        window = _around(np.array([[cx, cy]]), 1.2 * size * ratio * (1 + roughness) + softness + 3)
        wx, wy = x[window] - cx, y[window] - cy
        u = np.cos(angle) * wx + np.sin(angle) * wy
        v = np.cos(angle) * wy - np.sin(angle) * wx
        distance = np.sqrt(u**2 / ratio + v**2 * ratio) - size * (1 + roughness * noise[window] / 2)
        alpha = contrast * inside[window] * cover(distance, softness)
        light = np.asarray(colour, dtype=np.float64).reshape(-1, 1, 1)
        if multiply:
            light = canvas.planes[(slice(None), *window)] * canvas.light(light) / 255
        if texture:
            light = light * (1 + texture * fractal(draws, cell, 2, 0.8)[window])
        canvas.paint(alpha, light, window)
        if bulge:
            height = cover(distance, 0.7 * size + 3)
            canvas.shade(1 + bulge * inside[window] * relief(height), window)
        if rim:
            edge = cover(abs(distance) - 0.8, 1.5)
            canvas.paint(rim * contrast * inside[window] * edge, rim_colour, window)


def roughen(
    canvas: Canvas,
    draws: Draws,
    region: str | None,
    radius: float,
    contrast: float,
    shift: float = 4.0,
    lift: float = 0.0,
    stretch: float = 1.0,
) -> None:
    """Tear up the texture in a patch: its pixels are thrown about by up to `shift`.

    `lift` is the relative change of the light that comes with it.
    """
    inside = _region(canvas, region)
    cx, cy = _spot(inside, draws)
    size = radius * draws.uniform(0.8, 1.2)
    x, y = pixels()
    tall = 1 + stretch * draws.uniform(0, 1)
    distance = np.sqrt((x - cx) ** 2 * tall + (y - cy) ** 2 / tall) + 0.2 * size * smooth(draws, 9)
    alpha = contrast * inside * cover(distance - size, 4.0)
    centre = (SIZE - 1) / 2
    columns = np.clip(np.round(x + centre + shift * smooth(draws, 3)), 0, SIZE - 1).astype(int)
    rows = np.clip(np.round(y + centre + shift * smooth(draws, 3)), 0, SIZE - 1).astype(int)
    torn = gaussian_filter(canvas.planes[:, rows, columns], (0, 0.6, 0.6))
    canvas.paint(alpha, torn * (1 + lift + 0.06 * smooth(draws, 2)))
