"""Speed against what one would use otherwise, and what the machinery costs."""

from collections.abc import Mapping
from typing import Any

from benchmark.show.document import Note, Quantity, Section, Table
from benchmark.show.tables.unmeasured import unmeasured
from bgad.errors import InputError

__all__ = ["COMMAND", "section"]

COMMAND = "python -m benchmark speed"
_TITLE = "Against what one would use otherwise"


def section(speed: Mapping[str, Any] | None) -> Section:
    """Write what was measured.

    Parameters
    ----------
    speed
        Content of ``speed.json``, see `benchmark.measure.speed`; None where nothing was measured.

    Raises
    ------
    InputError
        If something is missing in it.
    """
    if speed is None:
        return unmeasured(_TITLE, COMMAND)
    try:
        return Section(_TITLE, (_comparisons(speed), *_notes(speed)))
    except (KeyError, TypeError) as error:
        raise InputError(f"speed.json lacks {error}: measure anew: {COMMAND}") from error


def _comparisons(speed: Mapping[str, Any]) -> Table:
    return Table.of(
        [
            {
                "Task": row["task"][:1].upper() + row["task"][1:],
                "Here": _duration(row["ours_s"]),
                "Peer": row["peer"],
                "Peer's time": _duration(row["theirs_s"]),
                "Times faster": Quantity(row["ratio"], spec=".1f"),
                "Relative difference": Quantity(row["difference"], spec=".0e"),
            }
            for row in speed["comparisons"]
        ]
    )


def _notes(speed: Mapping[str, Any]) -> list[Note]:
    encoding, load, machine = speed["encoding"], speed["load"], speed["provenance"]
    start_up, grid, tables = load["start_up"], load["grid"], load["tables"]
    return [
        Note(
            f"Encoding by {encoding['backbone']}, decoding included: "
            f"{encoding['images_per_s']:.0f} images of {encoding['size']} px per second and core."
        ),
        Note(
            f"Beside the cells' own work: a notebook without cells took {start_up['seconds']:.1f} "
            f"s with its kernel and imports; {grid['cells']} cells that cost nothing took "
            f"{1000 * grid['seconds'] / grid['cells']:.0f} ms each through scheduler, notebooks "
            f"and store, {grid['jobs']} at a time, start-up included, and {grid['lost'] or 'none'} "
            f"was lost; the tables of {tables['cells']:,} stored cells took "
            f"{tables['seconds']:.1f} s (wall-clock time)."
        ),
        Note(
            "Processor time of one thread, medians of alternating repetitions, on "
            f"{machine['cpu']}, torch {machine['versions']['torch']}, "
            f"Python {machine['versions']['python']}."
        ),
    ]


def _duration(seconds: float) -> Quantity:
    if seconds >= 1:
        return Quantity(seconds, spec=".2f", unit=" s")
    return Quantity(1000 * seconds, spec=".0f", unit=" ms")
