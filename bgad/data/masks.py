"""Mask files as truth: which pixels are anomalous, and what is left of them at a model's size.

Background is what is black, or index 0 of a palette whose first colour is black. Any other value
is anomalous, whatever number or colour an annotation tool gives to a kind of defect. The one
exception is a continuous ramp, the trace of resampling or lossy compression: at least `RAMP_LEVELS`
grey levels between the extremes, and of their pixels that have a darker or a brighter neighbour
most have both (where labels border on background, or are thin, they have one). Of a ramp, anomalous
is what is brighter than half of its maximum.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from scipy.ndimage import maximum_filter, minimum_filter

from bgad.data.images import Size, as_shape, is_16_bit, opened, to_rgb
from bgad.errors import InputError

__all__ = ["MASK_RULES", "RAMP_LEVELS", "as_truth", "mask_values", "read_mask", "reduce_mask"]

RAMP_LEVELS = 6


def _nearest(mask: np.ndarray, size: Size) -> np.ndarray:
    resized = Image.fromarray(mask).resize(as_shape(size)[::-1], Image.Resampling.NEAREST)
    return np.array(resized, dtype=bool)


def _share(mask: np.ndarray, size: Size) -> np.ndarray:
    """Share of anomalous ones among the pixels behind each pixel."""
    shares = Image.fromarray(mask.astype(np.float32))
    return np.asarray(shares.resize(as_shape(size)[::-1], Image.Resampling.BOX))


MASK_RULES: dict[str, Callable[[np.ndarray, Size], np.ndarray]] = {
    "nearest": _nearest,
    "area": lambda mask, size: _share(mask, size) > 0.5,
    "any": lambda mask, size: _share(mask, size) > 0,
}
"""When a pixel of a reduced mask is anomalous: the nearest original pixel is (the convention of
published figures), more than half of those behind it are, or any one is."""


def read_mask(path: Path | str, size: Size | None = None, rule: str = "nearest") -> np.ndarray:
    """Read a mask as bool of shape (H, W), true where anomalous.

    Parameters
    ----------
    path
        An image file of any of the accepted formats; the module says what counts as anomalous.
    size
        To which the mask is reduced; by default it keeps its own size.
    rule
        One of `MASK_RULES`.

    Raises
    ------
    InputError
        As `bgad.data.images.read_image`.
    """
    with opened(path) as image:
        mask = as_truth(image)
    return mask if size is None else reduce_mask(mask, size, rule)


def reduce_mask(mask: np.ndarray, size: Size, rule: str = "nearest") -> np.ndarray:
    """Resize a mask of bool (H, W) by one of `MASK_RULES`.

    Raises
    ------
    InputError
        If there is no such rule.
    """
    if rule not in MASK_RULES:
        raise InputError(f"unknown mask rule {rule!r}: choose among {', '.join(MASK_RULES)}")
    return mask if mask.shape == as_shape(size) else MASK_RULES[rule](mask, size)


def as_truth(image: Image.Image) -> np.ndarray:
    """Decide which pixels of an opened mask are anomalous: bool (H, W), as displayed."""
    image = ImageOps.exif_transpose(image)
    values = _brightness(image)
    if _is_ramp(values):
        return values > values.max() / 2
    indices = _labels(image)
    return (values if indices is None else indices) != 0


def mask_values(image: Image.Image) -> tuple[int, ...]:
    """The values, sorted, that tell a mask's pixels apart: of grey, palette indices, brightness."""
    indices = _labels(image)
    return tuple(map(int, np.unique(_brightness(image) if indices is None else indices)))


def _labels(image: Image.Image) -> np.ndarray | None:
    """Palette indices where index 0 is a black background, else None."""
    if image.mode != "P" or image.has_transparency_data or any(image.getpalette()[:3]):
        return None
    return np.asarray(image)


def _brightness(image: Image.Image) -> np.ndarray:
    """The brightest channel, so that pure colours count as much as white."""
    if is_16_bit(image):
        return np.asarray(image)
    values = np.asarray(to_rgb(image)).max(axis=-1)
    if not values.any() and image.has_transparency_data:
        alpha = np.asarray(image.convert("RGBA"))[..., 3]
        return values if alpha.min() else alpha  # what is drawn in black on a transparent layer
    return values


def _is_ramp(values: np.ndarray) -> bool:
    between = (values > 0) & (values < values.max())
    if len(np.unique(values[between])) < RAMP_LEVELS:
        return False
    darker = minimum_filter(values, 3)[between] < values[between]
    brighter = maximum_filter(values, 3)[between] > values[between]
    return bool((darker & brighter).sum() > (darker | brighter).sum() / 2)
