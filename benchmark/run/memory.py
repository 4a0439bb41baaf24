"""Memory that processes hold."""

import ctypes
import sys
import threading
from types import TracebackType

import psutil

try:
    import resource
except ImportError:  # Windows
    resource = None

__all__ = ["PeakMemory", "give_back", "peak_resident_mb", "private_bytes"]

_INTERVAL = 0.05  # seconds


def private_bytes(process: psutil.Process) -> int:
    """Bytes that a process holds in memory; memory-mapped files, which others share, not counted.

    Raises
    ------
    psutil.Error
        If it has ended, or may not be looked at.
    """
    info = process.memory_info()
    return info.rss - getattr(info, "shared", 0)


def give_back() -> None:
    """Give what was freed back to the system, where the C library can be told to (glibc).

    It keeps most of it otherwise, so that each cell of a notebook would hold more than the last.
    """
    if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)):
        trim(0)


def peak_resident_mb() -> float:
    """Greatest resident memory of this process since it began, shared parts included, in MiB."""
    if resource is None:
        return psutil.Process().memory_info().peak_wset / 2**20
    unit = 1 if sys.platform == "darwin" else 1024  # bytes
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


class PeakMemory:
    """Greatest `private_bytes` of this process during a context, looked at 20 times a second."""

    def __init__(self) -> None:
        self._process, self._peak = psutil.Process(), 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    @property
    def megabytes(self) -> float:
        """So far, in MB of 1,000,000 bytes."""
        self._look()
        return self._peak / 1e6

    def __enter__(self) -> "PeakMemory":
        self._look()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(_INTERVAL):
            self._look()

    def _look(self) -> None:
        self._peak = max(self._peak, private_bytes(self._process))
