"""Results as data frames, and their summaries over seeds."""

import math
from collections.abc import Iterable, Mapping
from datetime import timezone
from functools import cache
from typing import Any

import pandas as pd

from benchmark.protocol.catalogue import profile_names
from benchmark.protocol.metrics import METRICS
from benchmark.protocol.profiles import load_profile
from benchmark.protocol.schema import TEST_SETS, Result
from benchmark.results.stale import split_stale, warn_of
from bgad.data.images import as_shape

__all__ = [
    "AVERAGE",
    "column",
    "grid_cells",
    "results_frame",
    "summarise",
    "types_frame",
]

AVERAGE = ""
"""`category` of a summary over categories: no folder can have this name."""

_CELL = ["dataset", "category", "setting", "known_type", "control", "shots", "seed", "profile"]
_FACTS = [
    "method",
    "study",
    "caveat",
    "backbone",
    "image_size",
    "oracle",
    "apart",
    "split_seed",
    "train_seed",
    "augment_seed",
    "profile_hash",
    "split_sha256",
    "fingerprint",
    "features_s",
    "train_s",
    "score_s",
    "metrics_s",
    "seconds",
    "started",
    "finished",
    "processor",
    "memory_mb",
    "train_normal",
    "test_normal",
    "test_anomalous",
    "without_truth",
    "height",
    "width",
    "lacking",
    "steps",
    "moments",
    "vectors",
    "learning_rate",
    "false_alarms",
    "image_auroc_interval",
    "verdicts",
    "per_type",
]
_ROW = ["dataset", "setting", "shots", "profile"]


def column(metric: str, test_set: str = "common") -> str:
    """Name of the column that holds a metric on a test set in a `results_frame`."""
    return f"{test_set}/{metric}"


_FIGURES = [column(metric, test_set) for test_set in TEST_SETS for metric in METRICS]


def results_frame(results: Iterable[Result | Mapping[str, Any]]) -> pd.DataFrame:
    """Put results into a data frame, one row a cell.

    Parameters
    ----------
    results
        From `benchmark.results.store.load_all`, or the parsed JSON of cells; failed ones are left
        out, and stale ones (`benchmark.results.stale`) with a warning.

    Returns
    -------
    DataFrame
        ``dataset, category, setting, known_type, control, shots, seed, profile`` of the cell; a
        column for each metric and test set (see `column`), NaN where undefined; ``method, study,
        caveat, backbone, image_size`` of the profile, and ``oracle`` (whether it departs from the
        protocol); ``apart`` (whether ``split_seed``, ``train_seed`` or ``augment_seed`` is not
        `seed`); ``profile_hash, split_sha256, fingerprint``; ``features_s, train_s, score_s,
        metrics_s`` and their sum ``seconds``; ``started`` and ``finished`` (timestamps)
        on a ``processor``; ``memory_mb`` (`Result.private_memory_mb`, NaN in older ones);
        ``train_normal, test_normal, test_anomalous`` (numbers of images, the latter of ``common``)
        and ``without_truth`` (those of the anomalous ones whose truth has no pixel at the model's
        size; NaN in older ones); ``height, width`` (of the first tested image's file, in pixels;
        NaN in older ones); ``lacking`` (`Result.lacking`); ``steps, learning_rate`` (of the
        profile, None where the method has none); ``moments`` (of training, a list of dicts of
        figures and, of the published training, the ``vectors`` until then; empty for most
        profiles); ``vectors`` (features in all steps of a flow's training, repetitions counted,
        NaN for others); ``false_alarms`` (on ``common``, NaN where undefined and in older ones);
        ``image_auroc_interval`` (95 %, over test images, or None); ``verdicts`` (`Verdicts` on
        ``common``, or None); ``per_type`` (a dict: anomaly type -> its `TypeMetrics` on
        ``common``; see `types_frame`).

    Raises
    ------
    pydantic.ValidationError
        If a mapping is no result.
    """
    finished = (
        Result.model_validate(entry)
        for entry in results
        if not (isinstance(entry, Mapping) and entry.get("status") == "failed")
    )
    current, stale = split_stale(finished)
    warn_of(stale)
    frame = pd.DataFrame(
        [_flat(result) for result in current],
        columns=[*_CELL, *_FIGURES, *_FACTS],
    )
    return frame.astype(dict.fromkeys(_FIGURES, float) | {"oracle": bool, "apart": bool})


