"""One cell: prepared, trained, scored, evaluated, stored."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.protocol.cells import Cell
from benchmark.protocol.intervention import Intervention, Scored, find_intervention
from benchmark.protocol.metrics import ImageState, State, figures
from benchmark.protocol.profiles import Profile
from benchmark.protocol.schema import TEST_SETS, Metrics, Result, Timings, TypeMetrics, Verdicts
from benchmark.protocol.splits import Split, cell_split, check_disjoint
from benchmark.results.provenance import begin, stamp
from benchmark.results.scores import scores_frame
from benchmark.results.store import Store, result_key
from benchmark.run.memory import PeakMemory, give_back, peak_resident_mb
from benchmark.run.progress import PHASES
from bgad.conformal import p_values, score_threshold
from bgad.data.folder import Category, Sample, load_category
from bgad.data.images import Size, as_shape, image_size
from bgad.data.truth import vanished
from bgad.detectors import resolve
from bgad.detectors.base import Detector
from bgad.errors import InputError
from bgad.features import EncodedImages, FeatureCache
from bgad.mapped import empty_on_disk
from bgad.metrics import PixelCurve, aupimo, auroc_interval, image_metrics, pixel_curve
from bgad.progress import tell

__all__ = ["CellRun", "run_cell"]

_FALSE_ALARMS = 0.05  # nominal rate of the stored verdicts


@dataclass(frozen=True)
class CellRun:
    """A finished cell with what a person wants to see of it.

    Attributes
    ----------
    result
        What the store holds.
    split
        Its split; `known` are the samples of the known anomalies.
    samples
        The N scored test images: those of both test sets.
    images, masks, maps
        uint8 (N, H, W, 3), bool (N, H, W), float32 (N, H, W), on disk.
    scores, labels, common
        float32, bool (anomalous) and bool (in the test set ``common``), each (N,).
    threshold
        Map value of the explicit boundary, None for a method without one.
    history
        Training curves, one dict of arrays a level.
    detector
        The fitted method.
    """

    result: Result
    split: Split
    known: tuple[Sample, ...]
    samples: tuple[Sample, ...]
    images: np.ndarray
    masks: np.ndarray
    maps: np.ndarray
    scores: np.ndarray
    labels: np.ndarray
    common: np.ndarray
    threshold: float | None
    history: list[dict[str, np.ndarray]]
    detector: Detector

    @property
    def cell(self) -> Cell:
        """Which cell this is."""
        return self.result.cell

    @property
    def score_threshold(self) -> float | None:
        """Score beyond which an image is rejected at the nominal rate; None if not calibrated."""
        calibration = self.detector.calibration_scores_ if self.detector else None
        with suppress(InputError):  # too few
            return None if calibration is None else score_threshold(calibration, _FALSE_ALARMS)
        return None


def run_cell(
    cell: Cell,
    data_root: str | Path,
    profile: Profile,
    store: Store,
    cache_dir: str | Path,
    device: str = "cpu",
    keep_maps: bool = False,
) -> CellRun:
    """Compute a cell, and store its result, or how it failed.

    Parameters
    ----------
    cell : Cell
    data_root : path
        Folder of the cell's data set.
    profile : Profile
    store : Store
        Receives what is kept beside the result, then the result.
    cache_dir : path
        Folder of the feature cache; during the run also of what is too large for memory.
    device : str
        Torch device.
    keep_maps : bool
        Keep the test images' maps, in 8 bits a pixel.

    Raises
    ------
    InputError
        Unusable data, a known anomaly in the test set, or weights that can't be had.
    """
    clock, cache_dir = _Clock(str(cell)), Path(cache_dir)
    with clock("features"):
        cache = FeatureCache(cache_dir / "features")
        task = _prepare(cell, data_root, profile, device, cache)
    give_back()
    with _recorded(store, task), PeakMemory() as memory:
        with clock("features"):
            if not profile.evaluation.test_known:
                check_disjoint(task.split, cache.pixel_hashes(task.category))
            encoded = cache.get(task.category, task.detector.encoder)
        with clock("train"):
            _fit(task, encoded, cache_dir)
        with clock("score"):
            scored = _score(task, encoded, cache_dir)
        with clock("metrics"):
            evaluated = _evaluate(task, scored)
        result = _store(store, task, scored, evaluated, clock, memory, keep_maps)
        images = empty_on_disk((len(task.tested), *encoded.images.shape[1:]), np.uint8, cache_dir)
        for image, row in zip(images, task.rows(task.tested), strict=True):
            image[:] = encoded.images[row]
    shutil.rmtree(_training_folder(task, cache_dir), ignore_errors=True)
    return CellRun(
        result,
        task.split,
        task.known,
        task.tested,
        images,
        scored.masks,
        scored.maps,
        scored.scores,
        scored.labels,
        task.common,
        scored.threshold,
        task.detector.history_,
        task.detector,
    )


@dataclass(frozen=True)
class _Task:
    """A cell with all that its computation starts from.

    Attributes
    ----------
    known, tested
        Samples of the known anomalies, and of the images of both test sets.
    common
        Which of the tested ones are in the test set ``common``.
    key
        Of the result.
    """

    cell: Cell
    profile: Profile
    category: Category
    split: Split
    intervention: Intervention
    detector: Detector
    known: tuple[Sample, ...]
    tested: tuple[Sample, ...]
    common: np.ndarray
    key: str
    device: str

    def rows(self, samples: tuple[Sample, ...]) -> list[int]:
        """Where the encoded category has samples."""
        places = {sample.name: i for i, sample in enumerate(self.category.samples)}
        return [places[sample.name] for sample in samples]


@dataclass(frozen=True)
class _Evaluated:
    """Figures of a cell: `report` as results have them, and the state behind them.

    Attributes
    ----------
    report
        Parts of a `Result`.
    curves
        By test set.
    overlaps
        AUPIMO of each test image.
    """

    report: dict[str, Any]
    curves: dict[str, PixelCurve]
    overlaps: np.ndarray


def _prepare(
    cell: Cell, data_root: str | Path, profile: Profile, device: str, cache: FeatureCache
) -> _Task:
    category = load_category(data_root, cell.category)
    contents = cache.pixel_hashes(category)
    split = cell_split(cell, category, contents, profile.evaluation.test_known)
    intervention = find_intervention(cell, profile.evaluation)
    detector = resolve(profile.method)(
        **intervention.parameters(profile.model),
        seed=cell.train_seed,
        augment_seed=cell.augment_seed,
        device=device,
    )
    by_name = {sample.name: sample for sample in category.samples}
    in_common, in_paper = set(split.common_test), set(split.paper_test)
    tested = tuple(s for s in category.test if s.name in in_common | in_paper)
    return _Task(
        cell,
        profile,
        category,
        split,
        intervention,
        detector,
        known=tuple(by_name[name] for name in split.known),
        tested=tested,
        common=np.array([sample.name in in_common for sample in tested], bool),
        key=result_key(
            profile.hash, split.sha256, category.fingerprint(), detector.encoder.weights_hash
        ),
        device=device,
    )


def _training_folder(task: _Task, cache_dir: Path) -> Path:
    """Where a training keeps what is to outlast an interruption, until the result is there."""
    return cache_dir / "training" / task.key


def _fit(task: _Task, encoded: EncodedImages, cache_dir: Path) -> None:
    """Train the detector; whatever is to happen during training is an option of its `fit`."""
    is_marked = any(sample.mask_paths for sample in task.known)
    masks = _truth(task.known, encoded.images.shape[1:3]) if is_marked else None
    train = slice(0, len(task.split.train_normal))
    normal, known = task.intervention.rows(train, task.rows(task.known))
    folder, options = _training_folder(task, cache_dir), {}
    tested = task.rows(task.tested)
    if hook := task.intervention.after_epoch(task.detector, encoded, normal, tested, folder):
        options["after_epoch"] = hook
    if task.detector.is_resumed:
        options["state"] = folder
    task.detector.fit(encoded[normal], encoded[known] if known else None, masks, **options)


def _score(task: _Task, encoded: EncodedImages, folder: Path) -> Scored:
    masks = _truth(task.tested, encoded.images.shape[1:3], folder)
    labels = np.array([sample.is_anomalous for sample in task.tested], bool)
    rows = task.rows(task.tested)
    return task.intervention.score(task.detector, encoded, rows, masks, labels, folder)


def _evaluate(task: _Task, scored: Scored) -> _Evaluated:
    parts = ("metrics", "intervals", "per_type", "false_alarms", "verdicts")
    report: dict[str, Any] = {part: {} for part in parts}
    curves, overlaps = {}, _overlaps(scored)
    thresholds = () if scored.threshold is None else (scored.threshold,)
    # `paper` holds all scored images: a smaller known set than the pool leaves more to test.
    members = {"common": task.common, "paper": np.ones(len(task.tested), bool)}
    for test_set in TEST_SETS:
        chosen = members[test_set]
        scores, labels = scored.scores[chosen], scored.labels[chosen]
        curve = pixel_curve(scored.maps, scored.masks, thresholds, np.flatnonzero(chosen))
        state = State(ImageState(scores, labels, overlaps[chosen]), curve, scored.threshold)
        curves[test_set] = curve
        report["metrics"][test_set] = Metrics(**figures(state))
        report["intervals"][test_set] = {"image_auroc": auroc_interval(scores, labels)}
        beyond = _beyond(scored)
        report["per_type"][test_set] = _per_type(task, scored, chosen, beyond)
        report["false_alarms"][test_set] = _share(beyond, chosen & ~scored.labels)
        report["verdicts"][test_set] = _verdicts(scores, labels, scored.calibration)
    return _Evaluated(report, curves, overlaps)


def _store(
    store: Store,
    task: _Task,
    scored: Scored,
    evaluated: _Evaluated,
    clock: "_Clock",
    memory: PeakMemory,
    keep_maps: bool,
) -> Result:
    cell, maxima = task.cell, np.array([image.max() for image in scored.maps], np.float32)
    curves = {
        f"{test_set}_{name}": array
        for test_set, curve in evaluated.curves.items()
        for name, array in curve.state().items()
    }
    table = scores_frame(
        task.tested,
        scored.labels,
        task.common,
        scored.scores,
        maxima,
        evaluated.overlaps,
        scored.calibration,
    )
    names = [sample.name for sample in task.tested]
    result = Result(
        key=task.key,
        cell=cell,
        counts=_counts(task, scored.masks.shape[1:]),
        split={"known": list(task.split.known), "sha256": task.split.sha256},
        data={"fingerprint": task.category.fingerprint()},
        config=task.profile.config,
        timings_s=Timings(**clock.seconds, total=clock.total()),
        peak_memory_mb=peak_resident_mb(),
        private_memory_mb=memory.megabytes,
        provenance=stamp(clock.started, task.device, task.detector.encoder.weights_hash),
        training={"moments": list(scored.moments)} if scored.moments else {},
        boundary_threshold=scored.threshold,
        curves_sha256=store.write_curves(cell, curves),
        scores_sha256=store.write_scores(cell, table),
        maps_sha256=store.write_maps(cell, names, scored.maps) if keep_maps else None,
        **evaluated.report,
    )
    store.write(result)
    return result


@contextmanager
def _recorded(store: Store, task: _Task) -> Iterator[None]:
    """Store how a cell failed, if it fails."""
    try:
        yield
    except Exception as error:
        with suppress(OSError):  # such as a full disk, which then is the cause
            store.record_failure(task.cell, task.key, f"{type(error).__name__}: {error}")
        raise


def _truth(samples: tuple[Sample, ...], size: Size, folder: Path | None = None) -> np.ndarray:
    """Masks of images, in memory or in a folder."""
    shape = len(samples), *as_shape(size)
    masks = np.zeros(shape, bool) if folder is None else empty_on_disk(shape, bool, folder)
    for mask, sample in zip(masks, samples, strict=True):
        if sample.mask_paths:  # no pixel figure is defined where there are labels alone
            mask[:] = sample.truth(size)
    return masks


def _overlaps(scored: Scored) -> np.ndarray:
    """AUPIMO of each image; undefined where images called normal have anomalous pixels."""
    if (scored.masks.any(axis=(1, 2)) & ~scored.labels).any():
        return np.full(len(scored.labels), np.nan)
    return aupimo(scored.maps, scored.masks, scored.labels).per_image


def _beyond(scored: Scored) -> np.ndarray | None:
    """Which images have a pixel beyond the explicit boundary; None without one."""
    if scored.threshold is None:
        return None
    return np.array([image.max() for image in scored.maps]) > scored.threshold


def _per_type(
    task: _Task, scored: Scored, chosen: np.ndarray, beyond: np.ndarray | None
) -> dict[str, TypeMetrics]:
    types = np.array([sample.type for sample in task.tested])
    report = {}
    for kind in sorted(set(types[chosen & scored.labels])):
        of_type = chosen & (types == kind)
        against = of_type | (chosen & ~scored.labels)
        report[kind] = TypeMetrics(
            n=of_type.sum(),
            image_auroc=image_metrics(scored.scores[against], scored.labels[against])[
                "image_auroc"
            ],
            recall=_share(beyond, of_type),
        )
    return report


def _share(beyond: np.ndarray | None, of: np.ndarray) -> float | None:
    """Share of images beyond the explicit boundary; None without a boundary, or without images."""
    return None if beyond is None or not of.any() else float(beyond[of].mean())


def _verdicts(
    scores: np.ndarray, labels: np.ndarray, calibration: np.ndarray | None
) -> Verdicts | None:
    """How images fare at the nominal rate; None where no score could be called anomalous."""
    if calibration is None or _FALSE_ALARMS * (len(calibration) + 1) < 1:
        return None
    rejected = p_values(np.asarray(calibration, scores.dtype), scores) <= _FALSE_ALARMS
    return Verdicts(
        rate=_FALSE_ALARMS,
        calibration=len(calibration),
        normal=(~labels).sum(),
        false_alarms=(rejected & ~labels).sum(),
        anomalous=labels.sum(),
        misses=(labels & ~rejected).sum(),
    )


def _counts(task: _Task, size: Size) -> dict[str, int]:
    without_truth = {sample.name for sample in vanished(task.tested, size)}
    anomalous = {sample.name for sample in task.category.anomalies}
    split = task.split
    height, width = image_size(task.tested[0].path)
    counts = {"train_normal": len(split.train_normal), "known_anomalies": len(split.known)}
    counts |= {"image_height": height, "image_width": width}  # of the first one
    for test_set in TEST_SETS:
        names = set(getattr(split, f"{test_set}_test"))
        counts[f"test_normal_{test_set}"] = len(names - anomalous)
        counts[f"test_anomalous_{test_set}"] = len(names & anomalous)
        counts[f"test_without_truth_{test_set}"] = len(names & without_truth)
    return counts


@dataclass
class _Clock:
    """Wall-clock seconds of named parts of what is computed; tells which begins."""

    what: str
    started: datetime = field(default_factory=begin)
    seconds: dict[str, float] = field(default_factory=dict)
    _start: float = field(default_factory=time.perf_counter)

    @contextmanager
    def __call__(self, part: str) -> Iterator[None]:
        tell("%s: %s", self.what, PHASES[part])
        start = time.perf_counter()
        yield
        self.seconds[part] = self.seconds.get(part, 0.0) + time.perf_counter() - start

    def total(self) -> float:
        return time.perf_counter() - self._start
