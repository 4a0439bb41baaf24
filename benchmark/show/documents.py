"""README and docs: their marked blocks are written from results, and never by hand."""

import importlib
import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pandas as pd

from benchmark.paths import DOCS, README
from benchmark.results.references import complete_figures, load_references
from benchmark.show import markdown
from benchmark.show.tables import Source, make_section
from bgad.atomic import write_atomically
from bgad.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["DOCUMENTS", "PLOTS", "block_names", "check", "render", "update"]

DOCUMENTS: dict[Path, tuple[str, ...]] = {
    README: (
        "headline-mvtec_ad",
        "findings",
        "others",
        "headline-synthetic",
    ),
    DOCS / "results.md": (
        "all-findings",
        "all-findings-plus",
        "results-mvtec_ad",
        "results-visa",
        "results-kolektor",
        "results-synthetic",
        "left-out",
        "datasets",
    ),
    DOCS / "peers.md": ("peers", "power", "references"),
    DOCS / "studies.md": (
        "ablation",
        "backbones",
        "resolution",
        "fidelity",
        "controls",
        "seeds",
        "inspector",
    ),
    DOCS / "replication.md": ("replication",),
    DOCS / "protocol.md": ("metrics", "profiles"),
    DOCS / "speed.md": ("latency", "speed", "costs"),
    DOCS / "input.md": ("truth", "sessions"),
}
"""The project's documents, and the blocks that each carries in this order."""

_LABELS = {"cpu": "BGAD (cpu)", "plus": "plus", "patchcore": "PatchCore"}

PLOTS: dict[Path, Callable[[pd.DataFrame], "Figure | None"]] = {
    DOCS / "shots.svg": lambda frame: _overview().shots_and_peers(frame, "mvtec_ad", _LABELS),
    DOCS / "ranks.svg": lambda frame: _ranks(frame, "mvtec_ad", 10, "image_auroc"),
    DOCS / "sizes.svg": lambda frame: _overview().sizes_and_seconds(frame, 10),
    DOCS / "training.svg": lambda frame: _overview().training_cost(frame, "mvtec_ad"),
}
"""The documents' plots; the figures that each shows are in its metadata."""

_MARKER = re.compile(r"^<!-- (begin|end):(.+?) -->[ \t]*$", re.MULTILINE)


def block_names(text: str) -> tuple[str, ...]:
    """Names of a text's marked blocks, in their order.

    A block is what stands between the lines ``<!-- begin:NAME -->`` and ``<!-- end:NAME -->``.

    Raises
    ------
    InputError
        If a marker has no counterpart or a block is there twice, with the marker's line.
    """
    return tuple(_spans(text))


def render(text: str, source: Source, is_compact: bool = False) -> str:
    """Write the blocks of a document anew.

    Parameters
    ----------
    text
        The document. See `benchmark.show.tables` for the names that its blocks may have.
    source
        What they are made from.
    is_compact
        Whether tables go without the blanks that line their columns up.

    Raises
    ------
    InputError
        As `block_names`, and if a block has an unknown name.
    """
    for name, (start, end) in reversed(_spans(text).items()):
        content = markdown.section(make_section(name, source), is_compact=is_compact)
        text = f"{text[:start]}\n\n{content}\n\n{text[end:]}"
    return text


def update(path: str | Path, source: Source) -> tuple[str, ...]:
    """Write a document's blocks anew, atomically; with the README's all `DOCUMENTS` and `PLOTS`.

    Returns
    -------
    tuple of str
        Names of its blocks: tables of a data set without one have to be shown elsewhere.

    Raises
    ------
    InputError
        If it can't be read, or as `render`.
    """
    names: list[str] = []
    for document in _documents(path):
        text, rendered = _read_and_render(document, source)
        if rendered != text:
            newline = "\r\n" if b"\r\n" in document.read_bytes() else "\n"
            write_atomically(document, rendered.replace("\n", newline).encode())
        names += block_names(text)
    for plot, drawn in _plots(path, source):
        write_atomically(plot, drawn)
    return tuple(names)


def check(path: str | Path, source: Source) -> list[Path]:
    """Documents that `update` would change."""
    pairs = {document: _read_and_render(document, source) for document in _documents(path)}
    outdated = [document for document, (text, rendered) in pairs.items() if text != rendered]
    for plot, drawn in _plots(path, source):
        outdated += [plot] * (not plot.is_file() or _shown(plot.read_bytes()) != _shown(drawn))
    return outdated


def _documents(path: str | Path) -> tuple[Path, ...]:
    return tuple(DOCUMENTS) if _is_readme(path) else (Path(path),)


def _is_readme(path: str | Path) -> bool:
    return Path(path).resolve() == README


def _plots(path: str | Path, source: Source) -> Iterator[tuple[Path, bytes]]:
    """The README's and its documents' plots as SVG, whose descriptions are the figures shown."""
    if not _is_readme(path):
        return
    import matplotlib as mpl  # takes its time

    for plot, draw in PLOTS.items():
        figure = draw(source.frame)
        if figure is None:
            continue
        lines = [line.get_xydata().round(4).tolist() for ax in figure.axes for line in ax.lines]
        buffer = io.BytesIO()
        with mpl.rc_context({"svg.hashsalt": plot.name, "svg.fonttype": "none"}):
            metadata = {"Description": json.dumps(lines), "Date": None, "Creator": None}
            figure.savefig(buffer, format="svg", metadata=metadata)
        yield plot, buffer.getvalue()


def _ranks(frame: pd.DataFrame, dataset: str, shots: int, metric: str) -> "Figure | None":
    figures = complete_figures(frame, load_references(), dataset, shots, metric)
    return _overview().critical_differences(figures, dataset, shots, metric)


def _overview() -> ModuleType:
    return importlib.import_module("benchmark.show.overview")  # needs matplotlib, too


def _shown(plot: bytes) -> bytes | None:
    """What a plot's description says that it shows: lines are drawn elsewise by other versions."""
    found = re.search(rb"<dc:description>(.*?)</dc:description>", plot, re.DOTALL)
    return found and found[1]


def _read_and_render(path: Path, source: Source) -> tuple[str, str]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as a document: {error}") from error
    try:
        if not block_names(text):
            raise InputError("holds no block, such as <!-- begin:results-mvtec_ad --> … <!-- end:…")
        return text, render(text, source, is_compact=path.name == README.name)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


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
