"""A run's figures: a row for each category and their average."""

from instant import make_result

from benchmark.protocol.cells import Cell
from benchmark.protocol.profiles import Evaluation, Profile
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


def test_a_study_s_profile_is_shown_too_and_an_oracle_says_that_it_is_one():
    cells = [Cell("synthetic", "wood", "general", 0, 0, name) for name in ("peer", "selected")]
    results = [
        make_result(cell, profile=Profile(cell.profile, evaluation=evaluation, study="fidelity"))
        for cell, evaluation in zip(cells, (Evaluation(), Evaluation("best_on_test")), strict=True)
    ]
    table = section(results_frame(results), "synthetic").blocks[0]
    assert {row[2] for row in table.rows} == {"peer", "selected (oracle)"}
