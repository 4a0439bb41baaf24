"""Compact tables: every official category, few rows, and what must be said of profiles."""

from cell_results import result_of

from benchmark.protocol.cells import Cell
from benchmark.results.frame import results_frame
from benchmark.show import markdown
from benchmark.show.tables import headline, others


def cells(dataset: str, category: str, profile: str = "cpu", caveat: str | None = None):
    for shots in (0, 5, 10):
        for seed in (0, 1):
            cell = Cell(dataset, category, "general", shots, seed, profile)
            result = result_of(cell, 0.5 + shots / 100)
            config = result.config.model_copy(update={"caveat": caveat})
            yield result.model_copy(update={"config": config})


def test_all_official_categories_have_a_column_and_holes_are_no_zeros():
    content = headline.section(results_frame(cells("mvtec_ad", "pill")), "mvtec_ad")
    text = markdown.blocks(content)
    assert "4 cells: 1 of 15 categories, 2 seeds each" in text
    table = content.blocks[1]
    assert len(table.columns) == 3 + 15
    assert [row[0] for row in table.rows] == [0, 10]
    assert sum(entry is None for entry in table.rows[0]) == 14
    assert str(table.rows[1][2]) == "0.600 ± 0.000"


def test_caveats_follow_their_profiles():
    results = [
        *cells("visa", "capsules", "patchcore"),
        *cells("visa", "capsules", "plus", "chosen *with* them"),
    ]
    results += cells("mvtec_ad", "pill")
    text = markdown.blocks(others.section(results_frame(results), "mvtec_ad"))
    assert "`plus`: chosen \\*with\\* them" in text and "`patchcore`:" not in text
    assert "Pill" not in text and text.count("VisA Capsules: ") == 3
    assert not others.section(results_frame(cells("mvtec_ad", "pill")), "mvtec_ad").blocks
