"""Sections of what a command measured, and wrote beside the results."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from benchmark.show.document import Block, Code, Note, Quantity, Section
from bgad.errors import InputError

__all__ = ["duration", "section_of"]

Measured = Mapping[str, Any]


def section_of(
    title: str,
    file: str,
    command: str,
    measured: Measured | None,
    make: Callable[[Measured], Sequence[Block]],
) -> Section:
    """Section of what a command measured, or one that names the command.

    Parameters
    ----------
    title : str
    file, command : str
        Where the figures are, and what writes them.
    measured : Mapping or None
        What the command wrote; None where it never ran.
    make : callable
        Makes the section's blocks of it.

    Raises
    ------
    InputError
        If something is missing in it.
    """
    if measured is None:
        return Section(title, (Note("Not measured yet: ", Code(command), " does it."),))
    try:
        return Section(title, tuple(make(measured)))
    except (KeyError, TypeError) as error:
        raise InputError(f"{file} lacks {error}: measure anew: {command}") from error


def duration(seconds: float) -> Quantity:
    """Seconds, in milliseconds below one."""
    if seconds >= 1:
        return Quantity(seconds, spec=".2f", unit=" s")
    return Quantity(1000 * seconds, spec=".0f", unit=" ms")
