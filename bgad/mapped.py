"""Arrays on disk instead of in memory."""

import errno
import os
import tempfile
from pathlib import Path

import numpy as np

__all__ = ["empty_on_disk", "reserve"]


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
