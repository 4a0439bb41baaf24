"""Stored cells, image by image: at which threshold what is found, what is missed, and why.

Nothing is trained: scores and maps are those that a cell kept, maps of a saved model are made when
they are asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.colors import Normalize, TwoSlopeNorm

from benchmark.paths import cache_dir
from benchmark.protocol.schema import Result
from benchmark.results.locate import locate
from benchmark.results.pairs import differences, disagreements
from benchmark.results.scores import tested
from benchmark.results.store import Store
from benchmark.show.labels import dataset_label
from benchmark.show.layers import Layers, layers, svg
from bgad import load
from bgad.conformal import score_threshold
from bgad.data.folder import Sample, load_category
from bgad.data.images import read_image
from bgad.data.registry import find_dataset
from bgad.data.synthetic import ensure
from bgad.detectors.base import Detector
from bgad.errors import InputError
from bgad.metrics import pixel_curve

__all__ = [
    "Counts",
    "Stored",
    "choose",
    "counterpart",
    "describe",
    "difference_table",
    "disagreement_table",
    "falsely_alarmed",
    "find_stored",
    "missed",
    "pictures",
    "thresholds_table",
    "worst_of_types",
]

CALIBRATED, EXPLICIT, ORACLE = (
    "5 % false alarms, calibrated",
    "explicit boundary",
    "best F1 on test",
)


@dataclass(frozen=True)
class Counts:
    """How images fare where those above a threshold are called defective."""

    found: int
    missed: int
    false_alarms: int
    passed: int

    @classmethod
    def at(cls, scores: pd.DataFrame, threshold: float) -> Counts:
        """Count the images of a table of scores (`Stored.scores`)."""
        above, label = scores["score"] > threshold, scores["label"]
        pairs = ((above, label), (~above, label), (above, ~label), (~above, ~label))
        return cls(*(int((x & y).sum()) for x, y in pairs))

    def shares(self) -> dict[str, float]:
        """Precision, recall and false-alarm rate; NaN where undefined."""
        return {
            "precision": _ratio(self.found, self.found + self.false_alarms),
            "recall": _ratio(self.found, self.found + self.missed),
            "false alarms": _ratio(self.false_alarms, self.false_alarms + self.passed),
        }


@dataclass(frozen=True)
class Stored:
    """A stored cell with what it kept of each image.

    Attributes
    ----------
    store, result
        Where it is.
    data_root
        Folder of its data set; None where it is not on this machine, so that no image is shown, and
        for the synthetic stand-in, which is drawn when needed.
    model
        File of a saved detector that makes the maps which the cell has not kept.
    """

    store: Store
    result: Result
    data_root: Path | None = None
    model: Path | None = None

    @cached_property
    def scores(self) -> pd.DataFrame:
        """Scores of the test set ``common``, the highest first."""
        table = tested(self.store.read_scores(self.result))
        return table.sort_values("score", ascending=False, ignore_index=True)

    @cached_property
    def thresholds(self) -> dict[str, float]:
        """Scores that have a name; the last can only be known with test labels."""
        table, named = self.store.read_scores(self.result), {}
        calibration = table.loc[table["role"] == "calibration", "score"].to_numpy()
        with suppress(InputError):  # too few
            named[CALIBRATED] = score_threshold(calibration)
        scores, maxima = (self.scores[name].to_numpy() for name in ("score", "maximum"))
        if self.result.boundary_threshold is not None and np.allclose(scores, maxima, rtol=1e-6):
            named[EXPLICIT] = self.result.boundary_threshold
        labels = self.scores["label"].to_numpy()
        if labels.any():
            curve = pixel_curve(scores.reshape(-1, 1, 1), labels.reshape(-1, 1, 1))
            # From here to the next lower score all is the same; what equals it must be above it.
            best = curve.f1_max().threshold
            lower = scores[scores < best]
            named[ORACLE] = float(
                (best + lower.max()) / 2 if lower.size else np.nextafter(best, -np.inf)
            )
        return named

    def picture(self, name: str, threshold: float) -> Layers | None:
        """Layers of a test image; None where image or map can't be had."""
        if (map_ := self.map_of(name)) is None:
            return None
        sample = self._samples[name]
        size = map_.shape
        score = float(self.scores.loc[self.scores["name"] == name, "score"].iloc[0])
        return layers(
            np.asarray(read_image(sample.path, size)),
            sample.truth(size) if sample.mask_paths else np.zeros(size, bool),
            map_,
            threshold,
            self._scale,
            name,
            f"{name}, score {score:.3f}",
        )

    def map_of(self, name: str) -> np.ndarray | None:
        """Anomaly map of a test image: kept, or made by the saved model."""
        if self.why_no_picture():
            return None
        if self._kept is not None:
            return self._kept.get(name)
        if name not in self._made:
            self._made[name] = self._detector.anomaly_maps([self._samples[name].path])[0]
        return self._made[name]

    def why_no_picture(self) -> str:
        """What to do to see images and maps; nothing where they are there."""
        if self._kept is None and self.model is None:
            return (
                "its maps were not kept: run it with --keep-maps, or give a saved model in models"
            )
        if self.data_root is None and not find_dataset(self.result.cell.dataset).is_synthetic:
            return "where its images are is not known: give their folder in data_roots"
        return ""

    @cached_property
    def _made(self) -> dict[str, np.ndarray]:
        return {}

    @cached_property
    def _kept(self) -> dict[str, np.ndarray] | None:
        return None if self.result.maps_sha256 is None else self.store.read_maps(self.result)

    @cached_property
    def _detector(self) -> Detector:
        return load(self.model)

    @cached_property
    def _samples(self) -> dict[str, Sample]:
        folder = self.data_root or ensure(cache_dir())
        category = load_category(folder, self.result.cell.category)
        return {sample.name: sample for sample in category.test}

    @cached_property
    def _scale(self) -> Normalize:
        scores = self.scores
        middle = self.thresholds.get(CALIBRATED, self.result.boundary_threshold)
        low, high = float(scores["maximum"].min()), float(scores["maximum"].max())
        low -= high - low  # most pixels lie below the maxima of all images
        if middle is not None and low < middle < high:
            return TwoSlopeNorm(middle, low, high)
        return Normalize(low, high)


