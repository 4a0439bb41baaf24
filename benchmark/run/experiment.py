"""One cell: split, features, training, scores, metrics, result."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.protocol.cells import Cell
from benchmark.protocol.controls import spoil_model, spoil_scores, spoil_training
from benchmark.protocol.fidelity import Checkpoints, oracle
from benchmark.protocol.profiles import Profile
from benchmark.protocol.schema import METRICS, TEST_SETS, Metrics, Result, Timings, TypeMetrics
from benchmark.protocol.splits import Split, cell_split, check_disjoint
from benchmark.results.provenance import begin, stamp
from benchmark.results.store import Store, result_key
from benchmark.run.memory import PeakMemory, give_back, peak_resident_mb
from bgad.data.folder import Category, Sample, load_category
from bgad.detectors import resolve
from bgad.detectors.base import Detector
from bgad.features import EncodedImages, FeatureCache
from bgad.mapped import empty_on_disk
from bgad.metrics import PixelCurve, auroc_interval, image_metrics, pixel_curve, pixel_metrics

__all__ = ["CellRun", "run_cell"]

_SCORED = 64  # images at a time: a multiple of all methods' own batches, so that nothing changes


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


def run_cell(
    cell: Cell,
    data_root: str | Path,
    profile: Profile,
    store: Store,
    cache_dir: str | Path,
    device: str = "cpu",
) -> CellRun:
    """Compute a cell, and store its result, or how it failed.

    Parameters
    ----------
    cell : Cell
    data_root : path
        Folder of the cell's data set.
    profile : Profile
    store : Store
        Receives the state behind the pixel metrics, then the result.
    cache_dir : path
        Folder of the feature cache; during the run also of what is too large for memory.
    device : str
        Torch device.

    Raises
    ------
    InputError
        Unusable data, a known anomaly in the test set, or weights that can't be had.
    """
    category = load_category(data_root, cell.category)
    split = cell_split(cell, category, profile.evaluation.test_known)
    key, cache_dir = result_key(profile.hash, split.sha256, category.fingerprint()), Path(cache_dir)
    give_back()
    with _recorded(store, cell, key), PeakMemory() as memory:
        started, clock, evaluation = begin(), _Clock(), profile.evaluation
        if not evaluation.test_known:
            check_disjoint(split, category.content_hashes())
        detector = resolve(profile.method)(
            **spoil_model(cell, profile.model),
            seed=cell.train_seed,
            augment_seed=cell.augment_seed,
            device=device,
        )
        with clock("features"):
            encoded = FeatureCache(cache_dir / "features").get(category, detector.encoder)
        train, known, test = _select(category, split)
        samples, side = tuple(category.samples[i] for i in test), encoded.images.shape[1]
        with clock("train"):
            masks = _masks([category.samples[i] for i in known], side) if known else None
            normal, trained = spoil_training(cell, train, known)
            anomalous = encoded[trained] if known else None
            select = evaluation.selection == "best_on_test"
            checkpoints = Checkpoints(detector, encoded[normal], encoded[test]) if select else None
            options = {"after_step": checkpoints} if select else {}
            detector.fit(encoded[normal], anomalous, masks, **options)
        images = empty_on_disk((len(test), side, side, 3), np.uint8, cache_dir)
        for image, row in zip(images, test, strict=True):
            image[:] = encoded.images[row]
        run = {
            "masks": _masks(samples, side, cache_dir),
            "labels": np.array([sample.is_anomalous for sample in samples]),
            "common": np.isin([s.name for s in samples], split.common_test),
        }
        with clock("score"):
            if evaluation.needs_bgad:
                truth = run["masks"], run["labels"]
                run |= oracle(evaluation, detector, encoded[test], checkpoints, *truth)
            else:
                run |= _score(detector, encoded, test, cache_dir)
            run = spoil_scores(cell, run)
        with clock("metrics"):
            evaluated = _evaluate(samples, **run)
        curves = {
            f"{test_set}_{name}": array
            for test_set, curve in evaluated.pop("curves").items()
            for name, array in curve.state().items()
        }
        history = detector.history_
        result = Result(
            key=key,
            cell=cell,
            counts=_counts(split, category),
            split={"known": list(split.known), "sha256": split.sha256},
            data={"fingerprint": category.fingerprint()},
            config=profile.config,
            timings_s=Timings(**clock.seconds, total=clock.total()),
            peak_memory_mb=peak_resident_mb(),
            private_memory_mb=memory.megabytes,
            provenance=stamp(started, device),
            boundary_threshold=run["threshold"],
            curves_sha256=store.write_curves(cell, curves),
            **evaluated,
        )
        store.write(result)
        known_samples = tuple(category.samples[i] for i in known)
        return CellRun(
            result,
            split,
            known_samples,
            samples,
            images,
            history=history,
            detector=detector,
            **run,
        )


def _score(
    detector: Detector, encoded: EncodedImages, test: list[int], folder: Path
) -> dict[str, Any]:
    """Maps, on disk, and scores of test images, some at a time: memory does not grow with them."""
    side = encoded.images.shape[1]
    maps = empty_on_disk((len(test), side, side), np.float32, folder)
    scores = np.empty(len(test), np.float32)
    for start in range(0, len(test), _SCORED):
        part = slice(start, start + _SCORED)
        maps[part], scores[part] = detector.maps_and_scores(encoded[test[part]])
    return {"maps": maps, "scores": scores, "threshold": detector.boundary_threshold_}


@contextmanager
def _recorded(store: Store, cell: Cell, key: str) -> Iterator[None]:
    """Store how a cell failed, if it fails."""
    try:
        yield
    except Exception as error:
        with suppress(OSError):  # such as a full disk, which then is the cause
            store.record_failure(cell, key, f"{type(error).__name__}: {error}")
        raise


def _select(category: Category, split: Split) -> tuple[slice, list[int], list[int]]:
    """Rows of the encoded category: training normals, known anomalies, all scored images."""
    row = {sample.name: i for i, sample in enumerate(category.samples)}
    tested = set(split.common_test) | set(split.paper_test)
    return (
        slice(0, len(split.train_normal)),
        [row[name] for name in split.known],
        sorted(row[name] for name in tested),
    )


def _masks(
    samples: list[Sample] | tuple[Sample, ...], size: int, folder: Path | None = None
) -> np.ndarray:
    """Masks of images, in memory or in a folder."""
    shape = len(samples), size, size
    masks = np.zeros(shape, bool) if folder is None else empty_on_disk(shape, bool, folder)
    for mask, sample in zip(masks, samples, strict=True):
        if sample.mask_paths:  # no pixel figure is defined where there are labels alone
            mask[:] = sample.truth(size)
    return masks


def _evaluate(
    samples: tuple[Sample, ...],
    maps: np.ndarray,
    masks: np.ndarray,
    scores: np.ndarray,
    labels: np.ndarray,
    common: np.ndarray,
    threshold: float | None,
) -> dict[str, Any]:
    types = np.array([sample.type for sample in samples])
    # `paper` holds all scored images: a smaller known set than the pool leaves more to test.
    members = {"common": common, "paper": np.ones(len(samples), bool)}
    beyond = None if threshold is None else np.array([m.max() for m in maps]) > threshold
    parts = ("metrics", "intervals", "per_type", "false_alarms", "curves")
    report: dict[str, Any] = {part: {} for part in parts}
    for test_set in TEST_SETS:
        chosen = members[test_set]
        s, y, t = scores[chosen], labels[chosen], types[chosen]
        curve = _pixel_curve(maps, masks, chosen, threshold)
        report["curves"][test_set] = curve
        figures = image_metrics(s, y) | pixel_metrics(curve, threshold)
        report["metrics"][test_set] = Metrics(**{name: figures[name] for name in METRICS})
        report["intervals"][test_set] = {"image_auroc": auroc_interval(s, y)}
        report["per_type"][test_set] = {
            kind: TypeMetrics(
                n=(t == kind).sum(),
                image_auroc=image_metrics(*_against_normals(s, y, t == kind))["image_auroc"],
                recall=_share(beyond, chosen & (types == kind)),
            )
            for kind in sorted(set(t[y]))
        }
        report["false_alarms"][test_set] = _share(beyond, chosen & ~labels)
    return report


def _pixel_curve(
    maps: np.ndarray, masks: np.ndarray, chosen: np.ndarray, threshold: float | None
) -> PixelCurve:
    thresholds = () if threshold is None else (threshold,)
    return pixel_curve(maps, masks, thresholds, np.flatnonzero(chosen))


def _against_normals(
    scores: np.ndarray, labels: np.ndarray, of_type: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    against = of_type | ~labels
    return scores[against], labels[against]


def _share(beyond: np.ndarray | None, of: np.ndarray) -> float | None:
    """Share of images beyond the explicit boundary; None without a boundary, or without images."""
    return None if beyond is None or not of.any() else float(beyond[of].mean())


def _counts(split: Split, category: Category) -> dict[str, int]:
    anomalous = {sample.name for sample in category.anomalies}
    counts = {"train_normal": len(split.train_normal), "known_anomalies": len(split.known)}
    for test_set in TEST_SETS:
        names = getattr(split, f"{test_set}_test")
        counts[f"test_normal_{test_set}"] = sum(name not in anomalous for name in names)
        counts[f"test_anomalous_{test_set}"] = sum(name in anomalous for name in names)
    return counts


class _Clock:
    """Wall-clock seconds of named parts."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._start = time.perf_counter()

    @contextmanager
    def __call__(self, part: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[part] = time.perf_counter() - start

    def total(self) -> float:
        return time.perf_counter() - self._start
