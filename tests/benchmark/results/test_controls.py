"""What controls must give is decided, category by category."""

import pytest
from cell_results import result_of

from benchmark.protocol.cells import Cell
from benchmark.results.controls import judge_controls
from benchmark.results.frame import results_frame


def cell(shots: int, control: str | None = None, category: str = "pill", seed: int = 0) -> Cell:
    setting = "control" if control else "general"
    return Cell("d", category, setting, shots, seed, "p", control=control)


@pytest.mark.parametrize(
    ("control", "found", "met"),
    [
        ("shuffled_labels", 0.7, True),
        ("shuffled_labels", 0.7009, True),
        ("shuffled_labels", 0.71, False),
        ("random_weights", 0.89, True),
        ("random_weights", 0.9, False),
        ("swapped_labels", 0.1, True),
        ("swapped_labels", 0.1009, True),
        ("swapped_labels", 0.103, False),
        ("constant_maps", 0.5, True),
        ("constant_maps", 0.499, False),
    ],
)
def test_controls_are_held_against_the_cells_that_they_spoil(control, found, met):
    results = [result_of(cell(0), 0.7), result_of(cell(10), 0.9)]
    judged = judge_controls(results_frame([*results, result_of(cell(10, control), found)]))
    assert judged["met"].tolist() == [met, met]
    assert judged["metric"].tolist() == ["image_auroc", "pixel_auroc"]


def test_categories_are_judged_apart_and_seeds_together():
    results = [result_of(cell(0, category=name), 0.7) for name in ("pill", "screw")]
    results += [result_of(cell(0, seed=1), 0.9)]
    shuffled = [("pill", 0, 0.8), ("pill", 1, 0.8), ("screw", 0, 0.71), ("tile", 0, 0.1)]
    results += [
        result_of(cell(10, "shuffled_labels", category, seed), value)
        for category, seed, value in shuffled
    ]
    judged = judge_controls(results_frame(results)).query("metric == 'image_auroc'")
    assert dict(zip(judged["category"], judged["met"], strict=True)) == {
        "pill": True,
        "screw": False,
    }
    assert judged["seeds"].tolist() == [2, 1]


def test_without_controls_there_is_nothing_to_judge():
    assert judge_controls(results_frame([result_of(cell(0), 0.7)])).empty
