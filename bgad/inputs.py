"""The forms in which a caller may hand over images and masks."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from bgad.data.images import read_image
from bgad.data.masks import read_mask
from bgad.errors import InputError

__all__ = ["as_images", "as_masks"]


def as_images(images: Any, size: int) -> np.ndarray:
    """Bring images into the one form that the backbone takes.

    Parameters
    ----------
    images : Tensor, ndarray, or sequence (also a torch Dataset) of them or of paths
        An array is (N, H, W), (N, H, W, 3) or (N, 3, H, W), a sequence's items the same without
        N; uint8, or floats in [0, 1]. A Dataset's tuple items count by their first element.
    size : int
        Side of the result in pixels; other sizes are resized with Lanczos, without crop.

    Returns
    -------
    ndarray of uint8, shape (N, size, size, 3)

    Raises
    ------
    InputError
        No images, or a form, dtype or value range that is none of these.
    """
    array = isinstance(images, (np.ndarray, torch.Tensor))
    if array and images.ndim == 3 and images.shape[-1] == 3:
        raise InputError(
            f"images of shape {tuple(images.shape)} look like a single RGB image: give images[None]"
        )
    ready = isinstance(images, np.ndarray) and images.dtype == np.uint8 and images.size
    if ready and images.shape[1:] == (size, size, 3):
        return images
    return np.stack([_as_image(item, size, i) for i, item in enumerate(_items(images, "images"))])


def as_masks(masks: Any, size: int) -> np.ndarray:
    """Bring anomaly masks into one form.

    Parameters
    ----------
    masks : Tensor, ndarray, or sequence of them or of paths
        Items (H, W) or (1, H, W); anomalous where non-zero (for paths, as `read_mask`).
    size : int
        Side of the result in pixels; other sizes are resized with nearest neighbour.

    Returns
    -------
    ndarray of bool, shape (N, size, size)

    Raises
    ------
    InputError
        No masks, an empty mask, or another form.
    """
    result = np.stack([_as_mask(item, size, i) for i, item in enumerate(_items(masks, "masks"))])
    empty = np.flatnonzero(~result.any(axis=(1, 2)))
    if len(empty):
        raise InputError(f"the mask of anomalous image {empty[0]} marks no pixel at {size} px")
    return result


def _items(values: Any, what: str) -> list:
    if isinstance(values, (str, Path)):
        raise InputError(f"{what} must be several: got the one path {values}, give a list of paths")
    try:
        items = [values[i] for i in range(len(values))]
    except (TypeError, KeyError) as error:
        raise InputError(
            f"{what} must be an array, a tensor, a list or a map-style dataset, "
            f"got {type(values).__name__}"
        ) from error
    if not items:
        raise InputError(f"{what} must be at least one, got none")
    return [item[0] if isinstance(item, tuple) else item for item in items]


def _as_image(item: Any, size: int, index: int) -> np.ndarray:
    if isinstance(item, (str, Path)):
        return read_image(Path(item), size)
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
    if array.shape[:2] == (size, size):
        return array
    resized = Image.fromarray(np.ascontiguousarray(array)).resize((size, size), Image.LANCZOS)
    return np.asarray(resized)


def _as_mask(item: Any, size: int, index: int) -> np.ndarray:
    if isinstance(item, (str, Path)):
        return read_mask(Path(item), size)
    array = _as_array(item, f"mask {index}")
    if array.ndim == 3 and array.shape[0] == 1:
        array = array[0]
    if array.ndim != 2 or not array.size:
        raise InputError(f"mask {index} has shape {array.shape}: expected (H, W)")
    if not (array.dtype == bool or np.issubdtype(array.dtype, np.number)):
        raise InputError(f"mask {index} is {array.dtype}: expected bool or numbers")
    if np.isnan(array).any():
        raise InputError(f"mask {index} is undefined (NaN) somewhere")
    mask = array != 0
    if mask.shape == (size, size):
        return mask
    return np.asarray(Image.fromarray(mask).resize((size, size), Image.NEAREST))


def _as_array(item: Any, what: str) -> np.ndarray:
    try:
        return item.detach().cpu().numpy() if isinstance(item, torch.Tensor) else np.asarray(item)
    except (TypeError, ValueError) as error:
        raise InputError(f"{what} can't be made an array: {error}") from error
