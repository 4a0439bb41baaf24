"""Sections as Markdown: for README and docs, and plain enough for a terminal."""

import html
import re

from tabulate import tabulate

from benchmark.show.document import (
    NOT_RUN,
    Block,
    Code,
    Emphasis,
    Entry,
    Items,
    Link,
    Note,
    Section,
    Strong,
    Table,
)

__all__ = ["NO_RUNS", "blocks", "escape", "section"]

NO_RUNS = "No runs yet."

# An underscore inside of a word means nothing in Markdown.
_READ = re.compile(r"[\\`*~|$\[\]]|(?<![^\W_])_|_(?![^\W_])")


def section(content: Section, level: int = 2, is_compact: bool = False) -> str:
    """Write a section with its heading.

    Parameters
    ----------
    content
        What to write.
    level
        Of its heading.
    is_compact
        Whether tables go without the blanks that line their columns up.
    """
    heading = f"{'#' * level} {escape(content.title)}"
    return f"{heading}\n\n{blocks(content, is_compact)}"


def blocks(content: Section, is_compact: bool = False) -> str:
    """Write a section without its heading."""
    return "\n\n".join(_block(block, is_compact) for block in content.blocks) or NO_RUNS


def escape(text: str) -> str:
    """Write a text such that Markdown shows it, and does not obey it."""
    return html.escape(_READ.sub(r"\\\g<0>", re.sub(r"\s+", " ", text)), quote=False)


def _block(block: Block, is_compact: bool) -> str:
    if isinstance(block, Note):
        return _text(block)
    if isinstance(block, Items):
        return "\n".join(f"- {_text(note)}" for note in block.notes)
    table = _compact(block) if is_compact else _aligned(block)
    if block.is_folded:
        summary = html.escape(block.title, False)
        return f"<details>\n<summary>{summary}</summary>\n\n{table}\n\n</details>"
    return f"**{escape(block.title)}**\n\n{table}" if block.title else table


def _aligned(table: Table) -> str:
    rows = [[_entry(entry) for entry in row] for row in table.rows]
    return tabulate(rows, list(map(escape, table.columns)), "pipe", disable_numparse=True)


def _compact(table: Table) -> str:
    rows = [map(escape, table.columns), ["---"] * len(table.columns)]
    rows += [map(_entry, row) for row in table.rows]
    return "\n".join(f"|{'|'.join(row)}|" for row in rows)


def _entry(entry: Entry) -> str:
    if entry is None:
        return NOT_RUN
    if isinstance(entry, Code):
        return _part(entry).replace("|", "\\|")  # read before code is
    return _part(entry) if isinstance(entry, str) else str(entry)


def _text(note: Note) -> str:
    return "".join(map(_part, note.parts))


def _part(part: str | Link) -> str:
    if isinstance(part, Link):
        return f"[{escape(part.text)}]({part.href})"
    if isinstance(part, Code):
        return _code(part)
    if isinstance(part, Strong):
        return f"**{escape(part)}**"
    return f"*{escape(part)}*" if isinstance(part, Emphasis) else escape(part)


def _code(name: str) -> str:
    """A code span: no escape works in it, so its fence outgrows whatever it holds."""
    name = re.sub(r"\s+", " ", name)
    fence = "`" * (max(map(len, re.findall("`+", name)), default=0) + 1)
    padding = " " if name.startswith("`") or name.endswith("`") else ""
    return f"{fence}{padding}{name}{padding}{fence}"
