"""Figures across categories: what they show is what the store holds."""

import numpy as np
import pytest
from cell_results import result_of
from matplotlib.collections import PolyCollection
from matplotlib.text import Text

from benchmark.protocol.cells import Cell
from benchmark.protocol.metrics import METRICS
from benchmark.results.frame import results_frame, summarise
from benchmark.results.references import compare, complete_figures, load_references
from benchmark.show.overview import (
    boundary_and_oracle,
    critical_differences,
    general_and_hard,
    ours_and_references,
    per_type,
    shots_curves,
    sizes_and_seconds,
    training_cost,
)
from bgad.data.registry import find_dataset

DATASETS = ("mvtec_ad", "synthetic")
VALUES = {("bottle", 0): 0.8, ("bottle", 10): 0.9, ("pill", 0): 0.6, ("pill", 10): 0.7}


def result(dataset, category, shots, seed, known_type=None):
    value = VALUES[category, shots] + 0.02 * seed - 0.1 * (known_type is not None)
    metrics = dict.fromkeys(METRICS, value) | {"pixel_f1_boundary": value - 0.2}
    types = {"crack": {"n": 3, "image_auroc": value, "recall": value / 2}}
    types["hole"] = {"n": 2, "image_auroc": None, "recall": 1.0}
    cell = Cell(
        dataset, category, "hard" if known_type else "general", shots, seed, "cpu", known_type
    )
    return result_of(
        cell,
        value,
        metrics={"common": metrics, "paper": metrics},
        per_type={"common": types, "paper": types},
    )


@pytest.fixture(scope="module")
def results():
    general = [
        result(dataset, category, shots, seed)
        for dataset in DATASETS
        for category, shots in VALUES
        for seed in (0, 1)
    ]
    hard = [result(dataset, "pill", 10, 0, kind) for dataset in DATASETS for kind in ("a", "b")]
    return general + hard


@pytest.fixture(scope="module")
def frame(results):
    return results_frame(results)


def draw_all(results, dataset):
    frame = results_frame(results)
    return [
        shots_curves(frame, dataset),
        general_and_hard(frame, dataset, "cpu"),
        per_type(frame, dataset, "cpu"),
        boundary_and_oracle(frame, dataset, "cpu"),
    ]


@pytest.mark.parametrize("dataset", DATASETS)
@pytest.mark.filterwarnings("error")
def test_each_figure_is_drawn_and_says_of_which_data(results, dataset):
    for figure in draw_all(results, dataset):
        figure.canvas.draw()
        said = "\n".join(text.get_text() for text in figure.findobj(Text))
        assert ("synthetic stand-in" in said) == (dataset == "synthetic")


def test_nothing_is_drawn_of_nothing():
    assert draw_all([], "mvtec_ad") == [None] * 4
    comparison = compare(results_frame([]), load_references())
    assert ours_and_references(comparison, "mvtec_ad", 10) is None


def test_one_cell_is_enough():
    figures = draw_all([result("own", "bottle", 10, 0)], "own")
    assert [figure is None for figure in figures] == [False, True, False, False]
    for figure in filter(None, figures):
        figure.canvas.draw()


def test_shots_curves_are_the_summaries(frame):
    axes = {ax.get_title(loc="left"): ax for ax in shots_curves(frame, "mvtec_ad").axes}
    general = frame[(frame["dataset"] == "mvtec_ad") & (frame["setting"] == "general")]
    summary = summarise(general, "image_auroc")
    for title, category in (("Average", ""), ("Bottle", "bottle"), ("Pill", "pill")):
        expected = summary[summary["category"] == category]
        (line,) = axes[title].get_lines()
        np.testing.assert_allclose(line.get_xydata(), expected[["shots", "mean"]].astype(float))
        (band,) = (c for c in axes[title].collections if isinstance(c, PolyCollection))
        spread = band.get_paths()[0].vertices[:, 1]
        assert spread.max() == pytest.approx((expected["mean"] + expected["std"]).max())


def test_general_and_hard_shows_each_known_type(frame):
    (ax,) = general_and_hard(frame, "mvtec_ad", "cpu").axes
    shown = {c.get_label(): c.get_offsets()[:, 0].tolist() for c in ax.collections}
    assert shown["no anomaly known"] == pytest.approx([0.61])
    assert shown["all types, 10 shots"] == pytest.approx([0.71])
    assert shown["one type, others tested"] == pytest.approx([0.6, 0.6])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["Pill"]


def test_per_type_shows_means_over_seeds_and_leaves_undefined_blank(frame):
    auroc, recall = per_type(frame, "mvtec_ad", "cpu").axes
    rows = [label.get_text() for label in auroc.get_yticklabels()]
    assert rows == ["Bottle, crack", "Bottle, hole", "Pill, crack", "Pill, hole"]
    values = auroc.collections[0].get_array().reshape(4, 2)
    np.testing.assert_allclose(values[[0, 2]], [[0.81, 0.91], [0.61, 0.71]])
    assert np.ma.getmaskarray(values)[[1, 3]].all()
    np.testing.assert_allclose(recall.collections[0].get_array().reshape(4, 2)[1], 1)


def test_boundary_and_oracle_are_both_shown(frame):
    figure = boundary_and_oracle(frame, "mvtec_ad", "cpu")
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["0 shots", "10 shots"]
    shown = {c.get_label(): c.get_offsets() for c in figure.axes[1].collections[1:]}
    np.testing.assert_allclose(shown["best on test"], [[0.91, 0], [0.71, 1]])
    np.testing.assert_allclose(shown["explicit boundary"], [[0.71, 0], [0.51, 1]])


