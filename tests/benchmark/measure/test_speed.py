"""Speed comparisons: both sides give the same numbers (no test measures time)."""

import json
import sys

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from benchmark.measure import speed
from benchmark.show import markdown
from benchmark.show.tables.speed import section
from bgad.errors import InputError


@pytest.mark.parametrize("channels", [5, 24])
def test_training_steps_stay_equal(channels):
    comparison = speed.compare_training(side=8, channels=channels, images=4, positions=16)
    losses = np.array([(comparison.ours(), comparison.theirs()) for _ in range(5)])
    assert (np.diff(losses[:, 0]) < 0).all(), "it does not learn"
    np.testing.assert_allclose(losses[:, 0], losses[:, 1], rtol=1e-5)


@pytest.mark.parametrize("chunk", [1, 40, 10_000])
def test_maps_are_equal_whatever_the_peer_gets_at_once(chunk):
    comparison = speed.compare_scoring(images=3, levels=((6, 8), (3, 5)), chunk=chunk, size=12)
    ours, theirs = comparison.ours(), comparison.theirs()
    assert ours.shape == (3, 12, 12)
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_metrics_are_equal():
    comparison = speed.compare_metrics(images=8, size=32)
    np.testing.assert_allclose(comparison.ours(), comparison.theirs(), rtol=1e-12)


def test_sorted_aupro_of_one_region_without_limit_is_the_auroc():
    rng = np.random.default_rng(0)
    masks = np.zeros((2, 9, 9), bool)
    masks[0, 2:5, 3:7] = True
    maps = rng.integers(0, 20, masks.shape) + 5.0 * masks
    expected = roc_auc_score(masks.ravel(), maps.ravel())
    assert speed.sorted_aupro(maps, masks, limit=1) == pytest.approx(expected)


def test_measure_reports_what_it_is_told_to_compare():
    calls = []

    def side(name: str, value: float):
        return lambda: calls.append(name) or np.array([1.0, value])

    result = speed.measure(speed.Comparison("a", "b", side("ours", 4), side("theirs", 5)), 3)
    assert calls == 4 * ["ours", "theirs"]
    assert result["difference"] == pytest.approx(0.2)
    assert result["ratio"] == pytest.approx(result["theirs_s"] / result["ours_s"])


def test_the_program_writes_and_prints_what_it_measured(tmp_path, monkeypatch):
    small = speed.compare_metrics(images=4, size=16)
    monkeypatch.setattr(speed, "comparisons", lambda: [(small, 2)])
    monkeypatch.setattr(speed, "encoding_rate", lambda files: float(len(files)))
    load = {"cells": 4, "lost": 0, "seconds": 2.0, "jobs": 2}
    monkeypatch.setattr(
        speed, "measure_load", lambda folder: dict.fromkeys(("start_up", "grid", "tables"), load)
    )
    output = tmp_path / "new" / "speed.json"
    printed = speed.measure_speed(output)
    written = json.loads(output.read_text())
    assert written["comparisons"][0]["repetitions"] == 2
    assert written["encoding"]["images_per_s"] > 0
    table = markdown.blocks(section(written))
    assert table == printed
    assert "| Seven metrics, 0.0 million pixels |" in " ".join(table.split())
    assert written["provenance"]["cpu"] in table
    assert "4 cells that cost nothing took 500 ms each" in table
    assert "none was lost" in table


@pytest.mark.parametrize("package", ["FrEIA", "sklearn"])
def test_without_a_peer_it_says_what_to_install(package, monkeypatch, tmp_path):
    for name in {package, *(name for name in sys.modules if name.split(".")[0] == package)}:
        monkeypatch.setitem(sys.modules, name, None)
    make = {"FrEIA": speed.compare_training, "sklearn": speed.compare_metrics}[package]
    monkeypatch.setattr(speed, "comparisons", lambda: [(make(8, 4), 1)])
    with pytest.raises(InputError, match="pip install"):
        speed.measure_speed(tmp_path / "speed.json")
