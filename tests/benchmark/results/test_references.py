"""References: the file is sound, and comparisons match what can be worked out by hand."""

import statistics

import pandas as pd
import pytest
from cell_results import result_of

from benchmark.protocol.cells import SETTINGS, Cell
from benchmark.protocol.metrics import METRICS
from benchmark.protocol.schema import TEST_SETS
from benchmark.results.frame import AVERAGE, results_frame
from benchmark.results.references import MEAN, PROTOCOL, compare, load_references, reproductions
from bgad.data.registry import DATASETS

CATEGORIES = DATASETS["mvtec_ad"].categories


@pytest.fixture
def references():
    return load_references()


def runs(categories, shots=10, seeds=(0, 1), profile="cpu", dataset="mvtec_ad"):
    """Figures on the test set 'paper': 0.5, a hundredth more for each category and each seed."""
    return results_frame(
        result_of(Cell(dataset, category, "general", shots, seed, profile), 0.0, paper=value)
        for i, category in enumerate(categories)
        for seed in seeds
        for value in [0.5 + 0.01 * i + 0.01 * seed]
    )


def test_every_reference_is_complete_and_possible(references):
    assert set(references["metric"]) <= set(METRICS)
    assert set(references["test_set"]) <= set(TEST_SETS)
    assert set(references["setting"]) <= set(SETTINGS)
    assert set(references["category"]) <= {*CATEGORIES, MEAN}
    assert references["value"].between(0, 1).all()
    assert references["std"].dropna().between(0, 1).all()
    assert references.drop(columns="std").notna().all(axis=None)
    key = ["method", "by", "dataset", "setting", "shots", "category", "metric"]
    assert not references.duplicated(key).any()
    made = references.groupby(["method", "by", "setting"])[[*PROTOCOL, "source", "place"]]
    assert (made.nunique() == 1).all(axis=None)


def test_stated_means_agree_with_the_stated_categories(references):
    """Guards against slips of the pen; PRN's own mean is not that of its categories."""
    checked = 0
    for (method, by, *_), stated in references.groupby(
        ["method", "by", "setting", "shots", "metric"]
    ):
        values = stated.set_index("category")["value"]
        if set(values.index) == {*CATEGORIES, MEAN}:
            tolerance = 0.002 if method == by == "PRN" else 0.0008
            assert values.drop(MEAN).mean() == pytest.approx(values[MEAN], abs=tolerance)
            checked += 1
    assert checked > 30


def test_shared_categories_and_their_average_are_compared(references):
    table = compare(runs(["pill", "bottle"]), references)
    dra = table[(table["by"] == "DRA") & (table["method"] == "DRA") & (table["shots"] == 10)]
    assert dra["category"].tolist() == ["bottle", "pill", AVERAGE, AVERAGE]
    assert dra["parts"].tolist() == [0, 0, 2, 15]
    stated = references.query("method == 'DRA' and by == 'DRA' and shots == 10")
    stated = stated.set_index("category")["value"]
    pill = dra[dra["category"] == "pill"].iloc[0]
    assert pill["ours"] == pytest.approx(0.505)
    assert pill["ours_std"] == pytest.approx(statistics.stdev([0.50, 0.51]))
    assert pill["difference"] == pytest.approx(0.505 - stated["pill"])
    average = dra[dra["parts"] == 2].iloc[0]
    assert average["reference"] == pytest.approx((stated["bottle"] + stated["pill"]) / 2)
    assert average["ours"] == pytest.approx(0.51)


def test_a_mean_of_fifteen_needs_fifteen(references):
    few = compare(runs(CATEGORIES[:14]), references)
    few = few[(few["method"] == "BGAD") & (few["metric"] == "pixel_auroc")].iloc[0]
    assert few["ours_n"] == 0 and few[["ours", "difference"]].isna().all()
    assert "categories" in few["differs"]
    full = compare(runs(CATEGORIES), references)
    full = full[(full["method"] == "BGAD") & (full["metric"] == "pixel_auroc")].iloc[0]
    assert full["ours"] == pytest.approx(0.5 + 0.07 + 0.005) and full["ours_n"] == 2
    assert "categories" not in full["differs"]


def test_what_makes_figures_incomparable_is_named(references):
    table = compare(runs(["bottle"]), references).set_index("by")
    assert table.loc["BGAD's code", "differs"].iloc[0] == ["selection", "backbone", "categories"]
    assert table.loc["DRA", "differs"].iloc[0] == ["masks", "image size", "backbone"]
    assert not table.loc["DRA", "is_far"].any() and table.loc["AHL", "is_far"].all()
    like_ours = references.assign(
        supervision="supervised",
        masks="yes",
        selection="last step",
        image_size="256",
        backbone="tf_efficientnet_lite2",
    )
    assert (
        compare(runs(["bottle"]), like_ours).query("category == 'bottle'")["differs"].iloc[0] == []
    )


def test_reports_of_the_same_method_are_held_against_each_other():
    reports = pd.DataFrame(
        [
            ("DRA", "DRA", "bottle", 0.9),
            ("DRA", "DRA", "pill", 0.8),
            ("DRA", "DRA", "screw", 0.1),
            ("DRA", "DRA", MEAN, 0.6),
            ("DRA", "AHL", "bottle", 0.91),
            ("DRA", "AHL", "pill", 0.7),
            ("GLASS", "GLASS", MEAN, 0.99),
            ("GLASS", "anomalib", MEAN, 0.97),
            ("GLASS", "anomalib", "pill", 0.9),
            ("PaDiM", "anomalib", MEAN, 0.95),
        ],
        columns=["method", "by", "category", "value"],
    ).assign(supervision="x", dataset="d", setting="general", shots=10, metric="m", test_set="t")
    dra, glass = reproductions(reports).itertuples()
    assert (dra.by, dra.other, dra.parts, dra.category) == ("DRA", "AHL", 2, "pill")
    assert (dra.first, dra.second) == pytest.approx((0.85, 0.805))
    assert dra.widest == pytest.approx(-0.1)
    assert (glass.by, glass.other, glass.parts, glass.category) == ("GLASS", "anomalib", 0, MEAN)
    assert glass.widest == pytest.approx(-0.02)


def test_other_data_shots_and_studies_are_not_compared(references):
    study = result_of(Cell("mvtec_ad", "pill", "general", 10, 0, "x"), 0.5, study="ablation")
    for frame in (runs(["pill"], dataset="synthetic"), runs(["pill"], 5), results_frame([study])):
        assert compare(frame, references).empty