def test_references_stand_beside_ours_with_their_spread(frame):
    comparison = compare(frame, load_references())
    figure = ours_and_references(comparison, "mvtec_ad", 10)
    (ax,) = figure.axes
    figure.canvas.draw()
    labels = ax.get_legend_handles_labels()[1]
    assert {"DRA, reported by DRA", "DevNet, reported by DRA", "ours, cpu"} <= set(labels)
    assert not any("AHL" in label for label in labels)  # differs in nearly everything
    ours = next(c for c in ax.containers if c.get_label() == "ours, cpu")
    np.testing.assert_allclose(ours[0].get_xdata().astype(float), [0.91, 0.71])
    assert ours_and_references(comparison, "synthetic", 10) is None


def test_ranks_are_of_methods_with_all_categories():
    what = "mvtec_ad", 10, "image_auroc"
    figures = complete_figures(results_frame([]), load_references(), *what)
    drawn = critical_differences(figures, *what).axes[0]
    labels = [label.get_text() for label in drawn.get_yticklabels()]
    assert labels[0] == "PRN, reported by PRN"
    assert not any(label.startswith("BGAD") for label in labels)  # its mean alone is known
    ranks = drawn.lines[0].get_xdata()
    assert np.all(np.diff(ranks) >= 0) and ranks.mean() == pytest.approx((len(labels) + 1) / 2)
    assert critical_differences(figures.iloc[:2], *what) is None
    assert critical_differences(figures.iloc[:, :7], *what) is None


def test_ours_are_ranked_once_all_categories_were_run_on_the_published_test_set():
    categories = find_dataset("mvtec_ad").categories
    cells = [Cell("mvtec_ad", name, "general", 10, 0, "cpu") for name in categories]
    results = [result_of(cell, 0.5) for cell in cells]
    what = "mvtec_ad", 10, "image_auroc"
    references = load_references()
    all_run = complete_figures(results_frame(results), references, *what)
    assert all_run.loc["ours, cpu"].tolist() == [
        result.metrics["paper"].image_auroc for result in results
    ]
    assert "ours, cpu" not in complete_figures(results_frame(results[1:]), references, *what).index


def test_sizes_stand_at_what_their_cells_take():
    def of(profile, value, seconds, size, study=None, category="capsules"):
        timings = dict.fromkeys(("features", "train", "score", "metrics"), 0.0)
        done = result_of(
            Cell("visa", category, "general", 10, 0, profile),
            value,
            study=study,
            timings_s=timings | {"total": seconds},
        )
        parameters = {**done.config.parameters, "image_size": size}
        return done.model_copy(
            update={"config": done.config.model_copy(update={"parameters": parameters})}
        )

    results = [of("cpu", 0.5, 100, 256), of("cpu-large", 0.7, 400, [512, 384], "resolution")]
    figure = sizes_and_seconds(results_frame(results), 10)
    for ax in figure.axes:
        np.testing.assert_allclose(ax.lines[0].get_xydata(), [[100, 0.5], [400, 0.7]])
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts == ["256", "512 x 384"]
    longer = [
        of("cpu", 0.5, 100, 256, category="pcb1"),
        of("cpu-large", 0.7, 900, 512, "resolution", category="pcb1"),
    ]
    for ax in sizes_and_seconds(results_frame([*results, *longer]), 10).axes:
        left, right = ax.get_xlim()
        assert left == 0
        assert right > 900
    assert sizes_and_seconds(results_frame(results[:1]), 10) is None
    assert sizes_and_seconds(results_frame(results), 0) is None


def test_a_course_of_training_shows_each_moment_of_each_category_and_number_of_shots():
    def course(category, shots):
        moments = [
            {"image_auroc": at / 10, "pixel_auroc": at / 20, "log_likelihood": [-at, shots]}
            | {"vectors": vectors}
            for at, vectors in ((5, 60), (6, 180), (8, 300))
        ]
        cell = Cell("mvtec_ad", category, "general", shots, 0, "paper-lite2")
        return result_of(cell, 0.9, training={"moments": moments})

    cells = [course("bottle", 0), course("bottle", 10), course("pill", 10)]
    short = [result(DATASETS[0], *cell, 0) for cell in VALUES]
    frame = results_frame(cells + short)
    is_course = frame["profile"] == "paper-lite2"
    frame.loc[is_course, "method"] = "bgad_published"
    frame["vectors"] = np.where(is_course, 300.0, 7.0)
    axes = np.reshape(training_cost(frame, "mvtec_ad").axes, (3, 2))
    assert [ax.get_title("left") for ax in axes[0]] == ["Bottle", "Pill"]
    lines = [{line.get_label(): line for line in ax.lines} for ax in axes.flat]
    assert set(lines[0]) == {
        *("paper-lite2, 0 shots", "paper-lite2, 10 shots", "cpu, 0 shots", "cpu, 10 shots")
    }
    assert set(lines[1]) == {"paper-lite2, 10 shots", "cpu, 10 shots"}
    assert lines[1]["paper-lite2, 10 shots"].get_xdata() == pytest.approx([60, 180, 300])
    assert lines[3]["paper-lite2, 10 shots"].get_ydata() == pytest.approx([0.25, 0.3, 0.4])
    assert lines[1]["cpu, 10 shots"].get_xydata() == pytest.approx(np.array([[7, 0.7]]))
    of_levels = axes[2, 1].lines
    assert of_levels[0].get_ydata() == pytest.approx([-5, -6, -8])
    assert of_levels[1].get_ydata() == pytest.approx([10] * 3)
    for shown, name in zip(of_levels, ("level 1", "level 2"), strict=False):
        assert lines[5][name].get_linestyle() == shown.get_linestyle()
    assert "level 3" not in lines[5]
    assert training_cost(frame[~is_course], "mvtec_ad") is None
