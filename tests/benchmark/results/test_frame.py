"""Frames and summaries: against plain Python over the same results, with holes."""

import statistics

import pandas as pd
import pytest
from cell_results import result_of
from instant import make_result

from benchmark.protocol.cells import Cell
from benchmark.protocol.metrics import METRICS
from benchmark.protocol.profiles import Profile, load_profile
from benchmark.results.frame import (
    AVERAGE,
    column,
    results_frame,
    summarise,
    types_frame,
)


@pytest.fixture
def general():
    """Two seeds of bottle, three of metal_nut."""
    scores = {("bottle", 0): 0.9, ("bottle", 1): 0.8}
    scores |= {("metal_nut", 0): 0.5, ("metal_nut", 1): 0.7, ("metal_nut", 2): 0.1}
    return [
        result_of(Cell("d", category, "general", 10, seed, "cpu"), value)
        for (category, seed), value in scores.items()
    ]


def entry(frame: pd.DataFrame, category: str, **of) -> pd.Series:
    chosen = frame[frame["category"] == category]
    for name, value in of.items():
        chosen = chosen[chosen[name] == value]
    (row,) = chosen.iloc
    return row


def test_the_frame_has_a_row_a_cell_and_its_figures():
    cell = Cell("d", "bottle", "hard", 10, 2, "cpu", known_type="crack")
    frame = results_frame([result_of(cell, 0.25, paper=0.75)])
    (row,) = frame.to_dict("records")
    for name in ("dataset", "category", "setting", "known_type", "shots", "seed", "profile"):
        assert row[name] == getattr(cell, name)
    for metric in METRICS:
        assert (row[column(metric)], row[column(metric, "paper")]) == (0.25, 0.75)


def test_json_gives_the_same_frame_and_failures_never_enter(general):
    parsed = [entry.model_dump(mode="json") for entry in general]
    failed = {"status": "failed", "cell": parsed[0]["cell"], "error": "out of memory"}
    pd.testing.assert_frame_equal(results_frame([failed, *parsed]), results_frame(general))


def test_mean_and_deviation_over_seeds(general):
    summary = summarise(results_frame(general), "pixel_ap")
    row = entry(summary, "metal_nut")
    values = [0.5, 0.7, 0.1]
    assert row["mean"] == pytest.approx(statistics.mean(values))
    assert row["std"] == pytest.approx(statistics.stdev(values))
    assert (row["n"], row["parts"]) == (3, 0)


def test_deviation_of_the_average_is_that_of_the_averages(general):
    row = entry(summarise(results_frame(general), "image_auroc"), AVERAGE)
    averages = [(0.9 + 0.5) / 2, (0.8 + 0.7) / 2]  # seed 2 lacks bottle
    assert row["mean"] == pytest.approx(statistics.mean(averages))
    assert row["std"] == pytest.approx(statistics.stdev(averages))
    assert (row["n"], row["parts"]) == (2, 2)


def test_anomaly_types_have_a_row_each():
    types = {
        "crack": {"n": 3, "image_auroc": 0.9, "recall": None},
        "hole": {"n": 2, "image_auroc": None, "recall": 1.0},
    }
    cell = Cell("d", "pill", "general", 10, 1, "cpu")
    other = Cell("d", "screw", "general", 10, 1, "cpu")
    results = [result_of(cell, 0.5, per_type={"common": types}), result_of(other, 0.5)]
    frame = types_frame(results_frame(results))
    assert frame["type"].tolist() == ["crack", "hole"] and set(frame["category"]) == {"pill"}
    assert frame["n"].tolist() == [3, 2]
    assert frame["image_auroc"].isna().tolist() == [False, True]
    assert frame["recall"].isna().tolist() == [True, False]
    assert types_frame(results_frame([])).empty


def test_no_results_give_an_empty_frame():
    frame = results_frame([])
    assert frame.empty and column("aupro_30", "paper") in frame
    assert summarise(frame, "image_auroc").empty


def test_hard_averages_over_known_types_before_seeds():
    scores = {("crack", 0): 0.9, ("hole", 0): 0.5, ("crack", 1): 0.6, ("hole", 1): 0.8}
    scores[("crack", 2)] = 0.0  # the hole is missing: no mean over the same types
    results = [
        result_of(Cell("d", "tile", "hard", 10, seed, "cpu", known_type=name), value)
        for (name, seed), value in scores.items()
    ]
    row = entry(summarise(results_frame(results), "image_auroc"), "tile")
    assert row["mean"] == pytest.approx(0.7) and row["std"] == pytest.approx(0)
    assert (row["n"], row["parts"]) == (2, 2)


def test_results_older_than_a_metric_are_holes_and_not_undefined():
    old = result_of(Cell("d", "pill", "general", 0, 0, "cpu"), 0.5)
    known = {k: v for k, v in dict(old.metrics["common"]).items() if k != "aupimo"}
    old = old.model_copy(
        update={"metrics": {name: type(old.metrics["common"])(**known) for name in old.metrics}}
    )
    new = result_of(Cell("d", "wood", "general", 0, 0, "cpu"), 0.7)
    summary = summarise(results_frame([old, new]), "aupimo")
    assert entry(summary, "pill")["n"] == 0 and entry(summary, AVERAGE)["n"] == 0
    assert (entry(summary, "wood")["n"], entry(summary, "wood")["mean"]) == (1, 0.7)
    assert entry(summarise(results_frame([old, new]), "image_ap"), AVERAGE)["n"] == 1


def test_a_result_has_the_caveat_of_its_profile_even_if_that_was_said_later():
    profile, cell = load_profile("cpu"), Cell("d", "pill", "general", 0, 0, "cpu")
    older = profile.config.model_copy(update={"caveat": None})
    other = older.model_copy(update={"profile_hash": "another", "caveat": "as it was"})
    caveats = [
        results_frame([result_of(cell, 0.5).model_copy(update={"config": config})])["caveat"][0]
        for config in (profile.config, older, other)
    ]
    assert caveats == [profile.caveat, profile.caveat, "as it was"] and profile.caveat


def test_moments_of_the_published_training_say_what_was_trained_on_until_then():
    moments = [{"image_auroc": value} for value in (0.5, 0.6)]
    profile = Profile("p", "bgad_published", {"meta_epochs": 2, "sub_epochs": 1}, study="fidelity")
    published = make_result(
        Cell("d", "bottle", "general", 10, 0, "p"),
        profile=profile,
        counts={"train_normal": 70, "known_anomalies": 10},
        training={"moments": moments},
    )
    (row,) = results_frame([published]).to_dict("records")
    per_batch = 32 * (64**2 + 32**2 + 16**2)  # vectors in a batch of images of 256 pixels
    trained = [2 * per_batch, (2 + 5) * per_batch]  # 70 images, then 170
    assert [moment["vectors"] for moment in row["moments"]] == trained
    assert [moment["image_auroc"] for moment in row["moments"]] == [0.5, 0.6]
    assert row["vectors"] == trained[-1]
