"""Negative controls give what they must, and stay out of the main tables."""

from pathlib import Path

import numpy as np
import pytest

from benchmark.protocol.cells import CONTROLS, Cell, grid
from benchmark.protocol.intervention import find_intervention
from benchmark.protocol.profiles import Evaluation, Profile
from benchmark.protocol.schema import TEST_SETS
from benchmark.results.frame import grid_cells, results_frame
from benchmark.results.store import Store
from benchmark.run.experiment import CellRun, run_cell
from bgad.data.synthetic import generate
from bgad.errors import InputError

MODEL = {"image_size": 64, "steps": [3, 3, 3], "batch_positions": 16, "cut_paste": 4}
PROFILE = Profile("tiny", model=MODEL)
AUROC = ("image_auroc", "pixel_auroc")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str | None, CellRun]:
    root, cache, results = (tmp_path_factory.mktemp(name) for name in ("data", "cache", "results"))
    generate(root, ["bottle"])
    cells = [Cell("synthetic", "bottle", "general", 10, 0, "tiny")]
    cells += grid("synthetic", {"bottle": []}, [10], [0], "tiny", "control")
    return {cell.control: run_cell(cell, root, PROFILE, Store(results), cache) for cell in cells}


def test_there_is_a_run_for_each_control(runs):
    assert set(runs) == {None, *CONTROLS}


def test_swapped_labels_give_one_less_the_auroc(runs):
    for test_set in TEST_SETS:
        plain, swapped = (runs[c].result.metrics[test_set] for c in (None, "swapped_labels"))
        for metric in AUROC:
            expected = 1 - getattr(plain, metric)
            assert getattr(swapped, metric) == pytest.approx(expected, abs=1e-12)
            assert expected < 0.5


def test_constant_maps_give_a_half_and_no_precision(runs):
    for test_set in TEST_SETS:
        metrics, run = runs["constant_maps"].result.metrics[test_set], runs["constant_maps"]
        assert [getattr(metrics, metric) for metric in AUROC] == [0.5, 0.5]
        chosen = run.common if test_set == "common" else slice(None)
        assert metrics.image_ap == pytest.approx(run.labels[chosen].mean())
        assert metrics.pixel_ap == pytest.approx(run.masks[chosen].mean())


def test_random_weights_change_every_map(runs):
    assert runs["random_weights"].detector.weights == "random"
    assert not np.isclose(runs["random_weights"].maps, runs[None].maps).all(axis=(1, 2)).any()


def test_shuffled_labels_keep_counts_and_split():
    cell = Cell("d", "bottle", "control", 10, 0, "tiny", control="shuffled_labels")
    shuffled = find_intervention(cell, Evaluation())
    normal, known = shuffled.rows(slice(0, 30), range(50, 60))
    assert (len(normal), len(known)) == (30, 10)
    assert sorted(normal + known) == [*range(30), *range(50, 60)]
    assert set(known) & set(range(30)) and set(normal) & set(range(50, 60))
    assert shuffled.rows(slice(0, 30), range(50, 60)) == (normal, known)


def test_shuffled_labels_change_training_and_test_nothing_known(runs):
    plain, shuffled = runs[None], runs["shuffled_labels"]
    assert shuffled.split == plain.split
    assert not np.array_equal(shuffled.maps, plain.maps)


def test_each_control_has_its_own_place(tmp_path: Path):
    cells = grid("d", {"bottle": []}, [10], [0], "p", "control")
    places = {Store(tmp_path).path(cell).relative_to(tmp_path).as_posix() for cell in cells}
    assert places == {f"d/bottle/control/{kind}/shots-10_seed-0.json" for kind in CONTROLS}


def test_a_control_of_another_evaluation_is_refused():
    cell = Cell("d", "bottle", "control", 10, 0, "tiny", control="swapped_labels")
    with pytest.raises(InputError, match="by the protocol alone"):
        find_intervention(cell, Evaluation(maxima="test"))


def test_controls_never_enter_the_main_tables(runs):
    frame = results_frame([run.result for run in runs.values()])
    assert len(frame) == 1 + len(CONTROLS)
    assert grid_cells(frame)["setting"].tolist() == ["general"]
