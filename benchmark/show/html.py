"""Sections as HTML: what the templates' macros ask of tables and texts."""

from markupsafe import Markup, escape

from benchmark.show.document import (
    NOT_RUN,
    Code,
    Emphasis,
    Entry,
    Items,
    Link,
    Note,
    Quantity,
    Section,
    Strong,
    Table,
)

__all__ = ["FILTERS", "TESTS", "has_content", "is_numeric", "part", "text"]

_TAGS = {Code: "code", Strong: "strong", Emphasis: "em"}


def has_content(section: Section) -> bool:
    """Whether it holds more than notes, such as that nothing has run yet."""
    return any(isinstance(block, Table | Items) for block in section.blocks)


def part(value: str | Link) -> Markup:
    """Write a part of a text."""
    if isinstance(value, Link):
        return Markup('<a href="{}">{}</a>').format(value.href, value.text)
    tag = _TAGS.get(type(value))
    return Markup(f"<{tag}>{{}}</{tag}>").format(str(value)) if tag else escape(value)


def text(note: Note) -> Markup:
    """Write a note's parts."""
    return Markup("").join(map(part, note.parts))


def number(entry: Entry) -> float | None:
    """By what an entry sorts, None where it is no number."""
    if isinstance(entry, Quantity):
        return None if entry.is_hole else float(f"{entry.value:.6g}")
    return entry if isinstance(entry, int) else None


def main(entry: Entry) -> str | Markup:
    """What is read first of an entry."""
    if isinstance(entry, str):
        return part(entry)
    return NOT_RUN if entry is None else getattr(entry, "main", str(entry))


def rest(entry: Entry) -> str:
    """What follows a number."""
    return entry.rest if isinstance(entry, Quantity) else ""


def is_hole(entry: Entry) -> bool:
    """Whether an entry has no value."""
    return entry in (None, "") or (isinstance(entry, Quantity) and entry.is_hole)


def is_numeric(table: Table, column: int) -> bool:
    """Whether a column holds numbers and holes alone, and not only holes."""
    entries = [row[column] for row in table.rows if not is_hole(row[column])]
    return bool(entries) and all(number(entry) is not None for entry in entries)


FILTERS = {"entry_main": main, "entry_rest": rest, "number": number, "text": text}
TESTS = {
    "hole": is_hole,
    "items": lambda block: isinstance(block, Items),
    "numeric": lambda column, table: is_numeric(table, column),
    "table": lambda block: isinstance(block, Table),
}
