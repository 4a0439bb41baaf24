import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import roc_auc_score

from benchmark.protocol.cells import Cell
from benchmark.protocol.profiles import Profile
from benchmark.protocol.schema import Failure, Metrics
from benchmark.results.rescore import rescore
from benchmark.results.store import Store
from benchmark.run.experiment import CellRun, run_cell
from bgad.data.folder import load_category
from bgad.data.synthetic import generate
from bgad.errors import InputError
from bgad.metrics import aupimo

MODEL = {"image_size": 64, "steps": [3, 3, 3], "batch_positions": 16, "cut_paste": 4}
PROFILE = Profile("tiny", model=MODEL)
CELL = Cell("synthetic", "bottle", "general", 3, 0, "tiny")


@pytest.fixture(scope="module")
def data_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generate(tmp_path_factory.mktemp("data"), ["bottle"])


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="module")
def run(data_root: Path, cache: Path, store: Store) -> CellRun:
    return run_cell(CELL, data_root, PROFILE, store, cache)


def test_the_result_is_stored_as_returned(run: CellRun, store: Store):
    assert store.read(CELL) == run.result


def test_metrics_are_those_of_the_test_set_named(run: CellRun, data_root: Path):
    category = load_category(data_root, "bottle")
    masks = {s.name: s.truth(64) for s in category.samples}
    for test_set in ("common", "paper"):
        names = set(getattr(run.split, f"{test_set}_test"))
        rows = [i for i, sample in enumerate(run.samples) if sample.name in names]
        assert len(rows) == len(names)
        truth = np.stack([masks[run.samples[i].name] for i in rows])
        metrics = run.result.metrics[test_set]
        pixel = roc_auc_score(truth.ravel(), run.maps[rows].ravel())
        image = roc_auc_score(run.labels[rows], run.maps[rows].max(axis=(1, 2)))
        assert metrics.pixel_auroc == pytest.approx(pixel, abs=1e-9)
        assert metrics.image_auroc == pytest.approx(image, abs=1e-9)
        low, high = run.result.intervals[test_set]["image_auroc"]
        assert low <= metrics.image_auroc <= high


def test_recall_and_false_alarms_are_shares_of_images_beyond_the_boundary(run: CellRun):
    beyond = run.maps.max(axis=(1, 2)) > run.threshold
    types = np.array([sample.type for sample in run.samples])
    for test_set, members in {"common": run.common, "paper": np.ones(len(types), bool)}.items():
        normal = beyond[members & ~run.labels].mean()
        assert run.result.false_alarms[test_set] == pytest.approx(normal)
        for type_, figures in run.result.per_type[test_set].items():
            assert figures.n == (members & (types == type_)).sum()
            assert figures.recall == pytest.approx(beyond[members & (types == type_)].mean())


def test_no_known_anomaly_is_scored(run: CellRun):
    known = {sample.name for sample in run.known}
    assert len(known) == 3
    assert not known & {sample.name for sample in run.samples}


def test_counts_add_up(run: CellRun, data_root: Path):
    counts, category = run.result.counts, load_category(data_root, "bottle")
    assert counts["train_normal"] == len(category.train)
    assert counts["test_normal_paper"] == len(category.test_normals)
    assert counts["test_anomalous_paper"] + counts["known_anomalies"] == len(category.anomalies)
    assert counts["test_anomalous_common"] == len(category.anomalies) - 10


def test_the_same_cell_twice_gives_the_same_figures(run: CellRun, data_root: Path, tmp_path: Path):
    again = run_cell(CELL, data_root, PROFILE, Store(tmp_path / "results"), tmp_path / "cache")
    assert again.result.metrics == run.result.metrics
    assert again.result.curves_sha256 == run.result.curves_sha256
    assert np.array_equal(again.maps, run.maps)


def test_saved_curves_give_the_same_pixel_metrics(run: CellRun, store: Store):
    assert rescore(store, run.result).metrics == run.result.metrics


