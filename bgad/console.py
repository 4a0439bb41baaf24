"""How a command runs: it tells how far it is, and ends with a status, not with a traceback."""

import argparse
import io
import logging
import os
import sys
import warnings
from collections.abc import Callable

from bgad.errors import InputError

__all__ = ["positive", "serve"]


def serve(command: str, run: Callable[[], int]) -> int:
    """Run a command; what takes long tells how far it is on standard error, and so do warnings.

    Parameters
    ----------
    command : str
        What a message on standard error begins with.
    run : callable
        Returns the exit status.

    Returns
    -------
    int
        That of `run`; 1 if nobody reads its output any more, 2 if the request can't be served, 130
        if it was interrupted.
    """
    for stream in (sys.stdout, sys.stderr):  # a terminal's encoding may lack what a name holds
        if isinstance(stream, io.TextIOWrapper):  # in a notebook it is not
            stream.reconfigure(errors="backslashreplace")
    _let_tell(logging.getLogger("bgad"))
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _warn
            return run()
    except BrokenPipeError:  # as by "| head"
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (InputError, OSError) as error:
        print(f"{command}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"\n{command}: interrupted", file=sys.stderr)
        return 130


def positive(text: str) -> int:
    """Read an option's whole number from 1, as a type of `argparse`."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1, not {text!r}")
    return int(text)


def _warn(message: Warning | str, *_: object) -> None:
    """Print a warning in one line, without the code that gave it."""
    print(f"warning: {message}", file=sys.stderr)


class _Told(logging.Handler):
    """Prints what is told to standard error, whichever that is at the time."""

    def emit(self, record: logging.LogRecord) -> None:
        print(record.getMessage(), file=sys.stderr, flush=True)


def _let_tell(logger: logging.Logger) -> None:
    """Let what takes long tell how far it is; other libraries' loggers stay as they are."""
    logger.setLevel("INFO")
    if not any(isinstance(handler, _Told) for handler in logger.handlers):
        logger.addHandler(_Told())
