"""Each departure from the protocol does what it says, and none is there unless asked for."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from benchmark.protocol.cells import Cell
from benchmark.protocol.fidelity import Checkpoints, Moment, Oracle
from benchmark.protocol.profiles import Evaluation, Profile
from benchmark.protocol.splits import cell_split
from benchmark.results.store import Store
from benchmark.run.experiment import CellRun, run_cell
from bgad import published
from bgad.anomaly_map import anomaly_maps
from bgad.data.folder import load_category
from bgad.data.synthetic import generate
from bgad.detectors.bgad import BGAD
from bgad.errors import InputError
from bgad.features import EncodedImages
from bgad.training import META_EPOCHS

MODEL = {"image_size": 64, "steps": [25, 25, 25], "batch_positions": 16, "cut_paste": 4}
CELL = Cell("synthetic", "bottle", "general", 10, 0, "tiny")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory):
    root, cache = (tmp_path_factory.mktemp(name) for name in ("data", "cache"))
    generate(root, ["bottle"])
    runs: dict[Evaluation, CellRun] = {}

    def run(**evaluation) -> CellRun:
        evaluation = Evaluation(**evaluation)
        if evaluation not in runs:
            profile = Profile("tiny", model=MODEL, evaluation=evaluation)
            store = Store(tmp_path_factory.mktemp("results"))
            runs[evaluation] = run_cell(CELL, root, profile, store, cache)
        return runs[evaluation]

    run.root = root
    return run


def test_the_protocol_departs_in_nothing_and_departures_are_recorded(run):
    assert run().result.config.evaluation == {}
    assert run(maxima="test").result.config.evaluation == {"maxima": "test"}


def test_best_on_test_is_never_worse_than_the_last_step(run):
    last, best = (run(**e).result.metrics["common"] for e in ({}, {"selection": "best_on_test"}))
    assert best.image_auroc >= last.image_auroc
    assert best.pixel_auroc >= last.pixel_auroc
    assert best.pixel_f1_boundary is None
    moments = run(selection="best_on_test").result.training["moments"]
    assert len(moments) == META_EPOCHS
    paper = run(selection="best_on_test").result.metrics["paper"]
    assert paper.image_auroc == max(moment["image_auroc"] for moment in moments)
    assert paper.pixel_auroc == max(moment["pixel_auroc"] for moment in moments)
    assert run().result.training == {}


PUBLISHED = {
    "image_size": 64,
    "backbone": "tf_efficientnet_lite0",
    "meta_epochs": 2,
    "sub_epochs": 1,
    "batch_vectors": 512,
    "cut_paste": 1,
}


def test_the_published_training_goes_on_where_it_was_interrupted(run, tmp_path, monkeypatch):
    evaluation = Evaluation(selection="best_on_test", maxima="test")
    profile = Profile(
        "tiny", "bgad_published", model=PUBLISHED, evaluation=evaluation, study="fidelity"
    )
    arguments = CELL, run.root, profile
    expected = run_cell(*arguments, Store(tmp_path / "a"), tmp_path / "cache")
    assert not [*(tmp_path / "cache" / "training").iterdir()]
    monkeypatch.setattr(published, "_SAVE_EVERY", 0.0)
    backward, left = torch.Tensor.backward, [20]

    def mortal(self, *args, **options):
        left[0] -= 1
        if left[0] == 0:
            raise KeyboardInterrupt
        backward(self, *args, **options)

    monkeypatch.setattr(torch.Tensor, "backward", mortal)
    with pytest.raises(KeyboardInterrupt):
        run_cell(*arguments, Store(tmp_path / "b"), tmp_path / "cache")
    assert (tmp_path / "cache" / "training" / expected.result.key).is_dir()
    left[0] = 0
    resumed = run_cell(*arguments, Store(tmp_path / "b"), tmp_path / "cache")
    assert -left[0] < sum(len(level["ml"]) for level in expected.history)
    assert resumed.result.metrics == expected.result.metrics
    assert resumed.result.training == expected.result.training
    assert len(expected.result.training["moments"]) == 2
    np.testing.assert_array_equal(resumed.maps, expected.maps)
    assert not [*(tmp_path / "cache" / "training").iterdir()]


class Density:
    """Scores every cell with what it is told."""

    value = 0.0

    def score(self, features: np.ndarray) -> np.ndarray:
        return np.full(features.shape[:3], self.value, np.float32)


def test_moments_are_those_of_all_levels_in_their_order(tmp_path):
    images = EncodedImages(np.zeros((2, 8, 8, 3), np.uint8), (np.zeros((2, 4, 4, 1)),) * 3)
    detector = SimpleNamespace(steps=(25, 25, 47), maxima_=[9.0, 9.0, 9.0])
    density = Density()
    for first, last in ((0, 12), (8, 25)):  # interrupted, and continued from an earlier state
        checkpoints = Checkpoints(detector, images, images, tmp_path)
        for level in range(3):
            for epoch in range(first, last):
                density.value = 10 * level + epoch
                checkpoints(level, epoch, density)
    moments = list(checkpoints.moments())
    assert len(moments) == META_EPOCHS
    for epoch, moment in enumerate(moments):
        values = [epoch, 10 + epoch, 20 + epoch]
        assert [level[0, 0, 0] for level in moment.likelihoods] == moment.means == values
        assert moment.maxima == (values if epoch < 24 else [9.0] * 3)


def test_each_figure_is_that_of_its_own_best_moment():
    masks = np.zeros((2, 8, 8), bool)
    masks[1, :4] = True
    ranks_images = np.zeros((2, 8, 8), np.float32)
    ranks_images[1, 7, 7] = -1.0  # found as an image, at the wrong place
    finds_pixels = np.where(masks, -1.0, 0.0).astype(np.float32)
    finds_pixels[0, 0, 0] = -2.0  # the right place, but a good image scores higher
    moments = [Moment([found], [0.0], [0.0]) for found in (ranks_images, finds_pixels)]
    for order in (moments, moments[::-1]):
        oracle = Oracle(CELL, Evaluation(selection="best_on_test"))
        oracle.checkpoints = SimpleNamespace(moments=lambda order=order: iter(order))
        detector = SimpleNamespace(image_size=8, maxima_=[0.0])
        found = oracle.score(detector, None, [], masks, np.array([False, True]), Path())
        assert np.allclose(found.maps, -finds_pixels)
        assert np.allclose(found.scores, [0, 1])
        assert found.threshold is None
        images, pixels = (
            [moment[f"{kind}_auroc"] for moment in found.moments] for kind in ("image", "pixel")
        )
        assert max(images) == 1 and len(images) == len(pixels) == 2
        assert images.index(1) != pixels.index(max(pixels))


def test_with_the_test_sets_maxima_an_images_map_depends_on_the_others(run):
    clean, oracle = run(), run(maxima="test")
    assert not np.array_equal(clean.maps, oracle.maps)
    images = EncodedImages(oracle.images, tuple(oracle.detector.encoder(oracle.images)))
    likelihoods = oracle.detector.log_likelihoods(images)
    maxima = [level.max() for level in likelihoods]
    assert np.allclose(oracle.maps, anomaly_maps(likelihoods, maxima, 64), atol=1e-4)
    assert oracle.threshold != clean.threshold


def test_known_anomalies_are_tested_only_where_asked_for(run):
    clean, leaky = run(), run(test_known=True)
    known = set(clean.split.known)
    assert leaky.split.known == clean.split.known
    assert not known & {s.name for s in clean.samples}
    for test_set in ("common", "paper"):
        names = getattr(clean.split, f"{test_set}_test")
        assert set(getattr(leaky.split, f"{test_set}_test")) == {*names, *known}
    assert leaky.split.sha256 != clean.split.sha256
    both = [i for i, s in enumerate(leaky.samples) if s.name not in known]
    assert np.allclose(leaky.maps[both], clean.maps, atol=1e-5)


def test_without_known_anomalies_there_is_none_to_leave_in(run):
    category = load_category(run.root, "bottle")
    cell = Cell("synthetic", "bottle", "general", 0, 0, "tiny")
    contents = category.content_hashes()
    assert cell_split(cell, category, contents, test_known=True) == cell_split(
        cell, category, contents
    )


def test_too_few_steps_to_select_among_are_refused(tmp_path):
    images = EncodedImages(np.zeros((1, 64, 64, 3), np.uint8), ())
    with pytest.raises(InputError, match="at least as many steps"):
        Checkpoints(BGAD(**MODEL | {"steps": (25, 24, 25)}), images, images, tmp_path)


def test_other_methods_are_scored_by_the_protocol_alone():
    with pytest.raises(InputError, match="selection and maxima are those of likelihoods"):
        _ = Profile("x", "instant", evaluation=Evaluation(maxima="test")).parameters
