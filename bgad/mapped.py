"""Arrays on disk instead of in memory."""

import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

__all__ = ["chunks", "empty_on_disk", "reserve"]

_CHUNK = 32  # images


def chunks(array: np.ndarray) -> Iterator[torch.Tensor]:
    """Pass over an array that may be larger than memory, some images at a time, as float64.

    Parameters
    ----------
    array : ndarray, shape (images, ...)
    """
    for start in range(0, len(array), _CHUNK):
        yield torch.from_numpy(array[start : start + _CHUNK].astype(np.float64))


def empty_on_disk(shape: tuple[int, ...], dtype: np.dtype | type, folder: Path) -> np.ndarray:
    """Make an array in a file without a name, that goes with the array.

    Parameters
    ----------
    shape, dtype
        As for `numpy.empty`; zeros are read where nothing was written.
    folder : path
        On whose disk it lies; made when needed.

    Raises
    ------
    OSError
        The disk is full.
    """
    if 0 in shape:
        return np.empty(shape, dtype)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        array = np.memmap(file, dtype, "w+", shape=shape)
        reserve(file.fileno())
    return array


def reserve(descriptor: int) -> None:
    """Give an open file all the disk that its length asks for.

    A hole in a file that is written through memory kills the process if the disk is full by then.

    Raises
    ------
    OSError
        The disk is full.
    """
    if not hasattr(os, "posix_fallocate"):  # macOS, Windows
        return
    try:
        os.posix_fallocate(descriptor, 0, os.fstat(descriptor).st_size)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise  # all else: a file system that can't reserve
