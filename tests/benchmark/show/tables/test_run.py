"""A run's figures: a row for each category and their average."""

from instant import make_result

from benchmark.protocol.cells import Cell
from benchmark.results.frame import results_frame
from benchmark.show.tables.run import section


def test_there_is_a_row_for_each_category_and_their_average():
    cells = [
        Cell("synthetic", category, "general", 0, seed, "p")
        for category in ("zipper", "carpet")
        for seed in (0, 1)
    ]
    frame = results_frame([make_result(cell, value=0.25 + cell.seed / 2) for cell in cells])
    content = section(frame, "synthetic")
    assert "synthetic stand-in" in content.title
    (table,) = content.blocks
    assert [row[3] for row in table.rows] == ["Average", "Carpet", "Zipper"]
    assert all(str(row[4]) == "0.500 ± 0.354" and row[-1] == 2 for row in table.rows)
    assert not section(frame, "other").blocks
