"""How far a long computation is, as lines of the log."""

import logging
import time
from datetime import timedelta

__all__ = ["Progress", "tell"]

_LINE_EVERY = 30.0  # seconds
_LOG = logging.getLogger("bgad")


def tell(message: str, *values: object) -> None:
    """Tell what begins now, such as drawing or training, to the logger ``bgad`` (INFO)."""
    _LOG.info(message, *values)


class Progress:
    """Tells step, rate and time left at most every 30 seconds, to the logger ``bgad`` (INFO).

    Parameters
    ----------
    total : int
        Steps in all.
    done : int
        Of them, those that an earlier process did.
    """

    def __init__(self, total: int, done: int = 0) -> None:
        self.total, self.done = total, done
        self._last, self._last_done = time.monotonic(), done

    def advance(self, steps: int = 1) -> None:
        """Tell it that so many further steps are done."""
        self.done, now = self.done + steps, time.monotonic()
        if now - self._last < _LINE_EVERY:
            return
        rate = (self.done - self._last_done) / (now - self._last)
        left = timedelta(seconds=round((self.total - self.done) / rate))
        _LOG.info("step %d of %d, %.1f a second, %s left", self.done, self.total, rate, left)
        self._last, self._last_done = now, self.done
