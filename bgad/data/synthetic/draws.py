"""Random numbers keyed by names, the same on every machine."""

import hashlib
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

__all__ = ["Draws"]

T = TypeVar("T")

_BYTES, _WORDS = np.uint64(0x00FF00FF00FF00FF), np.uint64(0x0000FFFF0000FFFF)


class Draws:
    """A stream of random numbers that depends on its names alone.

    The seed is the SHA-256 of the names. Everything derives from PCG64's raw 64-bit output, whose
    stream NumPy guarantees, and never from `Generator`'s distributions, whose streams it does not.

    Parameters
    ----------
    *names : str or int
        What the numbers are for, from the general to the particular.
    """

    def __init__(self, *names: str | int) -> None:
        self._names = names
        digest = hashlib.sha256("/".join(map(str, names)).encode()).digest()
        self._bits = np.random.PCG64(int.from_bytes(digest, "big"))

    def child(self, *names: str | int) -> "Draws":
        """A stream of its own, whatever was drawn from this one before."""
        return Draws(*self._names, *names)

    def unit(self, *shape: int) -> np.ndarray:
        """Uniform float64 numbers in [0, 1) of the given shape."""
        raw = self._bits.random_raw(int(np.prod(shape, dtype=int)))
        return ((raw >> np.uint64(11)) * 2.0**-53).reshape(shape)

    def uniform(self, low: float, high: float) -> float:
        """One number in [low, high)."""
        return low + (high - low) * float(self.unit(1)[0])

    def integer(self, n: int) -> int:
        """One of 0, ..., n - 1."""
        return int(self.uniform(0, n))

    def choice(self, options: Sequence[T]) -> T:
        """One of the options."""
        return options[self.integer(len(options))]

    def sign(self) -> int:
        """-1 or 1."""
        return 2 * self.integer(2) - 1

    def white(self, *shape: int) -> np.ndarray:
        """Nearly normal float64 noise, mean 0 and std 1: the sum of four random bytes."""
        count = int(np.prod(shape, dtype=int))
        raw = self._bits.random_raw((count + 1) // 2).astype("<u8")
        pairs = (raw & _BYTES) + ((raw >> np.uint64(8)) & _BYTES)
        total = (pairs & _WORDS) + ((pairs >> np.uint64(16)) & _WORDS)
        return ((total.view("<u4")[:count] - 510.0) / 147.8).reshape(shape)
