"""References: the file is sound, and comparisons match what can be worked out by hand."""

import statistics

import pytest
from cell_results import result_of

from benchmark.protocol.cells import SETTINGS, Cell
from benchmark.protocol.schema import METRICS, TEST_SETS
from benchmark.results.frame import AVERAGE, results_frame
from benchmark.results.references import MEAN, PROTOCOL, compare, load_references
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
    key = ["method", "dataset", "setting", "shots", "category", "metric"]
    assert not references.duplicated(key).any()
    assert (references.groupby("method")[[*PROTOCOL, "source", "place"]].nunique() == 1).all(None)


@pytest.mark.parametrize("shots", [1, 10])
def test_stated_means_agree_with_the_stated_categories(references, shots):
    """Guards against slips of the pen where all fifteen categories are stated."""
    stated = references[(references["method"] == "DRA") & (references["shots"] == shots)]
    stated = stated.set_index("category")["value"]
    assert set(stated.index) == {*CATEGORIES, MEAN}
    assert stated.drop(MEAN).mean() == pytest.approx(stated[MEAN], abs=0.0006)


def test_shared_categories_and_their_average_are_compared(references):
    table = compare(runs(["pill", "bottle"]), references)
    dra = table[(table["method"] == "DRA") & (table["shots"] == 10)]
    assert dra["category"].tolist() == ["bottle", "pill", AVERAGE, AVERAGE]
    assert dra["parts"].tolist() == [0, 0, 2, 15]
    stated = references[(references["method"] == "DRA") & (references["shots"] == 10)]
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
    table = compare(runs(["bottle"]), references).set_index("method")
    assert table.loc["BGAD", "differs"].iloc[0] == ["selection", "backbone", "categories"]
    assert table.loc["DRA", "differs"].iloc[0] == ["masks", "image size", "backbone"]
    like_ours = references.assign(
        supervision="supervised",
        masks="yes",
        selection="last step",
        image_size=256,
        backbone="tf_efficientnet_lite0",
    )
    assert compare(runs(["bottle"]), like_ours).iloc[-2]["differs"] == []


def test_other_data_shots_and_studies_are_not_compared(references):
    study = result_of(Cell("mvtec_ad", "pill", "general", 10, 0, "x"), 0.5, study="ablation")
    for frame in (runs(["pill"], dataset="synthetic"), runs(["pill"], 5), results_frame([study])):
        assert compare(frame, references).empty
