"""Verdicts: what agrees, what does not, and what must not be compared at all."""

import pytest
from cell_results import result_of

from benchmark.protocol.cells import Cell
from benchmark.protocol.metrics import METRICS
from benchmark.results.frame import results_frame
from benchmark.results.verdict import TOLERANCES, judge

CELLS = [
    Cell("d", "pill", "general", 10, 0, "cpu"),
    Cell("d", "pill", "hard", 10, 0, "cpu", known_type="crack"),
    Cell("d", "pill", "hard", 10, 0, "cpu", known_type="hole"),
]


def run(*values, cells=CELLS, **changes):
    pairs = zip(cells, values, strict=True)
    return results_frame(result_of(cell, value, **changes) for cell, value in pairs)


def test_every_metric_has_a_tolerance():
    assert set(TOLERANCES) == set(METRICS)
    assert all(0 < tolerance < 0.05 for tolerance in TOLERANCES.values())


def test_a_run_reproduces_itself():
    verdict = judge(run(0.5, 0.6, None), run(0.5, 0.6, None))
    assert (verdict.word, verdict.compared) == ("reproduced", 3)
    assert verdict.beyond.empty and verdict.metrics["within"].all()
    assert (verdict.metrics["largest"] == 0).all()


def test_differences_are_held_against_each_metrics_tolerance():
    shift = 0.003
    verdict = judge(run(0.5, 0.6, 0.7), run(0.5 - shift, 0.6, 0.7 + shift / 6))
    assert verdict.word == "not reproduced"
    for row in verdict.metrics.itertuples():
        assert row.largest == pytest.approx(shift)
        assert row.mean == pytest.approx(-5 * shift / 18)
        assert row.within == (shift <= TOLERANCES[row.metric])
    exceeded = {metric for metric, tolerance in TOLERANCES.items() if tolerance < shift}
    assert set(verdict.beyond["metric"]) == exceeded and len(verdict.beyond) == len(exceeded)
    assert set(verdict.beyond["setting"]) == {"general"}


def test_defined_against_undefined_is_a_difference():
    verdict = judge(run(0.5, 0.6, None), run(0.5, 0.6, 0.7))
    assert verdict.word == "not reproduced"
    assert set(verdict.beyond["known_type"]) == {"hole"}


def test_only_shared_cells_count():
    verdict = judge(run(0.5, cells=CELLS[:1]), run(0.5, 0.9, 0.9))
    assert (verdict.word, verdict.compared) == ("reproduced", 1)
    verdict = judge(run(0.5, cells=CELLS[:1]), run(0.9, cells=CELLS[1:2]))
    assert (verdict.word, verdict.compared) == ("nothing to compare", 0)
    assert judge(results_frame([]), run(0.5, 0.6, 0.7)).word == "nothing to compare"


def test_other_settings_are_left_out_and_other_images_named():
    split = {"known": [], "sha256": "other"}
    verdict = judge(run(0.5, 0.6, 0.7), run(0.9, 0.9, 0.9, split=split))
    assert (verdict.word, verdict.other_settings) == ("nothing to compare", 3)
    resized = {"fingerprint": "other"}
    verdict = judge(run(0.5, 0.6, 0.7), run(0.5, 0.6, 0.7, data=resized))
    assert (verdict.word, verdict.other_images) == ("reproduced", 3)


def test_seeds_set_apart_do_not_count():
    apart = Cell("d", "pill", "general", 10, 0, "cpu", train_seed=1)
    assert judge(run(0.5, cells=[apart]), run(0.9, cells=[apart])).word == "nothing to compare"
