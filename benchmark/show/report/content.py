"""Tables and Markdown as the report's templates take them: structured, and escaped by them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import mistune
import pandas as pd
from markupsafe import Markup, escape
from mistune.core import BlockState

__all__ = ["Entry", "Table", "from_markdown", "table_of"]

_SCORE = re.compile(r"(?P<main>[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)(?P<rest>[\s%].*)?", re.DOTALL)
_HOLES = ("", "\N{EN DASH}", "n/d")


@dataclass(frozen=True)
class Entry:
    """One value of a table.

    Attributes
    ----------
    text
        What is read first: the value, or its mean.
    rest
        What follows a figure: deviation, unit, remark.
    href
        Where it leads.
    is_best
        Whether it is the best of its column, where that means anything.
    """

    text: str
    rest: str = ""
    href: str = ""
    is_best: bool = False

    @property
    def number(self) -> float | None:
        """The figure, None where there is none."""
        match = _SCORE.fullmatch(Markup(self.text).striptags())
        return float(match["main"]) if match else None

    @property
    def is_hole(self) -> bool:
        """Whether there is no value."""
        return self.text in _HOLES


@dataclass(frozen=True)
class Table:
    """A table: its first column holds the rows' headings.

    Attributes
    ----------
    caption, note
        What it shows, and how to read it.
    columns
        Headings.
    rows
        An entry a column each.
    numeric
        For each column whether it holds figures.
    """

    caption: str
    columns: list[Entry]
    rows: list[list[Entry]]
    note: str = ""
    numeric: list[bool] = field(init=False)

    def __post_init__(self) -> None:
        columns = [[e for e in c if not e.is_hole] for c in zip(*self.rows, strict=True)]
        numeric = [bool(c) and all(e.number is not None for e in c) for c in columns]
        object.__setattr__(self, "numeric", numeric or [False] * len(self.columns))


def table_of(
    frame: pd.DataFrame,
    caption: str,
    links: Mapping[str, str] | None = None,
    compare: str | None = None,
    note: str = "",
) -> Table:
    """Make a table of a data frame of texts.

    Parameters
    ----------
    frame
        Texts as people read them, such as ``0.933 ± 0.006``.
    caption, note
        See `Table`.
    links
        Heading -> where it leads.
    compare
        Mark the highest figure of each column of scores among the rows that have this value in
        their first column, if it stands out there.
    """
    columns = [Entry(name, href=(links or {}).get(name, "")) for name in frame]
    rows = [[_split(text) for text in row] for row in frame.itertuples(index=False)]
    if compare is not None:
        rows = _with_best(rows, [place for place, row in enumerate(rows) if row[0].text == compare])
    return Table(caption, columns, rows, note)


def from_markdown(text: str, title: str) -> list[Table | Markup]:
    """Turn Markdown into tables, and HTML for what stands between them.

    A paragraph in bold type before a table is its caption; without one, that is `title`. HTML in
    the text is shown, not obeyed.
    """
    blocks: list[Table | Markup] = []
    caption = ""
    for token in _PARSE(text):
        if token["type"] == "blank_line":
            continue
        if token["type"] == "table":
            blocks.append(_table(token, caption or title))
            caption = ""
            continue
        if caption:  # it was no caption after all
            blocks.append(Markup("<p><strong>{}</strong></p>").format(caption))
            caption = ""
        if token["type"] == "paragraph" and token["children"][0]["type"] == "strong":
            paragraph = Markup(_inline(token["children"])).striptags()
            if len(paragraph) < 160:
                caption = paragraph
                continue
        blocks.append(Markup(_RENDERER.render_token(token, BlockState())))
    if caption:
        blocks.append(Markup("<p><strong>{}</strong></p>").format(caption))
    return blocks


class _Renderer(mistune.HTMLRenderer):
    """HTML of Markdown, in which HTML is text."""

    def inline_html(self, html: str) -> str:
        return str(escape(html))

    def block_html(self, html: str) -> str:
        return f"<p>{escape(html)}</p>"


_PARSE = mistune.create_markdown(renderer="ast", plugins=["table"])
_RENDERER = _Renderer(escape=False)  # entities in texts stay what they are


def _inline(tokens: list[dict]) -> str:
    return _RENDERER.render_tokens(tokens, BlockState())


def _table(token: dict, caption: str) -> Table:
    head, body = token["children"][0], [part["children"] for part in token["children"][1:]]
    columns = [Entry(Markup(_inline(cell["children"]))) for cell in head["children"]]
    rows = [
        [_split(Markup(_inline(cell["children"]))) for cell in row["children"]]
        for rows in body
        for row in rows
    ]
    return Table(caption, columns, rows)


def _split(text: str) -> Entry:
    """Tell a figure from what follows it, unless the text is marked up itself."""
    match = _SCORE.fullmatch(text)
    if match is None:
        return Entry(text)
    kind = type(text)
    return Entry(kind(match["main"]), kind(match["rest"] or ""))


def _with_best(rows: list[list[Entry]], chosen: list[int]) -> list[list[Entry]]:
    """Mark the highest score of each column among some rows, unless several share it."""
    rows = [list(row) for row in rows]
    for column in range(len(rows[0]) if rows else 0):
        entries = {place: rows[place][column] for place in chosen}
        scores = {p: e.number for p, e in entries.items() if "." in e.text and e.number is not None}
        best = [place for place, score in scores.items() if score == max(scores.values())]
        if len(scores) > 1 and len(best) == 1:
            rows[best[0]][column] = replace(entries[best[0]], is_best=True)
    return rows
