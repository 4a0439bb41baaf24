"""The forms in which a caller may hand over images and masks."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from bgad.data.images import Size, as_pixels, as_shape, folder_images, read_image
from bgad.data.masks import as_truth, read_mask, reduce_mask
from bgad.errors import InputError

__all__ = ["as_images", "as_masks"]


def as_images(images: Any, size: Size) -> np.ndarray:
    """Bring images into the one form that the backbone takes.

    Parameters
    ----------
    images : Tensor, ndarray, sequence, iterator, Dataset, or a folder's path
        An array is (N, H, W), (N, H, W, 3) or (N, 3, H, W). Of a sequence, an iterator (such as
        that of ``Path.glob``) or a map-style torch Dataset, items are the same without N, PIL
        images or paths; a Dataset's tuple items count by their first element. Arrays hold uint8,
        or floats in [0, 1]. PIL images count as their files do. Of a folder, all images in it are
        taken, sorted by name.
    size : int, or height and width
        Of the result in pixels; other sizes are resized with Lanczos, without crop.

    Returns
    -------
    ndarray of uint8, shape (N, H, W, 3)

    Raises
    ------
    InputError
        No images, or a form, dtype or value range that is none of these.
    """
    array = isinstance(images, np.ndarray) or _is_tensor(images)
    if array and images.ndim == 3 and 3 in (images.shape[0], images.shape[-1]):
        raise InputError(
            f"images of shape {tuple(images.shape)} may be a single RGB image: give images[None] "
            "if so, images[..., None] if they are greyscale"
        )
    ready = isinstance(images, np.ndarray) and images.dtype == np.uint8 and images.size
    if ready and images.shape[1:] == (*as_shape(size), 3):
        return images
    return np.stack([_as_image(item, size, i) for i, item in enumerate(_items(images, "images"))])


def as_masks(masks: Any, size: Size) -> np.ndarray:
    """Bring anomaly masks into one form.

    Parameters
    ----------
    masks : Tensor, ndarray, sequence, iterator, Dataset, or a folder's path
        Items (H, W) or (1, H, W), anomalous where non-zero; PIL images or paths, as
        `bgad.data.masks.read_mask`.
    size : int, or height and width
        Of the result in pixels; other sizes are resized with nearest neighbour.

    Returns
    -------
    ndarray of bool, shape (N, H, W)

    Raises
    ------
    InputError
        No masks, an empty mask, or another form.
    """
    result = np.stack([_as_mask(item, size, i) for i, item in enumerate(_items(masks, "masks"))])
    empty = np.flatnonzero(~result.any(axis=(1, 2)))
    if len(empty):
        raise InputError(f"the mask of anomalous image {empty[0]} marks no pixel at {size} pixels")
    return result


def _items(values: Any, what: str) -> list:
    if isinstance(values, (str, Path)):
        values = _files(Path(values), what)
    if isinstance(values, Image.Image):
        raise InputError(f"{what} must be several: got the one PIL image, give a list of images")
    try:
        items = list(values) if isinstance(values, Iterator) else _by_index(values)
    except (TypeError, KeyError) as error:
        raise InputError(
            f"{what} must be an array, a tensor, a list, an iterator, a map-style dataset or a "
            f"folder, got {type(values).__name__}"
        ) from error
    if not items:
        raise InputError(f"{what} must be at least one, got none")
    return [item[0] if isinstance(item, tuple) else item for item in items]


def _by_index(values: Any) -> list:
    return [values[i] for i in range(len(values))]


def _files(folder: Path, what: str) -> list[Path]:
    if not folder.is_dir():
        raise InputError(f"{what} must be several: {folder} is no folder, give a list of paths")
    return folder_images(folder)


def _as_image(item: Any, size: Size, index: int) -> np.ndarray:
    if isinstance(item, (str, Path)):
        return read_image(item, size)
    if isinstance(item, Image.Image):
        return _decoded(as_pixels, item, f"image {index}", size)
    array = _as_array(item, f"image {index}")
    if array.ndim == 3 and array.shape[0] in (1, 3) and array.shape[-1] not in (1, 3):
        array = np.moveaxis(array, 0, -1)
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3 or array.shape[-1] not in (1, 3) or not array.size:
        raise InputError(f"image {index} has shape {array.shape}: expected greyscale or RGB")
    if np.issubdtype(array.dtype, np.floating):
        if not (array.min() >= 0 and array.max() <= 1):  # also refuses NaN
            raise InputError(f"image {index} is {array.dtype} but not all values lie in [0, 1]")
        array = np.round(array * 255).astype(np.uint8)
    if array.dtype != np.uint8:
        raise InputError(f"image {index} is {array.dtype}: expected uint8, or floats in [0, 1]")
    array = np.broadcast_to(array, (*array.shape[:2], 3))
    if array.shape[:2] == as_shape(size):
        return array
    return as_pixels(Image.fromarray(np.ascontiguousarray(array)), size)


def _as_mask(item: Any, size: Size, index: int) -> np.ndarray:
    if isinstance(item, (str, Path)):
        return read_mask(item, size)
    if isinstance(item, Image.Image):
        return reduce_mask(_decoded(as_truth, item, f"mask {index}"), size)
    array = _as_array(item, f"mask {index}")
    if array.ndim == 3 and array.shape[0] == 1:
        array = array[0]
    if array.ndim != 2 or not array.size:
        raise InputError(f"mask {index} has shape {array.shape}: expected (H, W)")
    if not (array.dtype == bool or np.issubdtype(array.dtype, np.number)):
        raise InputError(f"mask {index} is {array.dtype}: expected bool or numbers")
    if np.isnan(array).any():
        raise InputError(f"mask {index} is undefined (NaN) somewhere")
    return reduce_mask(array != 0, size)


def _decoded(convert: Callable[..., np.ndarray], image: Image.Image, what: str, *size: Size) -> Any:
    """Convert a PIL image, whose file may be damaged behind its header."""
    try:
        return convert(image, *size)
    except Exception as error:  # Pillow's decoders raise nearly any type on damaged bytes
        raise InputError(f"{what} can't be decoded ({type(error).__name__}: {error})") from error


def _is_tensor(item: Any) -> bool:
    torch = sys.modules.get("torch")  # who has made a tensor has imported it, which takes seconds
    return torch is not None and isinstance(item, torch.Tensor)


def _as_array(item: Any, what: str) -> np.ndarray:
    try:
        return item.detach().cpu().numpy() if _is_tensor(item) else np.asarray(item)
    except (TypeError, ValueError) as error:
        raise InputError(f"{what} can't be made an array: {error}") from error
