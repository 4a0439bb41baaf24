"""The table of references: figures, holes, and what makes them incomparable."""

from cell_results import result_of

from benchmark.protocol.cells import Cell
from benchmark.results.frame import results_frame
from benchmark.results.references import load_references
from benchmark.show import markdown
from benchmark.show.tables import references as table


def text_of(frame) -> str:
    return markdown.blocks(table.section(frame, load_references()))


def test_the_table_shows_figures_and_holes():
    references = load_references()
    results = [
        result_of(Cell("mvtec_ad", "pill", "general", 10, seed, "cpu"), 0.0, paper=0.5 + seed / 100)
        for seed in (0, 1)
    ]
    text = text_of(results_frame(results))
    assert "https://arxiv.org/abs/2203.14506" in text
    (line,) = (line for line in text.splitlines() if "| Pill" in line and "DRA" in line)
    values = [value.strip() for value in line.split("|")]
    pill = references.query("method == 'DRA' and shots == 10 and category == 'pill'").iloc[0]
    assert f"{pill['value']:.3f} ± {pill['std']:.3f} (n = 3)" in values
    assert "0.505 ± 0.007 (n = 2)" in values
    assert f"{0.505 - pill['value']:+.3f}".replace("-", "\N{MINUS SIGN}") in values
    (line,) = (line for line in text.splitlines() if "| BGAD" in line and "pixel-AUC" in line)
    assert "\N{EN DASH}" in line and "nan" not in text


def test_without_runs_only_the_references_are_shown():
    assert "No runs to put beside them yet." in text_of(results_frame([]))
