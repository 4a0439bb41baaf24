"""A test set's anomaly maps: checked, and read in batches where they don't fit in memory."""

from collections.abc import Iterator, Sequence

import numpy as np

from bgad.errors import InputError

__all__ = ["check", "choose", "read"]

_BATCH_PIXELS = 1 << 20  # read and sorted at a time: some MB


def check(maps: np.ndarray, masks: np.ndarray) -> None:
    """Refuse maps and masks that are not (N, H, W) alike, float and bool."""
    if maps.shape != masks.shape or maps.ndim != 3:
        raise InputError(f"maps and masks must be (N, H, W) alike: {maps.shape}, {masks.shape}")
    if not np.issubdtype(maps.dtype, np.floating) or masks.dtype != bool:
        raise InputError(f"maps must be float and masks bool: got {maps.dtype} and {masks.dtype}")


def choose(images: Sequence[int] | np.ndarray | None, count: int) -> np.ndarray:
    """Indices of the chosen ones of so many images; all if None."""
    if images is None:
        return np.arange(count)
    images = np.asarray(images)
    if not images.size:
        return np.empty(0, int)
    try:
        return np.arange(count)[images]
    except IndexError as error:
        raise InputError(f"images must choose from the {count} there are: {error}") from error


def read(maps: np.ndarray, chosen: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Indices and maps of the chosen images, some at a time, each of finite values.

    Raises
    ------
    InputError
        A map with NaN or infinite values.
    """
    step = max(1, _BATCH_PIXELS // max(1, maps[:1].size))
    for start in range(0, len(chosen), step):
        batch = chosen[start : start + step]
        rows = maps[batch]
        if not np.isfinite(rows).all():
            bad = batch[np.flatnonzero(~np.isfinite(rows).all(axis=(1, 2)))[0]]
            raise InputError(f"the anomaly map of image {bad} holds NaN or infinite values")
        yield batch, rows
