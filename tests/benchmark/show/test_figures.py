"""Figures of a cell: what they show is what the run holds."""

from dataclasses import replace

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from cell_results import result_of
from cell_runs import make_run
from matplotlib.text import Text

from benchmark.protocol.cells import Cell
from benchmark.show import figures, gallery
from benchmark.show.figures import (
    detection_curves,
    metrics_table,
    score_distributions,
    split_overview,
    training_curves,
)
from bgad.metrics import image_metrics

DRAW = {
    "split": split_overview,
    "training": training_curves,
    "curves": detection_curves,
    "scores": score_distributions,
    "known": gallery.known_anomalies,
    "gallery": lambda run: gallery.gallery(run, [0, 3], "Two"),
    "panels": lambda run: gallery.panels(run, 0),
}


@pytest.fixture
def run(tmp_path):
    return make_run(tmp_path)


def texts(figure):
    return [text.get_text() for text in figure.findobj(Text)]


def line_at(ax, label):
    return [line for line in ax.get_lines() if line.get_label() == label]


@pytest.mark.parametrize("draw", DRAW.values(), ids=DRAW)
@pytest.mark.parametrize("dataset", ["synthetic", "mvtec_ad"])
@pytest.mark.filterwarnings("error")
def test_each_figure_is_drawn_and_says_of_which_data(tmp_path, draw, dataset):
    settings = dict(mpl.rcParams)
    figure = draw(make_run(tmp_path, Cell(dataset, "a$b$_c", "general", 3, 0, "quick")))
    figure.canvas.draw()
    said = "\n".join(texts(figure))
    assert ("synthetic stand-in" in said) == (dataset == "synthetic")
    assert "a$b$_c, general, 3 shots, seed 0" in said
    assert not plt.get_fignums(), "a figure has to be closed by somebody"
    assert dict(mpl.rcParams) == settings


@pytest.mark.parametrize("draw", DRAW.values(), ids=DRAW)
def test_a_method_without_boundary_can_be_drawn(run, draw):
    draw(replace(run, threshold=None)).canvas.draw()


def test_split_overview_counts_each_image_once(run):
    (ax,) = split_overview(run).axes
    counts = {
        container.get_label(): [round(bar.get_width()) for bar in container]
        for container in ax.containers
    }
    assert counts == {  # good, crack, hole
        "known anomaly": [0, 2, 1],
        "set aside": [0, 1, 0],
        "tested": [4, 2, 2],
    }
    assert {"known: 100, 102", "known: 101"} <= set(texts(ax.figure))


def test_training_curves_leave_out_what_was_not_trained(tmp_path):
    cell = Cell("synthetic", "widget", "general", 0, 0, "quick")
    supervised, alone = make_run(tmp_path), make_run(tmp_path, cell)
    for run, terms in ((supervised, {"maximum likelihood", "pull", "push"}), (alone, None)):
        axes = np.reshape(training_curves(run).axes, (2, 3))
        for ax in axes[0]:
            labels = {line.get_label() for line in ax.get_lines()}
            shown = {label for label in labels if not label.startswith("_")}
            assert shown == (terms or {"maximum likelihood"})


def test_curves_have_the_area_and_the_operating_point_of_brute_force(run):
    scores, labels = run.scores[run.common], run.labels[run.common]
    maps, masks = run.maps[run.common].ravel(), run.masks[run.common].ravel()
    axes = detection_curves(run).axes
    for roc, precision_recall, values, truth in (
        (*axes[:2], scores, labels),
        (*axes[2:], maps, masks),
    ):
        x, y = roc.get_lines()[1].get_data()
        steps = np.sum(np.diff(x) * y[:-1])
        expected = image_metrics(values, truth)["image_auroc"]
        assert steps == pytest.approx(expected, abs=0.01 if truth is masks else 1e-9)
        called = values > run.threshold
        point = next(c for c in roc.collections if c.get_label() == "explicit boundary")
        rates = called[~truth].mean(), called[truth].mean()
        np.testing.assert_allclose(point.get_offsets()[0], rates, atol=1e-9)
        marked = [c.get_offsets()[0].tolist() for c in precision_recall.collections]
        precision = truth[called].mean()
        assert pytest.approx([called[truth].mean(), precision]) in marked


def test_curves_of_one_class_are_said_to_be_undefined(run):
    run = replace(run, common=~run.labels, result=result_of(run.cell, None))
    assert texts(detection_curves(run)).count("undefined:\none class only") == 4


def test_boundary_is_drawn_where_it_is(run):
    for ax in score_distributions(run).axes:
        (line,) = line_at(ax, "explicit boundary")
        assert set(line.get_xdata()) == {run.threshold}
    for ax in score_distributions(replace(run, threshold=None)).axes:
        assert not line_at(ax, "explicit boundary")


def test_the_boundary_of_maps_is_none_of_scores_that_are_no_maxima(run):
    run = replace(run, scores=2 * run.scores)
    by_type, pixels = score_distributions(run).axes
    assert not line_at(by_type, "explicit boundary") and line_at(pixels, "explicit boundary")
    points = [[c.get_label() for c in ax.collections] for ax in detection_curves(run).axes]
    assert ["explicit boundary" in labels for labels in points[::2]] == [False, True]


def test_score_distributions_show_each_image_of_the_test_set_once(run):
    by_type, _ = score_distributions(run).axes
    shown = np.sort(np.concatenate([c.get_offsets()[:, 0] for c in by_type.collections]))
    np.testing.assert_allclose(shown, np.sort(run.scores[run.common]))


def test_metrics_table_tells_undefined_from_zero(run):
    metrics = dict(run.result.metrics)
    metrics["common"] = metrics["common"].model_copy(update={"image_ap": None, "aupro_30": 0.0})
    intervals = {"common": {"image_auroc": (0.7, 0.8)}}
    result = run.result.model_copy(update={"metrics": metrics, "intervals": intervals})
    table = metrics_table(replace(run, result=result))["test set common"]
    assert table["image-AUC"] == "0.750 (0.700 to 0.800)"
    assert table["image-AP"] == "n/d"
    assert table["AUPRO"] == "0.000"


def test_long_curves_are_thinned(run):
    rng = np.random.default_rng(1)
    maps = rng.random((9, 200, 200), dtype=np.float32)
    masks = np.zeros(maps.shape, bool)
    masks[run.labels, :100] = True
    axes = detection_curves(replace(run, maps=maps, masks=masks)).axes
    assert len(axes[2].get_lines()[1].get_xdata()) <= figures._CURVE_POINTS + 2
