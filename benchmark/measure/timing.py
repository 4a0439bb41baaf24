"""How long a piece of work takes."""

import statistics
import time
from collections.abc import Callable
from typing import Any

__all__ = ["median_seconds"]


def median_seconds(
    work: Callable[[], Any], repetitions: int, clock: Callable[[], float] = time.process_time
) -> float:
    """Median of repetitions, after one that does not count.

    Parameters
    ----------
    work : callable
    repetitions : int
    clock : callable
        Seconds of the processor, which other programs disturb least; or those on the wall, where
        the work is another device's.
    """
    spent = []
    for _ in range(repetitions + 1):
        start = clock()
        work()
        spent.append(clock() - start)
    return statistics.median(spent[1:])
