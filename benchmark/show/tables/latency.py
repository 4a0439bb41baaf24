"""How long a verdict takes, by method."""

import math
from collections.abc import Mapping
from typing import Any

from benchmark.show.document import Code, Emphasis, Note, Quantity, Section, Table
from benchmark.show.tables.unmeasured import unmeasured
from bgad.errors import InputError

__all__ = ["section"]

_TITLE = "A verdict"
_COMMAND = "python -m benchmark measure latency"


def section(latency: Mapping[str, Any] | None) -> Section:
    """Table of detectors, from the content of ``latency.json`` (`benchmark.measure.latency`).

    Raises
    ------
    InputError
        If something is missing in it.
    """
    if latency is None:
        return unmeasured(_TITLE, _COMMAND)
    try:
        return Section(_TITLE, (_table(latency), _note(latency)))
    except (KeyError, TypeError) as error:
        raise InputError(f"latency.json lacks {error}: measure anew: {_COMMAND}") from error


def _table(latency: Mapping[str, Any]) -> Table:
    many = f"Of {latency['many']} images, each"
    return Table.of(
        [
            {
                "Profile": row["profile"],
                "Computed by": row["form"],
                "One image": Quantity(1000 * row["one_s"], spec=".0f", unit=" ms"),
                "Encoding": _if_measured(row, "encoding_s", 1000, ".0f", " ms"),
                many: Quantity(1000 * row["many_s"], spec=".0f", unit=" ms"),
                "Start": _if_measured(row, "start_s", 1, ".1f", " s"),
                "Memory": _if_measured(row, "memory_mb", 1, ".0f", " MB"),
                "Model file": Quantity(row["file_mb"], spec=".1f", unit=" MB"),
            }
            for row in latency["detectors"]
        ]
    )


def _note(latency: Mapping[str, Any]) -> Note:
    machine = latency["provenance"]
    return Note(
        "Processor time of one thread, medians: from an image file to its p-value, the model being "
        "loaded; the backbone's share of that; an image of a large batch. ",
        Emphasis("Start"),
        " and ",
        Emphasis("memory"),
        " are all that ",
        Code("python -m bgad predict"),
        " takes for a single image, imports included (mapped files not counted). "
        f"The detectors learnt from {latency['normal']} normal images of 256 px. "
        f"{machine['cpu']}, torch {machine['versions']['torch']}.",
    )


def _if_measured(
    row: Mapping[str, Any], name: str, factor: float, spec: str, unit: str
) -> Quantity:
    if name not in row:
        return Quantity(math.nan, n=0)
    return Quantity(factor * row[name], spec=spec, unit=unit)
