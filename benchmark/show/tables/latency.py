"""How long a verdict takes, by method."""

from collections.abc import Mapping
from typing import Any

from benchmark.show.document import Code, Emphasis, Note, Quantity, Section, Table
from benchmark.show.tables.measured import duration, section_of

__all__ = ["section"]


def section(latency: Mapping[str, Any] | None) -> Section:
    """Table of detectors, from the content of ``latency.json`` (`benchmark.measure.latency`).

    Raises
    ------
    InputError
        If something is missing in it.
    """
    return section_of(
        "What a verdict takes",
        "latency.json",
        "python -m benchmark measure latency",
        latency,
        lambda latency: (_table(latency), _note(latency)),
    )


def _table(latency: Mapping[str, Any]) -> Table:
    return Table.of([_row(detector, latency["many"]) for detector in latency["detectors"]])


def _row(detector: Mapping[str, Any], many: int) -> dict[str, Any]:
    encoding = detector.get("encoding_s")  # by itself in the library alone
    return {
        "Profile": detector["profile"],
        "Computed by": detector["form"],
        "One image": duration(detector["one_s"]),
        f"Of {many} images, each": duration(detector["many_s"]),
        "Model file": Quantity(detector["file_mb"], spec=".1f", unit=" MB"),
        "Encoding": None if encoding is None else duration(encoding),
        "Start": duration(detector["start_s"]),
        "Memory": Quantity(detector["memory_mb"], spec=".0f", unit=" MB"),
    }


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
