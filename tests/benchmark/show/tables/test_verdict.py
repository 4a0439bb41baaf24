"""The verdict as a person reads it: its word, what was left out, what is beyond tolerance."""

from cell_results import result_of

from benchmark.protocol.cells import Cell
from benchmark.protocol.metrics import METRICS
from benchmark.results.frame import results_frame
from benchmark.results.verdict import judge
from benchmark.show import markdown
from benchmark.show.tables import verdict

CELLS = [Cell("d", "pill", "general", 10, seed, "cpu") for seed in (0, 1)]


def run(*values, **changes):
    pairs = zip(CELLS, values, strict=True)
    return results_frame(result_of(cell, value, **changes) for cell, value in pairs)


def text_of(published, own) -> str:
    return markdown.blocks(verdict.section(judge(published, own)))


def test_what_is_beyond_tolerance_is_listed():
    text = text_of(run(0.5, None), run(0.4, 0.7))
    assert "**not reproduced**" in text and "n/d" in text
    _, beyond = text.split("**Beyond tolerance**")
    assert beyond.count("| pill") == 2 * len(METRICS)


def test_agreement_needs_no_list():
    text = text_of(run(0.5, 0.6), run(0.5, 0.6, data={"fingerprint": "other"}))
    assert "**reproduced**, cells: 2" in text and "Beyond" not in text
    assert "other image files" in text


def test_with_nothing_to_compare_there_is_no_table():
    text = text_of(run(0.5, 0.6), run(0.5, 0.6, split={"known": [], "sha256": "other"}))
    assert "nothing to compare" in text and "cells: 2." in text and "|" not in text
