"""The results store: one JSON file for each cell, whole or absent."""

import hashlib
import io
import json
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from pydantic import BaseModel, ValidationError

from benchmark.protocol.cells import Cell
from benchmark.protocol.schema import SCHEMA_VERSION, Failure, Result
from benchmark.results.provenance import now
from benchmark.results.scores import from_csv, to_csv
from bgad.atomic import write_atomically
from bgad.errors import InputError

__all__ = [
    "MAX_ATTEMPTS",
    "Store",
    "load_all",
    "result_key",
    "seal",
    "to_json",
    "write_json",
]

MAX_ATTEMPTS = 3
"""Failed attempts after which a cell is left alone, until it is asked for with --rerun."""

_LEFTOVERS = ("*/*/general", "*/*/hard/*", "*/*/control/*", "notebooks/*")
_LEFTOVER = re.compile(r"\.[0-9a-f]{32}\.tmp|\..+_[0-9a-f]{8}-[0-9]+\.ipynb")

_Model = TypeVar("_Model", bound=BaseModel)


_LARGEST = 10**8
"""Bytes of a result at most: what is larger is none."""

_MESSAGE = 200
"""Characters of a warning's cause at most."""


def result_key(
    profile_hash: str, split_sha256: str, data_fingerprint: str, weights_sha256: str
) -> str:
    """Hash (hex) of all that a cell's result depends on, the schema's version included."""
    parts = [profile_hash, split_sha256, data_fingerprint, weights_sha256, SCHEMA_VERSION]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


