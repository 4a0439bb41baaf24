"""Where results are, and the files beside them."""

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from benchmark.protocol.schema import Result
from benchmark.results.store import Store

__all__ = ["locate"]


def locate(roots: Iterable[str | Path]) -> list[tuple[Store, Result]]:
    """Find results, each with the store that holds it.

    Parameters
    ----------
    roots
        Stores, or folders of such; where two hold the same cell, the later one wins.
    """
    found = {}
    for store in chain.from_iterable(_stores(Path(root)) for root in roots):
        for result in store.results():
            path = store.path(result.cell)
            if path.is_file():  # else of a profile's folder, whose turn comes
                found[result.cell.profile, path.relative_to(store.root)] = store, result
    return list(found.values())


def _stores(root: Path) -> Iterator[Store]:
    """Stores below a folder: itself, or its folders, one a profile."""
    for folder in (root, *sorted(path for path in root.glob("*") if path.is_dir())):
        if any(folder.glob("*/*/*/**/shots-*.json")):
            yield Store(folder)