def types_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """Put the figures of anomaly types into a data frame, one row for each cell and type.

    Parameters
    ----------
    frame
        See `results_frame`.

    Returns
    -------
    DataFrame
        The cell's columns; ``type``; ``n`` (its tested images), ``image_auroc`` (against all normal
        test images) and ``recall`` (at the explicit boundary) on ``common``, NaN where undefined.
    """
    rows = [
        {name: getattr(row, name) for name in _CELL} | {"type": type_} | dict(figures)
        for row in frame.itertuples()
        for type_, figures in row.per_type.items()
    ]
    figures = ["image_auroc", "recall"]
    types = pd.DataFrame(rows, columns=[*_CELL, "type", "n", *figures])
    return types.astype(dict.fromkeys(figures, float))


def grid_cells(frame: pd.DataFrame, dataset: str | None = None) -> pd.DataFrame:
    """Cells of the main tables: of no study, no control, and with all their seeds the same.

    Parameters
    ----------
    frame
        See `results_frame`.
    dataset
        Take only this one's.
    """
    kept = frame[frame["study"].isna() & frame["control"].isna() & ~frame["apart"]]
    return kept if dataset is None else kept[kept["dataset"] == dataset]


def summarise(frame: pd.DataFrame, metric: str, test_set: str = "common") -> pd.DataFrame:
    """Summarise a metric over seeds, for each category and for their average.

    A seed counts for a category of the setting ``hard`` if all known types that the category has
    in this row have it, and for the average if all categories that the row has have it: every
    mean is taken over the same things. A mean over anything undefined is undefined: nothing is
    dropped silently. Results that are older than the metric do not count.

    Parameters
    ----------
    frame
        See `results_frame`; usually its `grid_cells`.
    metric, test_set
        See `benchmark.protocol.schema`.

    Returns
    -------
    DataFrame
        ``dataset, setting, shots, profile, category`` (`AVERAGE` for the average), ``mean``,
        ``std`` (ddof = 1; NaN with one seed), ``n`` (seeds), ``parts`` (of a category its known
        types, 0 in the setting ``general``; of an average its categories).
    """
    cells = frame[_CELL].assign(value=frame[column(metric, test_set)])
    of_category = cells.groupby([*_ROW, "category"])["known_type"]
    types, categories = of_category.nunique(dropna=False), cells.groupby(_ROW)["category"].nunique()
    known = cells[pd.Series([metric not in names for names in frame["lacking"]], cells.index, bool)]
    by_category = _over_seeds(known, types).assign(parts=of_category.nunique())
    averages = _over_seeds(_complete(known, types), categories)
    averages = averages.assign(parts=categories, category=AVERAGE)
    summary = pd.concat([by_category.reset_index(), averages.reset_index()], ignore_index=True)
    return summary[[*_ROW, "category", "mean", "std", "n", "parts"]]