@pytest.mark.parametrize("trained", ["known", "normal"])
def test_a_copy_of_a_training_image_among_the_tested_is_caught_by_its_pixels(
    trained: str, run: CellRun, data_root: Path, tmp_path: Path
):
    leaky = tmp_path / "data"
    shutil.copytree(data_root, leaky)
    name = run.known[0].name if trained == "known" else "train/good/000.png"
    copy = leaky / "bottle/test/good/999.png"
    Image.open(leaky / "bottle" / name).save(copy, compress_level=1)
    assert copy.read_bytes() != (leaky / "bottle" / name).read_bytes()
    store = Store(tmp_path / "results")
    with pytest.raises(InputError, match=r"is also in the test set, as test/good/999\.png"):
        run_cell(CELL, leaky, PROFILE, store, tmp_path / "cache")
    assert not list(store.results())
    (failed,) = store.root.rglob("*.failed.json")
    failure = Failure.model_validate_json(failed.read_bytes())
    assert "also in the test set" in failure.error
    assert store.failure(failure.cell, failure.key) == failure


def test_each_images_scores_are_kept(run: CellRun, store: Store):
    scores = store.read_scores(run.result)
    tested, calibration = (scores[scores["role"] == role] for role in ("test", "calibration"))
    assert list(tested["name"]) == [sample.name for sample in run.samples]
    assert np.array_equal(tested["score"], run.scores)
    assert np.array_equal(tested["maximum"], run.maps.max(axis=(1, 2)))
    assert np.array_equal(tested["label"], run.labels)
    assert np.array_equal(tested["common"], run.common)
    overlaps = aupimo(run.maps, run.masks, run.labels).per_image
    assert np.array_equal(tested["aupimo"], overlaps, equal_nan=True)
    assert np.array_equal(calibration["score"], run.detector.calibration_scores_)


def test_verdicts_count_images_beyond_the_calibration_scores(run: CellRun):
    m = len(run.detector.calibration_scores_)
    allowed = int(0.05 * (m + 1)) - 1  # so many calibration scores may be as high, or higher
    bar = np.sort(run.detector.calibration_scores_)[::-1][allowed]
    verdicts = run.result.verdicts["common"]
    called, labels = (run.scores > bar)[run.common], run.labels[run.common]
    assert (verdicts.calibration, verdicts.rate) == (m, 0.05)
    assert (verdicts.normal, verdicts.anomalous) == ((~labels).sum(), labels.sum())
    assert verdicts.false_alarms == (called & ~labels).sum()
    assert verdicts.misses == (labels & ~called).sum()


def test_a_newer_metric_is_filled_in_from_what_was_kept(run: CellRun, store: Store):
    older = {
        test_set: Metrics(**{k: v for k, v in figures if k not in ("aupimo", "image_f1_max")})
        for test_set, figures in run.result.metrics.items()
    }
    old = run.result.model_copy(update={"metrics": older})
    assert old.lacking == ("image_f1_max", "aupimo")
    assert rescore(store, old).metrics == run.result.metrics
    older_still = old.model_copy(update={"scores_sha256": None})
    assert rescore(store, older_still).lacking == ("image_f1_max", "aupimo")


def test_without_shots_no_anomaly_is_known(data_root: Path, cache: Path, tmp_path: Path):
    cell = Cell("synthetic", "bottle", "general", 0, 0, "tiny")
    result = run_cell(cell, data_root, PROFILE, Store(tmp_path), cache).result
    assert result.counts["known_anomalies"] == 0
    assert result.split.known == []


def test_a_full_disk_is_the_cause_that_is_told(run: CellRun, data_root: Path, tmp_path: Path):
    (tmp_path / "cache").write_text("a file where a folder should be")
    store = Store(tmp_path / "results")
    with pytest.raises(OSError, match="cache"):
        run_cell(CELL, data_root, PROFILE, store, tmp_path / "cache")
    assert "cache" in store.failure(CELL, run.result.key).error
    assert not list(store.results())
