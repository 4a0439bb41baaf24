"""Speed against what one would use otherwise, and what the machinery costs."""

from collections.abc import Mapping
from typing import Any

from benchmark.show.document import Note, Quantity, Section, Table
from benchmark.show.tables.measured import duration, section_of

__all__ = ["section"]


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
    return section_of(
        "Against what one would use otherwise",
        "speed.json",
        "python -m benchmark speed",
        speed,
        lambda speed: (_comparisons(speed), *_notes(speed)),
    )


def _comparisons(speed: Mapping[str, Any]) -> Table:
    return Table.of(
        [
            {
                "Task": row["task"][:1].upper() + row["task"][1:],
                "Here": duration(row["ours_s"]),
                "Peer": row["peer"],
                "Peer's time": duration(row["theirs_s"]),
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
