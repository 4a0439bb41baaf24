"""Exploring stored cells: counts, lists, pictures and widgets, without any training."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from stored_cells import keep

from benchmark.show.explore import (
    CALIBRATED,
    EXPLICIT,
    ORACLE,
    Counts,
    falsely_alarmed,
    find_stored,
    missed,
    worst_of_types,
)
from bgad.conformal import p_values


@pytest.fixture
def stored(tmp_path, data_root):
    for shots in (0, 10):
        keep(tmp_path / "runs", data_root, shots)
    return find_stored([tmp_path / "runs"], {"own": data_root})


def test_counts_are_those_of_all_images(stored):
    scores = stored[0].scores
    for threshold in (-1, 1.5, 9):
        counts = Counts.at(scores, threshold)
        assert counts.found + counts.missed == scores["label"].sum()
        assert counts.false_alarms + counts.passed == (~scores["label"]).sum()
        assert len(missed(scores, threshold)) == counts.missed
        assert len(falsely_alarmed(scores, threshold)) == counts.false_alarms
    assert Counts.at(scores, 9).shares()["recall"] == 0
    assert np.isnan(Counts.at(scores, 9).shares()["precision"])


def test_the_calibrated_threshold_is_where_p_values_reject(stored):
    (cell, *_) = stored
    table = cell.store.read_scores(cell.result)
    calibration = table.loc[table["role"] == "calibration", "score"].to_numpy()
    rejected = p_values(calibration, cell.scores["score"].to_numpy()) <= 0.05
    assert list(cell.scores["score"] > cell.thresholds[CALIBRATED]) == list(rejected)
    assert cell.thresholds[EXPLICIT] == 0.8


def test_no_threshold_has_a_better_f1_than_the_oracles(stored):
    def f1(scores, threshold):
        counts = Counts.at(scores, threshold)
        return 2 * counts.found / (2 * counts.found + counts.missed + counts.false_alarms)

    scores = stored[0].scores
    best = max(f1(scores, score) for score in [-1, *scores["score"]])
    assert f1(scores, stored[0].thresholds[ORACLE]) == pytest.approx(best)


def test_lists_come_by_file_name_and_types_by_their_worst():
    scores = pd.DataFrame(
        {
            "name": ["b", "a", "c", "d", "e"],
            "type": ["crack", "crack", "good", "good", "hole"],
            "label": [True, True, False, False, True],
            "score": [0.1, 0.2, 0.9, 0.3, 0.8],
        }
    )
    assert list(missed(scores, 0.5)["name"]) == ["a", "b"]
    assert list(falsely_alarmed(scores, 0.2)["name"]) == ["c", "d"]
    assert list(worst_of_types(scores)["name"]) == ["b", "c", "e"]


def test_a_picture_has_truth_and_contour_of_the_map_that_was_kept(stored):
    name = stored[0].scores["name"][0]
    drawn = stored[0].picture(name, 1.2)
    assert drawn.truth and drawn.contour and drawn.height == 32
    assert not stored[0].picture(name, 9).contour
    assert stored[0].map_of(name).max() == pytest.approx(stored[0].scores["score"][0], abs=0.01)


def test_what_is_missing_for_a_picture_is_said(tmp_path, data_root):
    keep(tmp_path / "runs", data_root, 0)
    (without_data,) = find_stored([tmp_path / "runs"])
    keep(tmp_path / "runs", data_root, 0, with_maps=False)
    (without_maps,) = find_stored([tmp_path / "runs"], {"own": data_root})
    name = without_data.scores["name"][0]
    assert without_data.picture(name, 1) is None and without_maps.picture(name, 1) is None
    assert "data_roots" in without_data.why_no_picture()
    assert "--keep-maps" in without_maps.why_no_picture()


def test_a_saved_model_makes_maps_where_none_were_kept(tmp_path, data_root, monkeypatch):
    keep(tmp_path / "runs", data_root, 0, with_maps=False)
    asked = []

    class Saved:
        def anomaly_maps(self, paths):
            asked.extend(paths)
            return np.ones((1, 32, 32), np.float32)

    monkeypatch.setattr("benchmark.show.explore.load", lambda path: Saved())
    models = {"own/widget": tmp_path / "widget.bgad"}
    (cell,) = find_stored([tmp_path / "runs"], {"own": data_root}, models)
    name = cell.scores["name"][0]
    assert cell.picture(name, 0.5).contour and cell.picture(name, 0.9).contour
    assert len(asked) == 1, "a map is made once"


def test_cells_without_scores_are_left_out(stored, tmp_path):
    (first, *_) = stored
    cell = replace(first.result.cell, seed=9)
    result = first.result.model_copy(update={"cell": cell, "scores_sha256": None})
    first.store.write(result)
    assert len(find_stored([tmp_path / "runs"])) == 2