def find_stored(
    roots: Iterable[str | Path],
    data_roots: Mapping[str, str | Path] | None = None,
    models: Mapping[str, str | Path] | None = None,
) -> list[Stored]:
    """Find the cells below folders of results that kept their images' scores.

    Parameters
    ----------
    roots
        Folders of results; where two hold the same cell, the later one wins.
    data_roots
        Data set -> its folder; the synthetic stand-in's is known.
    models
        ``DATASET/CATEGORY`` -> file of a saved detector.
    """
    data_roots, models = dict(data_roots or {}), dict(models or {})
    found = []
    for store, result in locate(roots):
        cell = result.cell
        if result.scores_sha256 is not None and store.scores_path(cell).is_file():
            data = data_roots.get(cell.dataset)
            model = models.get(f"{cell.dataset}/{cell.category}")
            found.append(Stored(store, result, data and Path(data), model and Path(model)))
    return found


def missed(scores: pd.DataFrame, threshold: float) -> pd.DataFrame:
    """Defective images at or below a threshold, by file name."""
    return _named(scores[scores["label"] & ~(scores["score"] > threshold)])


def falsely_alarmed(scores: pd.DataFrame, threshold: float) -> pd.DataFrame:
    """Good images above a threshold, by file name."""
    return _named(scores[~scores["label"] & (scores["score"] > threshold)])


def worst_of_types(scores: pd.DataFrame) -> pd.DataFrame:
    """Of each anomaly type the image with the lowest score, of good ones that with the highest."""
    rows = [
        group.sort_values("score", kind="stable").iloc[0 if group["label"].iloc[0] else -1]
        for _, group in scores.groupby("type")
    ]
    return pd.DataFrame(rows)[["type", "name", "score"]].reset_index(drop=True)


def choose(
    stored: Sequence[Stored],
    dataset: str | None = None,
    category: str | None = None,
    profile: str | None = None,
    shots: int | None = None,
    seed: int | None = None,
) -> Stored:
    """Take the first cell that is asked for, those with pictures and with most shots first.

    Raises
    ------
    InputError
        If there is none.
    """
    wanted = {
        "dataset": dataset,
        "category": category,
        "profile": profile,
        "shots": shots,
        "seed": seed,
    }
    wanted = {name: value for name, value in wanted.items() if value is not None}
    found = [s for s in stored if all(getattr(s.result.cell, k) == v for k, v in wanted.items())]
    if not found:
        asked = ", ".join(f"{name} {value}" for name, value in wanted.items()) or "any cell"
        raise InputError(f"{asked}: no stored cell has kept its images' scores: run run_all.py")
    return min(found, key=lambda s: (bool(s.why_no_picture()), -s.result.cell.shots))


def counterpart(stored: Sequence[Stored], chosen: Stored) -> Stored | None:
    """Another cell of the same category: with other shots if there is one; None without any."""
    cell = chosen.result.cell
    others = [
        s
        for s in stored
        if s is not chosen
        and (s.result.cell.dataset, s.result.cell.category) == (cell.dataset, cell.category)
    ]
    return min(
        others,
        key=lambda s: (s.result.cell.profile != cell.profile, s.result.cell.shots == cell.shots),
        default=None,
    )


def describe(stored: Stored) -> str:
    """Which cell it is, for a person."""
    cell = stored.result.cell
    return f"{dataset_label(cell.dataset)}: {cell}, profile {cell.profile}"


def thresholds_table(stored: Stored) -> pd.DataFrame:
    """What becomes of the images at each threshold that has a name."""
    rows = {}
    for name, threshold in stored.thresholds.items():
        counts = Counts.at(stored.scores, threshold)
        rows[name] = {"threshold": threshold} | vars(counts) | counts.shares()
    return pd.DataFrame(rows).T.astype({name: int for name in Counts.__annotations__})


def difference_table(a: Stored, b: Stored) -> pd.DataFrame:
    """Image-AUC of two cells by type, see `benchmark.results.pairs.differences`."""
    return differences(a.scores, b.scores).set_index("type").round(3)


def disagreement_table(a: Stored, b: Stored, n: int = 20) -> pd.DataFrame:
    """Images on which two cells disagree most, see `benchmark.results.pairs.disagreements`."""
    return disagreements(a.scores, b.scores).head(n).round(3)


def pictures(stored: Stored, names: Iterable[str], threshold: float) -> str:
    """Images with truth and contour beside each other, as HTML; or why there are none."""
    if why := stored.why_no_picture():
        return f"<p>No pictures: {escape(why)}.</p>"
    figures = (
        f"<figure style='width:15rem;margin:0 1rem 1rem 0'>{svg(drawn)}"
        f"<figcaption>{escape(drawn.heading)}</figcaption></figure>"
        for name in names
        if (drawn := stored.picture(name, threshold)) is not None
    )
    return f"<div style='display:flex;flex-wrap:wrap'>{''.join(figures)}</div>"


def _named(scores: pd.DataFrame) -> pd.DataFrame:
    return scores.sort_values("name")[["name", "score"]].reset_index(drop=True)


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