class Store:
    """The results of one profile in one folder.

    A cell's files are ``DATASET/CATEGORY/general/shots-K_seed-S.json``, ``…/hard/TYPE/…``, or
    ``…/control/KIND/…``; with the same stem ``.failed.json`` for a failure, ``.curves.npz`` for
    the state behind the pixel metrics, ``.scores.csv`` for each image's scores, and ``.maps.npz``
    for maps that are kept. Seeds that were set apart are part of the stem.

    A result is sealed by a hash over its content, and holds those of the other files: what was
    altered afterwards is ignored.

    Parameters
    ----------
    root : path
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)

    def path(self, cell: Cell) -> Path:
        """Where a cell's result is, if it is there."""
        setting = filter(None, (cell.setting, cell.known_type, cell.control))
        apart = "".join(f"_{name}-{seed}" for name, seed in cell.seeds_apart.items())
        stem = f"shots-{cell.shots}_seed-{cell.seed}{apart}"
        return self.root.joinpath(cell.dataset, cell.category, *setting, f"{stem}.json")

    def curves_path(self, cell: Cell) -> Path:
        """Where the state behind a cell's pixel metrics is."""
        return self.path(cell).with_suffix(".curves.npz")

    def scores_path(self, cell: Cell) -> Path:
        """Where the scores of a cell's images are."""
        return self.path(cell).with_suffix(".scores.csv")

    def read(self, cell: Cell) -> Result | None:
        """Return a cell's result; None, with a warning if it is torn or alien, where there is none.

        Raises
        ------
        InputError
            If another profile's result is at its place.
        """
        path = self.path(cell)
        result = _read(path, Result)
        if result is None or not self._is_in_place(path, result):
            return None
        if result.cell.profile != cell.profile:
            raise InputError(
                f"{self.root}: holds results of profile {result.cell.profile!r}, not of "
                f"{cell.profile!r}: give another --results folder"
            )
        return result

    def is_current(self, cell: Cell, key: str) -> bool:
        """Whether a cell's result is there and was made from what `key` stands for."""
        result = self.read(cell)
        return result is not None and result.key == key

    def write(self, result: Result) -> None:
        """Store a result, and forget the cell's failures."""
        write_atomically(self.path(result.cell), to_json(result))
        self.forget_failure(result.cell)

    def failure(self, cell: Cell, key: str) -> Failure | None:
        """Return how a cell failed; None if it did not, or with other settings or data."""
        failure = _read(self._failed_path(cell), Failure)
        return failure if failure is not None and failure.key == key else None

    def record_failure(self, cell: Cell, key: str, error: str, log: str | None = None) -> Failure:
        """Store that a cell failed once more.

        Parameters
        ----------
        cell, key
            See `result_key`.
        error
            The cause, for a person.
        log
            File with the details, relative to the store's folder.
        """
        earlier = self.failure(cell, key)
        attempts = 1 + (earlier.attempts if earlier else 0)
        failure = Failure(
            key=key, cell=cell, error=error, log=log, attempts=attempts, finished=now()
        )
        write_atomically(self._failed_path(cell), to_json(failure))
        return failure

    def forget_failure(self, cell: Cell) -> None:
        """Delete what is known about a cell's failures."""
        self._failed_path(cell).unlink(missing_ok=True)

    def write_curves(self, cell: Cell, arrays: Mapping[str, np.ndarray]) -> str:
        """Store the state behind a cell's pixel metrics, before its result.

        Returns
        -------
        str
            SHA-256 for `Result.curves_sha256`, which ties the two files together.
        """
        return self._attach(self.curves_path(cell), _to_npz(arrays))

    def read_curves(self, result: Result) -> dict[str, np.ndarray]:
        """Return the state behind a result's pixel metrics.

        Raises
        ------
        InputError
            If it is not there, or belongs to another computation of the cell.
        """
        return _from_npz(self._attached(self.curves_path(result.cell), result.curves_sha256))

    def write_scores(self, cell: Cell, frame: pd.DataFrame) -> str:
        """Store each image's scores (`benchmark.results.scores`), as `write_curves`."""
        return self._attach(self.scores_path(cell), to_csv(frame))

    def read_scores(self, result: Result) -> pd.DataFrame:
        """Return each image's scores, see `benchmark.results.scores`; raises as `read_curves`."""
        return from_csv(self._attached(self.scores_path(result.cell), result.scores_sha256))

    def write_maps(self, cell: Cell, names: Iterable[str], maps: np.ndarray) -> str:
        """Store the test images' anomaly maps in 256 steps from least to greatest.

        Parameters
        ----------
        cell
            As in `write_curves`.
        names, maps
            Names of the N images, and float32 (N, H, W).
        """
        low, high = float(maps.min()), float(maps.max())
        levels = np.round((maps - low) * (255 / ((high - low) or 1))).astype(np.uint8)
        arrays = {"names": np.array(list(names)), "maps": levels, "range": np.array([low, high])}
        return self._attach(self.path(cell).with_suffix(".maps.npz"), _to_npz(arrays))

    def read_maps(self, result: Result) -> dict[str, np.ndarray]:
        """Return the maps by image name, float32 (H, W) each; raises as `read_curves`."""
        path = self.path(result.cell).with_suffix(".maps.npz")
        arrays = _from_npz(self._attached(path, result.maps_sha256))
        low, high = arrays["range"].astype(np.float32)
        maps = arrays["maps"] * ((high - low) / np.float32(255)) + low
        return dict(zip(arrays["names"].tolist(), maps, strict=True))

    def copy(self, result: Result, source: "Store", curves: bool = True) -> None:
        """Take over another store's result, and what it kept beside it, if that is its own.

        Parameters
        ----------
        result, source
            A result, and the store that has it.
        curves
            Take the state behind the pixel metrics too, which is large.

        Raises
        ------
        InputError
            A file is not there, or belongs to another computation of the cell.
        """
        hashes = {".scores.csv": result.scores_sha256, ".maps.npz": result.maps_sha256}
        hashes |= {".curves.npz": result.curves_sha256} if curves else {}
        there = source.path(result.cell)
        files = {
            suffix: self._attached(there.with_suffix(suffix), sha256)
            for suffix, sha256 in hashes.items()
            if sha256 is not None
        }
        for suffix, content in files.items():
            write_atomically(self.path(result.cell).with_suffix(suffix), content)
        self.write(result)

    def results(self) -> Iterator[Result]:
        """All results, in the order of their paths; torn and alien files give a warning."""
        for path in sorted(self.root.rglob("shots-*.json")):
            if path.name.endswith(".failed.json"):
                continue
            result = _read(path, Result)
            if result is not None and self._is_in_place(path, result):
                yield result

    def failures(self) -> Iterator[Failure]:
        """How cells failed, in the order of their paths."""
        for path in sorted(self.root.rglob("shots-*.failed.json")):
            if failure := _read(path, Failure):
                yield failure

    def remove_leftovers(self) -> None:
        """Delete temporary files of writers that were killed; only while no other run is on.

        They stand beside cells and executed notebooks, and their names are like no other's.
        """
        for pattern in _LEFTOVERS:
            for path in self.root.glob(f"{pattern}/.*"):
                if _LEFTOVER.fullmatch(path.name) and not path.is_dir():
                    path.unlink(missing_ok=True)

    def _failed_path(self, cell: Cell) -> Path:
        return self.path(cell).with_suffix(".failed.json")

    def _attach(self, path: Path, content: bytes) -> str:
        write_atomically(path, content)
        return hashlib.sha256(content).hexdigest()

    def _attached(self, path: Path, sha256: str | None) -> bytes:
        if sha256 is None:
            raise InputError(f"{path}: was not kept with this result: --rerun it")
        try:
            content = path.read_bytes()
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error.strerror}") from error
        if hashlib.sha256(content).hexdigest() != sha256:
            raise InputError(f"{path}: does not belong to the result beside it: --rerun it")
        return content

    def _is_in_place(self, path: Path, result: Result) -> bool:
        expected = self.path(result.cell).relative_to(self.root).parts
        if path.parts[-len(expected) :] == expected:
            return True
        _ignore(path, f"it is the result of {result.cell}")
        return False