def _flat(result: Result) -> dict[str, Any]:
    cell, config, counts = result.cell, result.config, result.counts
    memory, alarms = result.private_memory_mb, result.false_alarms.get("common")
    row = {name: getattr(cell, name) for name in _CELL}
    for test_set, metrics in result.metrics.items():
        row |= {column(metric, test_set): value for metric, value in metrics}
    return row | {
        "method": config.method,
        "study": config.study,
        "caveat": _caveat(result),
        "backbone": config.parameters.get("backbone"),
        "image_size": _size(config.parameters.get("image_size")),
        "oracle": bool(config.evaluation),
        "apart": bool(cell.seeds_apart),
        "split_seed": cell.split_seed,
        "train_seed": cell.train_seed,
        "augment_seed": cell.augment_seed,
        "profile_hash": config.profile_hash,
        "split_sha256": result.split.sha256,
        "fingerprint": result.data.fingerprint,
        **{f"{part}_s": seconds for part, seconds in result.timings_s if part != "total"},
        "seconds": result.timings_s.total,
        "started": result.provenance.started.astimezone(timezone.utc),
        "finished": result.provenance.finished.astimezone(timezone.utc),
        "processor": result.provenance.cpu,
        "memory_mb": math.nan if memory is None else memory,
        "train_normal": counts.get("train_normal", math.nan),
        "test_normal": counts.get("test_normal_common", math.nan),
        "test_anomalous": counts.get("test_anomalous_common", math.nan),
        "without_truth": counts.get("test_without_truth_common", math.nan),
        "height": counts.get("image_height", math.nan),
        "width": counts.get("image_width", math.nan),
        "lacking": result.lacking,
        "steps": config.parameters.get("steps"),
        **_training(result),
        "learning_rate": config.parameters.get("learning_rate"),
        "false_alarms": math.nan if alarms is None else alarms,
        "image_auroc_interval": result.intervals.get("common", {}).get("image_auroc"),
        "verdicts": result.verdicts.get("common"),
        "per_type": result.per_type.get("common", {}),
    }


def _caveat(result: Result) -> str | None:
    """What its profile says of itself; as it says now, if it is the same: results may be older."""
    now, caveat = _shipped(result.cell.profile)
    return caveat if result.config.profile_hash == now else result.config.caveat


@cache
def _shipped(name: str) -> tuple[str | None, str | None]:
    """Hash and caveat of a profile that comes with the suite and has one."""
    profile = load_profile(name) if name in profile_names() else None
    return (profile.hash, profile.caveat) if profile and profile.caveat else (None, None)


def _strict(figures: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Mean, std and number of values of each group; NaN where any value is."""
    groups = figures.groupby(by)["value"].agg(["mean", "std", "size", "count"])
    statistics = groups[["mean", "std"]].where(groups["size"] == groups["count"])
    return statistics.assign(n=groups["size"])


def _complete(figures: pd.DataFrame, parts: pd.Series) -> pd.DataFrame:
    """Mean over the parts of each group, for each seed that has all of them."""
    by_seed = _strict(figures, [*parts.index.names, "seed"]).reset_index("seed")
    by_seed = by_seed[by_seed["n"] == parts.reindex(by_seed.index)]
    return by_seed.rename(columns={"mean": "value"})[["seed", "value"]].reset_index()


def _over_seeds(figures: pd.DataFrame, parts: pd.Series) -> pd.DataFrame:
    """Summarise `_complete` over seeds; groups without a complete seed have n = 0."""
    summary = _strict(_complete(figures, parts), list(parts.index.names)).reindex(parts.index)
    return summary.fillna({"n": 0}).astype({"n": int})


def _size(size: int | list[int] | None) -> int | str | None:
    """Side of a square, or height and width, as a table shows it."""
    return " x ".join(map(str, size)) if isinstance(size, list | tuple) else size


def _training(result: Result) -> dict[str, Any]:
    """Feature vectors in a flow's training, repetitions counted, and the moments that were kept."""
    parameters, counts = result.config.parameters, result.counts
    moments = result.training.get("moments", [])
    if result.config.method == "bgad":
        per_step = parameters["batch_images"] * parameters["batch_positions"]
        return {"moments": moments, "vectors": float(sum(parameters["steps"]) * per_step)}
    if result.config.method == "bgad_published":
        from bgad.published import PublishedTraining  # needs torch

        names = PublishedTraining.__dataclass_fields__
        training = PublishedTraining(**{name: parameters[name] for name in names})
        shape = as_shape(parameters["image_size"])
        trained = training.vectors(counts["train_normal"], counts["known_anomalies"], shape)
        # A profile of one's own that reports the last step keeps none.
        moments = [m | {"vectors": n} for m, n in zip(moments, trained, strict=False)]
        return {"moments": moments, "vectors": float(trained[-1])}
    return {"moments": moments, "vectors": math.nan}
