"""README and docs: their marked blocks are written from results, and never by hand."""

import re
from pathlib import Path

from benchmark.paths import README
from benchmark.results.store import write_atomically
from benchmark.show import markdown
from benchmark.show.tables import Source, make_section
from bgad.errors import InputError

__all__ = ["DOCUMENTS", "block_names", "check", "render", "update"]

DOCUMENTS = (README,)
"""The project's documents that hold blocks, README first."""

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
    """Write a document's blocks anew, atomically; the README's with those of all `DOCUMENTS`.

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
    return tuple(names)


def check(path: str | Path, source: Source) -> list[Path]:
    """Documents that `update` would change."""
    pairs = {document: _read_and_render(document, source) for document in _documents(path)}
    return [document for document, (text, rendered) in pairs.items() if text != rendered]


def _documents(path: str | Path) -> tuple[Path, ...]:
    path = Path(path)
    return DOCUMENTS if path.resolve() == README else (path,)


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
