"""The document model: how numbers are written, and which score is the best of its column."""

import math

import pytest

from benchmark.show.document import Note, Quantity, Score, Strong, Table, count


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        (Score(0.9, 0.01, 3), "0.900 ± 0.010"),
        (Score(0.9), "0.900"),
        (Score(math.nan, 0.01, 3), "n/d"),
        (Score(0.9, n=0), "\N{EN DASH}"),
        (Score(0.9, remark="n = 2"), "0.900 (n = 2)"),
        (Quantity(1.26, spec=".1f", unit=" GB"), "1.3 GB"),
        (Quantity(-6.53, 1.2, 3, "+.1f"), "\N{MINUS SIGN}6.5 ± 1.2"),
        (Quantity(-0.01, spec="+.1f"), "+0.0"),
        (Quantity(2, spec="+.1f", interval=(-1, 5)), "+2.0 [\N{MINUS SIGN}1.0, +5.0]"),
        (Score(0.5, remark=Quantity(3, spec="+.1f")), "0.500 (+3.0)"),
        (Quantity(1e-7, spec=".0e"), "1e-07"),
    ],
)
def test_numbers_are_written_with_what_belongs_to_them(entry, text):
    assert str(entry) == text == entry.main + entry.rest


def test_the_best_is_one_score_that_stands_out_as_it_is_shown():
    rows = [
        ["a", Score(0.8, 0.01, 2), Score(1.0), 7, Quantity(1)],
        ["b", Score(0.9, 0.1, 2), Score(0.9999), 9, Quantity(5)],
        ["c", Score(0.999), None, 1, Quantity(0)],
    ]
    table = Table(["", "x", "y", "seeds", "seconds"], rows, ranked=[0, 1])
    assert table.best() == {(1, 1)}
    assert Table(table.columns, rows, ranked=[0, 1, 2]).best() == {(2, 1)}
    assert not Table(table.columns, rows).best()


def test_rows_that_name_their_columns_may_lack_some():
    table = Table.of([{"a": 1}, {"a": 2, "b": 3}])
    assert (table.columns, table.rows) == (["a", "b"], [[1, None], [2, 3]])
    with pytest.raises(ValueError, match="2 columns"):
        Table(["a", "b"], [[1]])


def test_notes_join_and_things_are_counted():
    assert (Note("a") + Note(Strong("b"))).parts == ("a", "b")
    assert [count(n, noun) for n, noun in ((1, "category"), (2, "category"), (0, "run"))] == [
        *("1 category", "2 categories", "0 runs"),
    ]