def to_json(record: BaseModel) -> bytes:
    """Serialise a record as files hold it: sorted keys, one value a line; results are sealed."""
    content = record.model_dump(mode="json")
    if isinstance(record, Result):
        content["sha256"] = seal(content)
    return (json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write what was measured, whole or not at all."""
    write_atomically(path, (json.dumps(content, indent=2) + "\n").encode())


def seal(content: Mapping[str, Any]) -> str:
    """Hash (hex) of a result's content without its seal, whatever the text's layout."""
    content = {key: value for key, value in content.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def load_all(roots: Iterable[str | Path]) -> list[Result]:
    """Read all results below several folders, such as those of several profiles.

    Parameters
    ----------
    roots
        Where two hold the same cell, the later one wins.
    """
    results = {}
    for root in roots:
        store = Store(root)
        for result in store.results():
            results[result.cell.profile, store.path(result.cell).relative_to(store.root)] = result
    return list(results.values())


def _read(path: Path, model: type[_Model]) -> _Model | None:
    try:
        if path.stat().st_size > _LARGEST:
            raise ValueError(f"it has more than {_LARGEST} bytes")
        content = json.loads(path.read_bytes())
        if not isinstance(content, dict):
            raise ValueError("it holds no keys and values")
        if content.get("schema_version", SCHEMA_VERSION) != SCHEMA_VERSION:
            return None
        if model is Result and content.pop("sha256", None) != seal(content):
            raise ValueError("its seal is not that of its content: it was altered after its run")
        return model.model_validate(content)
    except FileNotFoundError:
        return None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        _ignore(path, f"it is no result: {'.'.join(map(str, first['loc']))}: {first['msg']}")
    except (OSError, ValueError, RecursionError) as error:
        _ignore(path, f"it is no result: {getattr(error, 'strerror', None) or error}")
    return None


def _ignore(path: Path, why: str) -> None:
    warnings.warn(f"{path}: ignored: {why[:_MESSAGE]}", stacklevel=3)


def _to_npz(arrays: Mapping[str, np.ndarray]) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def _from_npz(content: bytes) -> dict[str, np.ndarray]:
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return dict(arrays)
