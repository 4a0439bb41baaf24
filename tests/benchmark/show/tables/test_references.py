"""The table of references: figures, holes, and what makes them incomparable."""

from cell_results import result_of

from benchmark.protocol.cells import Cell
from benchmark.results.frame import results_frame
from benchmark.results.references import load_references
from benchmark.show import markdown
from benchmark.show.document import NOT_RUN
from benchmark.show.tables import references as table


def text_of(frame) -> str:
    return markdown.blocks(table.section(frame, load_references()))


def line_of(text: str, method: str, by: str) -> list[str]:
    """Entries of the first line about a method."""
    lines = ([entry.strip() for entry in line.split("|")[1:-1]] for line in text.splitlines())
    return next(line for line in lines if line[:2] == [method, by])


def test_references_stand_beside_ours():
    references = load_references()
    results = [
        result_of(Cell("mvtec_ad", "pill", "general", 10, seed, "cpu"), 0.0, paper=0.5 + seed / 100)
        for seed in (0, 1)
    ]
    text = text_of(results_frame(results))
    assert "https://arxiv.org/abs/2203.14506" in text and "nan" not in text
    dra = references.query("method == 'DRA' and by == 'DRA' and shots == 10").set_index("category")
    mean, pill = dra.loc["mean"], dra.loc["pill"]
    assert line_of(text, "ours, cpu", "")[2:] == [NOT_RUN, "0.505 ± 0.007 (n = 2)", ""]
    assert line_of(text, "DRA", "DRA")[2:] == [
        f"{mean['value']:.3f} ± {mean['std']:.3f} (n = 3)",
        f"{pill['value']:.3f} ± {pill['std']:.3f} (n = 3)",
        "masks, image size, backbone",
    ]
    opened, folded = text.split("<details>", 1)
    assert "|DRA" in opened.replace(" ", "") and "|SAOE" not in opened.replace(" ", "")
    assert line_of(folded, "SAOE", "AHL")


def test_without_runs_only_the_references_are_shown():
    assert "No runs to put beside them yet." in text_of(results_frame([]))
