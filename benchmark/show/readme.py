"""The README's marked blocks, written from results and never by hand."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.paths import README
from benchmark.results import comparison, tables
from benchmark.results.store import load_all, write_atomically
from benchmark.results.verdict import TOLERANCES
from benchmark.show import costs, findings, references, studies
from bgad.errors import InputError

__all__ = ["block_names", "blocks", "check", "render", "update"]

_MARKER = re.compile(r"^<!-- (begin|end):(.+?) -->[ \t]*$", re.MULTILINE)
_HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)
_RESULTS = "results-"


def block_names(text: str) -> tuple[str, ...]:
    """Names of a text's marked blocks, in their order.

    A block is what stands between the lines ``<!-- begin:NAME -->`` and ``<!-- end:NAME -->``.

    Raises
    ------
    InputError
        If a marker has no counterpart or a block is there twice, with the marker's line.
    """
    return tuple(_spans(text))


def render(text: str, frame: pd.DataFrame, speed: Mapping[str, Any] | None = None) -> str:
    """Write the blocks of a README anew.

    Parameters
    ----------
    text
        The README. Its blocks may be ``results-DATASET`` and those of `_WRITERS`.
    frame
        See `benchmark.results.tables.results_frame`.
    speed
        Content of ``speed.json``, see `benchmark.measure.speed`; None where nothing was measured.

    Raises
    ------
    InputError
        As `block_names`, and if a block has an unknown name.
    """
    for name, (start, end) in reversed(_spans(text).items()):
        if name.startswith(_RESULTS):
            content = tables.markdown(frame, name.removeprefix(_RESULTS))
        elif name in _WRITERS:
            content = _WRITERS[name](frame, speed)
        else:
            known = ", ".join([f"{_RESULTS}DATASET", *_WRITERS])
            raise InputError(f"unknown block {name!r}: it may be one of {known}")
        text = f"{text[:start]}\n\n{content}\n\n{text[end:]}"
    return text


def blocks(frame: pd.DataFrame, roots: Iterable[str | Path]) -> dict[str, tuple[str, str]]:
    """Write all blocks but the tables of a data set, for use elsewhere.

    Parameters
    ----------
    frame, roots
        See `render`, `update`.

    Returns
    -------
    dict
        A block's name -> its heading in the project's README (or its name) and its content.
    """
    headings: dict[str, str] = {}
    if README.is_file():
        text = README.read_text(encoding="utf-8")
        headings = {
            name: _HEADING.findall(text[:start])[-1]
            for name, (start, _) in _spans(text).items()
            if _HEADING.search(text[:start])
        }
    speed = _read_speed([Path(root) for root in roots])
    return {
        name: (headings.get(name, name.capitalize()), write(frame, speed))
        for name, write in _WRITERS.items()
    }


def update(path: str | Path, roots: Iterable[str | Path]) -> tuple[str, ...]:
    """Write a README's blocks anew, atomically.

    Parameters
    ----------
    path
        The README.
    roots
        Folders of results, such as the published ones and one's own; see
        `benchmark.results.store.load_all` for what wins.

    Returns
    -------
    tuple of str
        Names of its blocks: tables of a data set without one have to be shown elsewhere.

    Raises
    ------
    InputError
        If it can't be read, or as `render`.
    """
    path = Path(path)
    text, rendered = _read_and_render(path, roots)
    if rendered != text:
        write_atomically(path, rendered.encode())
    return block_names(text)


def check(path: str | Path, roots: Iterable[str | Path]) -> bool:
    """Whether `update` would leave a README as it is."""
    text, rendered = _read_and_render(Path(path), roots)
    return rendered == text


def _read_and_render(path: Path, roots: Iterable[str | Path]) -> tuple[str, str]:
    roots = [Path(root) for root in roots]
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as a README: {error}") from error
    try:
        if not block_names(text):
            raise InputError("holds no block, such as <!-- begin:results-mvtec_ad --> … <!-- end:…")
        return text, render(text, tables.results_frame(load_all(roots)), _read_speed(roots))
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _read_speed(roots: list[Path]) -> dict[str, Any] | None:
    files = [root / "speed.json" for root in roots if (root / "speed.json").is_file()]
    if not files:
        return None
    try:
        return json.loads(files[-1].read_bytes())
    except ValueError as error:
        raise InputError(f"{files[-1]}: is no JSON: measure anew or delete it") from error


def _spans(text: str) -> dict[str, tuple[int, int]]:
    """Name of each block -> where its content begins and ends."""
    spans: dict[str, tuple[int, int]] = {}
    opened, start = None, 0
    for marker in _MARKER.finditer(text):
        kind, name = marker.groups()
        where = f"line {text.count(chr(10), 0, marker.start()) + 1}"
        if kind == "begin":
            if opened is not None:
                raise InputError(f"{where}: block {name!r} begins before {opened!r} has ended")
            if name in spans:
                raise InputError(f"{where}: block {name!r} is there twice: remove one")
            opened, start = name, marker.end()
        else:
            if name != opened:
                raise InputError(f"{where}: block {name!r} ends without having begun")
            spans[name] = (start, marker.start())
            opened = None
    if opened is not None:
        raise InputError(f"block {opened!r} never ends: add a line <!-- end:{opened} -->")
    return spans


def _write_references(frame: pd.DataFrame, speed: Mapping[str, Any] | None) -> str:
    return references.markdown(frame, references.load_references())


def _write_speed(frame: pd.DataFrame, speed: Mapping[str, Any] | None) -> str:
    if speed is None:
        return "Not measured yet: `python -m benchmark speed` does it."
    from benchmark.measure.speed import markdown  # needs torch, as nothing else here does

    try:
        return markdown(speed)
    except (KeyError, TypeError) as error:
        raise InputError(
            f"speed.json lacks {error}: measure anew: python -m benchmark speed"
        ) from error


def _write_profiles(frame: pd.DataFrame, speed: Mapping[str, Any] | None) -> str:
    from benchmark.protocol.catalogue import profile_names
    from benchmark.protocol.profiles import load_profile  # needs torch

    profiles = [load_profile(name) for name in profile_names()]
    rows = [(p.name, p.method, p.description) for p in profiles if p.study is None]
    return tables.to_markdown(pd.DataFrame(rows, columns=["Profile", "Method", "What it is"]))


def _write_tolerances(frame: pd.DataFrame, speed: Mapping[str, Any] | None) -> str:
    rows = [(tables.SHORT_TITLES[metric], value) for metric, value in TOLERANCES.items()]
    return tables.to_markdown(pd.DataFrame(rows, columns=["Metric", "Tolerance"]))


_WRITERS: dict[str, Callable[[pd.DataFrame, Mapping[str, Any] | None], str]] = {
    "findings": lambda frame, speed: findings.markdown(frame),
    "references": _write_references,
    "ablation": lambda frame, speed: studies.study_tables(frame, "ablation"),
    "backbones": lambda frame, speed: studies.study_tables(frame, "backbones"),
    "fidelity": lambda frame, speed: studies.study_tables(frame, "fidelity"),
    "controls": lambda frame, speed: studies.control_tables(frame),
    "seeds": lambda frame, speed: studies.seed_tables(frame),
    "peers": lambda frame, speed: comparison.markdown(frame),
    "costs": lambda frame, speed: costs.markdown(frame),
    "speed": _write_speed,
    "profiles": _write_profiles,
    "tolerances": _write_tolerances,
}
