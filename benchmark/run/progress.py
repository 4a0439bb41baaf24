"""What a person sees while a grid runs."""

import os
import re
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

__all__ = ["PHASES", "Display", "last_progress"]

PHASES = {"features": "features", "train": "training", "score": "scoring", "metrics": "metrics"}
"""Part of a cell's computation -> what its log calls it."""

_LINE_EVERY = 30.0  # seconds, where the output is no terminal
_TAIL = 2000  # bytes of a log that its last progress is sought in
_PHASE = rb"(?:features|training level \d+ of \d+|training|scoring|metrics)$"
_STEP = rb"step \d+ of \d+, [^\n]* left$"  # as `bgad.progress.Progress` tells it
_PROGRESS = re.compile(_PHASE + rb"|" + _STEP, re.MULTILINE)


class Display:
    """Shows how far a grid is, what runs and the time left: a bar, or lines outside a terminal.

    Parameters
    ----------
    total
        Cells to run.
    expected
        Seconds that all of them are expected to take, if that is known.
    console
        Where to; standard error by default.
    """

    def __init__(
        self, total: int, expected: float | None = None, console: Console | None = None
    ) -> None:
        self.console = console or Console(stderr=True, highlight=False)
        self._total, self._expected = total, expected
        self._started = self._last_line = time.monotonic()
        self._last_state: tuple | None = None
        columns = ("cells", BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._bar = Progress(*columns, TextColumn("{task.description}", markup=False))
        self._task = self._bar.add_task("", total=total)
        self._live = Live(self._bar, console=self.console) if self.console.is_terminal else None

    def __enter__(self) -> "Display":
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def update(self, finished: int, running: Sequence[str], failed: int = 0) -> None:
        """Show that `finished` cells have ended, `failed` ones included, and what is `running`."""
        what = "; ".join(running) or ("waiting for a worker" if finished < self._total else "done")
        # The last cells may tell themselves how long they take, and know more when continued.
        is_last = running and finished + len(running) == self._total
        is_told = is_last and all(cell.endswith(" left") for cell in running)
        left = [] if is_told else [self._left(finished)]
        left += [f"{failed} failed"] if failed else []
        if self._live:
            description = " | ".join(filter(None, (", ".join(left), what)))
            self._bar.update(self._task, completed=finished, description=description)
            return
        now, state = time.monotonic(), (finished, tuple(running))
        if (
            self._last_state is None
            or finished != self._last_state[0]
            or now - self._last_line >= _LINE_EVERY
        ):
            elapsed = _clock(now - self._started)
            self.tell(f"{', '.join([f'{finished}/{self._total} cells', elapsed, *left])}: {what}")
            self._last_line, self._last_state = now, state

    def tell(self, message: str) -> None:
        """Print a line that stays."""
        self.console.print(message, markup=False, soft_wrap=True)

    def _left(self, finished: int) -> str:
        elapsed = time.monotonic() - self._started
        if finished:
            seconds = elapsed / finished * (self._total - finished)
        elif self._expected is None:
            return "time left unknown"
        elif elapsed >= self._expected:
            return "longer than expected"
        else:
            seconds = self._expected - elapsed
        return f"about {_clock(seconds)} left"


def _clock(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))


def last_progress(log: Path) -> str:
    """Which phase the log of a cell told last, and how far that is; nothing if it has told none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
            told = [line.decode(errors="replace") for line in _PROGRESS.findall(file.read())]
    except OSError:
        return ""
    phases = [place for place, line in enumerate(told) if not line.startswith("step ")]
    phase = told[phases[-1]] if phases else ""
    step = told[-1] if told and told[-1].startswith("step ") else ""
    return ", ".join(filter(None, (phase, step)))
