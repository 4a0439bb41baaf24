"""Results of another machine, taken over once they have been checked."""

from dataclasses import dataclass, field
from pathlib import Path

from benchmark.protocol.schema import Result
from benchmark.results.locate import locate
from benchmark.results.store import Store
from bgad.errors import InputError

__all__ = ["Merged", "merge"]


@dataclass
class Merged:
    """What became of another folder's results: each list holds names of cells.

    Attributes
    ----------
    taken, kept
        Those that are here now, and those that were here with the same key or a newer one.
    refused
        Those whose files do not belong together, and why.
    """

    taken: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def merge(source: Path, target: Path) -> Merged:
    """Take over the results that are not here yet, or finished later than those of another key.

    Each must be sealed, and the files beside it its own; they are copied first.

    Parameters
    ----------
    source
        Results of one profile, or a folder of such.
    target
        Receives them in folders of the profiles' names.

    Raises
    ------
    InputError
        If there is no such folder, or no result in it.
    """
    merged = Merged()
    for store, result in locate([source]):
        own = Store(target / result.cell.profile)
        name, mine = f"{result.cell.profile}: {result.cell}", own.read(result.cell)
        if mine is not None and not _is_newer(result, mine):
            merged.kept.append(name)
            continue
        try:
            own.copy(result, store)
        except InputError as error:
            merged.refused.append(f"{name}: {error}")
        else:
            merged.taken.append(name)
    if not (merged.taken or merged.kept or merged.refused):
        raise InputError(f"{source}: holds no result to take")
    return merged


def _is_newer(result: Result, mine: Result) -> bool:
    return result.key != mine.key and result.provenance.finished > mine.provenance.finished
