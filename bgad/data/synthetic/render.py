"""From a category and a name to an image and its exact mask."""

import numpy as np
from scipy.ndimage import binary_closing, label

from bgad.data.synthetic.canvas import SIZE, Canvas, illumination, pixels
from bgad.data.synthetic.catalogue import CATALOGUE, Category
from bgad.data.synthetic.defects import Step
from bgad.data.synthetic.draws import Draws

__all__ = ["render"]

VISIBLE = 5.0  # grey levels that a pixel must change by to count as defective
SMALLEST = 12  # pixels of a defect
SPECK = 4  # pixels below which a connected part of a defect does not count
_EIGHT = np.ones((3, 3), dtype=bool)


def render(category: str, split: str, type_: str, index: int) -> tuple[np.ndarray, ...]:
    """Image `index` of a type, drawn from nothing but these names.

    Returns
    -------
    image : uint8 (256, 256, 3), or (256, 256) for the greyscale categories
    mask : bool (256, 256)
        The region where the defect changed the picture: outside of it, `image` and `twin` are
        equal. Empty for type 'good'.
    twin : uint8, like `image`
        The same picture without the defect.
    """
    spec = CATALOGUE[category]
    draws = Draws("bgad synthetic stand-in", category, split, type_, index)
    parameters = _parameters(spec, draws.child("parameters"))
    gain = illumination(draws.child("light"), spec.light, spec.tint, spec.channels)
    sensor = draws.child("sensor")
    grain = spec.noise * sensor.uniform(0.6, 1.6) * sensor.white(spec.channels, SIZE, SIZE)

    def exposed(canvas: Canvas) -> np.ndarray:
        return np.clip(canvas.planes * gain, 0, 255)

    normal = _drawn(spec, parameters, draws)
    clean = exposed(normal)
    twin = _developed(clean, grain)
    if type_ == "good":
        return twin, np.zeros((SIZE, SIZE), dtype=bool), twin
    defect = next(d for d in spec.defects if d.name == type_)
    for attempt in range(20):
        chance = draws.child("defect", attempt)
        severity = chance.uniform(*defect.severity)
        steps = defect.chosen(chance)
        early = [step for step in steps if step.early]
        changed = dict(parameters)
        _apply(early, changed, chance, severity)
        canvas = _drawn(spec, changed, draws, normal.regions) if early else normal.copy()
        _apply([step for step in steps if not step.early], canvas, chance, severity)
        broken = exposed(canvas)
        mask = _changed(clean, broken)
        if mask.sum() >= SMALLEST:
            break
    else:
        raise RuntimeError(f"{category}/{type_}/{index}: no visible defect in 20 attempts")
    inside = mask if spec.channels == 1 else mask[..., None]
    return np.where(inside, _developed(broken, grain), twin), mask, twin


def _parameters(spec: Category, draws: Draws) -> dict:
    """The parameters of one normal picture, its pose among them."""
    own = {name: draws.uniform(*limits) for name, limits in spec.vary.items()}
    pose = {
        "pose_turn": np.deg2rad(draws.uniform(-spec.turn, spec.turn)),
        "pose_x": draws.uniform(-spec.shift, spec.shift),
        "pose_y": draws.uniform(-spec.shift, spec.shift),
        "pose_zoom": 1 + draws.uniform(-spec.zoom, spec.zoom),
    }
    return {**spec.fixed, **own, **pose, "warps": ()}


def _drawn(spec: Category, p: dict, draws: Draws, regions: dict | None = None) -> Canvas:
    """The picture for these parameters; its chance is the same each time.

    `regions` are those of the twin, so that its quirks lie where they did.
    """
    x, y = pixels()
    x, y = (x - p["pose_x"]) / p["pose_zoom"], (y - p["pose_y"]) / p["pose_zoom"]
    cosine, sine = np.cos(p["pose_turn"]), np.sin(p["pose_turn"])
    x, y = cosine * x + sine * y, cosine * y - sine * x
    for warp in p["warps"]:
        x, y = warp(x, y)
    canvas = Canvas(spec.channels)
    spec.draw(canvas, x, y, p, draws.child("picture"))
    regions, canvas.regions = canvas.regions, regions or canvas.regions
    chance = draws.child("quirks")
    for step in spec.quirks:
        if chance.integer(4) == 0:
            step(canvas, chance, chance.uniform(0, 1))
    canvas.regions = regions
    return canvas


def _apply(steps: list[Step], target: dict | Canvas, draws: Draws, severity: float) -> None:
    for step in steps:
        step(target, draws, severity)


def _developed(light: np.ndarray, grain: np.ndarray) -> np.ndarray:
    """Eight-bit image (256, 256[, 3]) of the light and the sensor's noise."""
    image = np.floor(np.clip(light + grain, 0, 255) + 0.5).astype(np.uint8)
    return image[0] if len(image) == 1 else np.moveaxis(image, 0, -1)


def _changed(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Where two pictures differ visibly, gaps of a pixel or two closed and specks dropped."""
    mask = (abs(after - before) >= VISIBLE).any(axis=0)
    padded = np.pad(mask, 2, mode="edge")
    mask = binary_closing(padded, _EIGHT, iterations=1)[2:-2, 2:-2] | mask
    parts, _ = label(mask, _EIGHT)
    large = np.bincount(parts.ravel()) >= SPECK
    large[0] = False
    return large[parts]
