"""What a document says, before a renderer writes it: cells hold numbers, texts hold no markup."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

__all__ = [
    "NOT_RUN",
    "UNDEFINED",
    "Block",
    "Code",
    "Emphasis",
    "Entry",
    "Items",
    "Link",
    "Note",
    "Quantity",
    "Score",
    "Section",
    "Strong",
    "Table",
    "count",
]

NOT_RUN, UNDEFINED = "\N{EN DASH}", "n/d"


class Code(str):
    """A part of a text that is a name in code."""


class Strong(str):
    """A part of a text that leads."""


class Emphasis(str):
    """A part of a text that is a term."""


@dataclass(frozen=True)
class Link:
    """A part of a text that leads elsewhere."""

    text: str
    href: str


@dataclass(frozen=True)
class Quantity:
    """A number in a table.

    Attributes
    ----------
    value
        The number, often a mean; NaN where it is undefined.
    std
        Its standard deviation; NaN without one.
    n
        How many values it rests on; 0 where nothing was run.
    spec, unit
        How number and deviation are formatted (see `format`), and what follows them.
    interval
        Lower and upper limit.
    remark
        What else is to be said, in brackets.
    """

    value: float
    std: float = math.nan
    n: int = 1
    spec: str = ".3f"
    unit: str = ""
    interval: tuple[float, float] | None = None
    remark: "str | Quantity" = ""

    @property
    def is_hole(self) -> bool:
        """Whether there is no number."""
        return self.n == 0 or math.isnan(self.value)

    @property
    def main(self) -> str:
        """The number as it is read first."""
        if self.n == 0:
            return NOT_RUN
        return UNDEFINED if math.isnan(self.value) else self._format(self.value)

    @property
    def rest(self) -> str:
        """What follows the number."""
        text = "" if self.is_hole else self.unit
        if not (self.is_hole or math.isnan(self.std)):
            text = f" ± {format(self.std, self.spec.lstrip('+'))}{self.unit}"
        if self.interval is not None:
            text += f" [{', '.join(map(self._format, self.interval))}]"
        return f"{text} ({self.remark})" if self.remark else text

    def __str__(self) -> str:
        return self.main + self.rest

    def _format(self, value: float) -> str:
        text = format(value, self.spec)
        if not self.spec.startswith("+"):
            return text
        return text.replace("-", "\N{MINUS SIGN}" if float(text) else "+")


class Score(Quantity):
    """A `Quantity` of which more is better: mean, standard deviation over n, n."""


Entry: TypeAlias = str | int | Quantity | None
"""A table's cell: text, count, number, or None for what was not run."""


@dataclass(frozen=True)
class Table:
    """A table; its first column holds the rows' headings.

    Attributes
    ----------
    columns
        Headings.
    rows
        An entry a column each.
    title
        What it shows.
    ranked
        Numbers of the rows among which a column's best score may be marked.
    is_folded
        Whether it is of use to few, who unfold it.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Entry]]
    title: str = ""
    ranked: Sequence[int] = ()
    is_folded: bool = False

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, Entry]], title: str = "", **options: Any) -> "Table":
        """Make a table of rows that name their columns; what a row lacks is None."""
        columns = list(dict.fromkeys(name for row in rows for name in row))
        return cls(columns, [[row.get(name) for name in columns] for row in rows], title, **options)

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"{self.title}: {len(self.columns)} columns, but a row {row}")

    def best(self) -> set[tuple[int, int]]:
        """Row and column of each score that is, as shown, greater than all others it ranks among.

        Columns in which several share the best, or only one has a score, have none.
        """
        found = set()
        for column in range(len(self.columns)):
            entries = ((row, self.rows[row][column]) for row in self.ranked)
            scores = {
                row: float(entry._format(entry.value))
                for row, entry in entries
                if isinstance(entry, Score) and not entry.is_hole
            }
            leaders = [row for row, score in scores.items() if score == max(scores.values())]
            if len(scores) > 1 and len(leaders) == 1:
                found.add((leaders[0], column))
        return found


@dataclass(frozen=True, init=False)
class Note:
    """A paragraph: its parts in turn, plain texts or `Code`, `Strong`, `Emphasis`, `Link`."""

    parts: tuple[str | Link, ...]

    def __init__(self, *parts: str | Link) -> None:
        object.__setattr__(self, "parts", parts)

    def __add__(self, other: "Note") -> "Note":
        return Note(*self.parts, *other.parts)


@dataclass(frozen=True)
class Items:
    """A list of notes."""

    notes: Sequence[Note]


Block: TypeAlias = Table | Note | Items


@dataclass(frozen=True)
class Section:
    """A part of a document under a title; without blocks where there are no runs yet."""

    title: str
    blocks: Sequence[Block] = ()


def count(n: int, noun: str) -> str:
    """Write a number of things: ``1 category``, ``2 categories``."""
    plural = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{n} {noun if n == 1 else plural}"
