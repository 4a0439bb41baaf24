"""Results as data frames, summaries over seeds, and the tables that people read."""

import html
import math
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
from tabulate import tabulate

from benchmark.protocol.schema import METRICS, TEST_SETS, Result

__all__ = [
    "AVERAGE",
    "CATEGORIES",
    "HEADLINE",
    "LEGEND",
    "NOT_RUN",
    "NO_RUNS",
    "SHORT_TITLES",
    "TITLES",
    "UNDEFINED",
    "column",
    "dataset_label",
    "display_name",
    "escape",
    "format_score",
    "grid_cells",
    "markdown",
    "not_run",
    "ordered_categories",
    "results_frame",
    "score_table",
    "summarise",
    "synthetic_label",
    "to_markdown",
    "types_frame",
]

CATEGORIES = (
    "carpet",
    "grid",
    "leather",
    "tile",
    "wood",
    "bottle",
    "cable",
    "capsule",
    "hazelnut",
    "metal_nut",
    "pill",
    "screw",
    "toothbrush",
    "transistor",
    "zipper",
)
"""MVTec AD's categories in the order of the tables' columns; others follow by name."""

SHORT_TITLES = {
    "image_auroc": "image-AUC",
    "image_ap": "image-AP",
    "pixel_auroc": "pixel-AUC",
    "pixel_ap": "pixel-AP",
    "pixel_f1_max": "pixel-F1",
    "pixel_f1_boundary": "pixel-F1 at the explicit boundary",
    "aupro_30": "AUPRO",
}
"""Metric -> its name in a table."""

TITLES = {
    "image_auroc": "image-AUC (AUROC of the image scores)",
    "image_ap": "image-AP (average precision of the image scores)",
    "pixel_auroc": "pixel-AUC (AUROC of all pixels)",
    "pixel_ap": "pixel-AP (average precision of all pixels)",
    "pixel_f1_max": "pixel-F1 (F1-max: the threshold is chosen on the test set, an oracle)",
    "pixel_f1_boundary": "pixel-F1 at the explicit boundary (threshold from training normals)",
    "aupro_30": "AUPRO (per-region overlap up to a false-positive rate of 0.3)",
}
"""Metric -> heading of its table."""

HEADLINE = ("image_auroc", "pixel_auroc", "pixel_f1_max")
"""The three tables of the README."""

AVERAGE = ""
"""`category` of a summary over categories: no folder can have this name."""

NOT_RUN, UNDEFINED, NO_RUNS = "\N{EN DASH}", "n/d", "No runs yet."

LEGEND = (
    "Mean ± standard deviation over seeds (ddof = 1), whose number is in the column *Seeds*; where "
    "a figure rests on another number of seeds, it says n. The average is taken over the "
    "categories that the row has, for each seed that all of them have, and its deviation is that "
    "of these averages. *hard*: mean over the known types, as many as stated. "
    f"{NOT_RUN} was not run (an average: its categories share no seed); {UNDEFINED} is undefined."
)
"""What a reader must know of every table that `score_table` makes."""

_CELL = ["dataset", "category", "setting", "known_type", "control", "shots", "seed", "profile"]
_FACTS = [
    "method",
    "study",
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
    "memory_mb",
    "false_alarms",
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
        out.

    Returns
    -------
    DataFrame
        ``dataset, category, setting, known_type, control, shots, seed, profile`` of the cell; a
        column for each metric and test set (see `column`), NaN where undefined; ``method, study,
        backbone, image_size`` of the profile, and ``oracle`` (whether it departs from the
        protocol); ``apart`` (whether ``split_seed``, ``train_seed`` or ``augment_seed`` is not
        `seed`); ``profile_hash, split_sha256, fingerprint``; ``features_s, train_s, score_s,
        metrics_s`` and their sum ``seconds``; ``started`` and ``finished`` (timestamps);
        ``memory_mb`` (`Result.private_memory_mb`, NaN in older ones); ``false_alarms`` (on
        ``common``, NaN where undefined and in older ones); ``per_type`` (a dict: anomaly type ->
        its `TypeMetrics` on ``common``; see `types_frame`).

    Raises
    ------
    pydantic.ValidationError
        If a mapping is no result.
    """
    entries = (
        entry
        for entry in results
        if not (isinstance(entry, Mapping) and entry.get("status") == "failed")
    )
    frame = pd.DataFrame(
        [_flat(Result.model_validate(entry)) for entry in entries],
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
    dropped silently.

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
    by_category = _over_seeds(cells, types).assign(parts=of_category.nunique())
    averages = _over_seeds(_complete(cells, types), categories)
    averages = averages.assign(parts=categories, category=AVERAGE)
    summary = pd.concat([by_category.reset_index(), averages.reset_index()], ignore_index=True)
    return summary[[*_ROW, "category", "mean", "std", "n", "parts"]]


def format_score(mean: float, std: float, n: int) -> str:
    """Write mean and standard deviation over `n` seeds; without deviation for a single one."""
    if n == 0:
        return NOT_RUN
    if pd.isna(mean):
        return UNDEFINED
    return f"{mean:.3f}" if n == 1 else f"{mean:.3f} ± {std:.3f}"


def score_table(
    frame: pd.DataFrame, dataset: str, metric: str, test_set: str = "common"
) -> pd.DataFrame:
    """Table of one metric on one data set, as a person reads it (see `LEGEND`).

    Parameters
    ----------
    frame
        See `results_frame`.
    dataset, metric, test_set
        What the table is about.

    Returns
    -------
    DataFrame of str
        A row for each setting, number of shots and profile; the average first, then the
        categories that have a cell.
    """
    summary = summarise(grid_cells(frame, dataset), metric, test_set)
    sizes = summary.loc[summary["category"] == AVERAGE, "parts"].unique()
    average = f"Average (mean of {sizes[0]})" if len(sizes) == 1 else "Average"
    categories = ordered_categories(set(summary["category"]) - {AVERAGE})
    rows = []
    for (setting, shots, profile), group in summary.groupby(["setting", "shots", "profile"]):
        entries = {entry.category: entry for entry in group.itertuples()}
        seeds = max(entry.n for entry in entries.values())
        rows.append([setting, str(shots), profile, str(seeds)])
        rows[-1].append(_entry(entries[AVERAGE], seeds, "" if len(sizes) == 1 else "mean of {}"))
        rows[-1] += [_entry(entries.get(name), seeds, "types: {}") for name in categories]
    names = [display_name(category) for category in categories]
    return pd.DataFrame(rows, columns=["Setting", "Shots", "Profile", "Seeds", average, *names])


def markdown(
    frame: pd.DataFrame,
    dataset: str,
    metrics: Iterable[str] = HEADLINE,
    test_set: str = "common",
) -> str:
    """Tables of a data set in Markdown, with what stands behind them.

    Parameters
    ----------
    frame
        See `results_frame`.
    dataset, metrics, test_set
        What the tables are about.
    """
    cells = grid_cells(frame, dataset)
    if cells.empty:
        return NO_RUNS
    label = synthetic_label(dataset)
    runs = (
        f"{len(cells)} runs stand behind these tables: test set `{test_set}`, "
        f"{_count(cells['category'], 'category', 'categories')}, "
        f"{_count(cells['profile'], 'profile', 'profiles')}, "
        f"{_count(cells['seed'], 'seed', 'seeds')}."
    )
    tables = [
        f"**{TITLES[metric]}**{label}\n\n"
        f"{to_markdown(score_table(frame, dataset, metric, test_set))}"
        for metric in metrics
    ]
    return "\n\n".join([runs, *tables, *_not_run(cells), LEGEND])


def to_markdown(table: pd.DataFrame) -> str:
    """Write a table of texts in Markdown; texts that contain markup are shown, not obeyed."""
    cells = [[escape(value) for value in row] for row in table.itertuples(index=False)]
    return tabulate(cells, [escape(name) for name in table], "pipe", disable_numparse=True)


def ordered_categories(names: Iterable[str]) -> tuple[str, ...]:
    """Order categories as the tables' columns: as in `CATEGORIES`, then the others by name."""
    places = {name: place for place, name in enumerate(CATEGORIES)}
    return tuple(sorted(set(names), key=lambda name: (places.get(name, len(places)), name)))


def dataset_label(dataset: str) -> str:
    """Name of a data set for a person: drawn pictures are never taken for photographs."""
    return {"synthetic": "synthetic stand-in", "mvtec_ad": "MVTec AD"}.get(dataset, dataset)


def display_name(category: str) -> str:
    """Category as a heading: ``metal_nut`` is Metal Nut."""
    return " ".join(word[:1].upper() + word[1:] for word in category.split("_") if word) or category


def not_run(categories: Iterable[str]) -> tuple[str, ...]:
    """Those of `CATEGORIES` that are not among a data set's; none if it has others than those."""
    present = set(categories)
    return tuple(name for name in CATEGORIES if name not in present and present <= set(CATEGORIES))


def escape(text: str) -> str:
    """Write a name such that Markdown shows it, and does not obey it."""
    return html.escape(str(text), quote=False).replace("|", "\\|").replace("`", "&#96;")


def synthetic_label(dataset: str) -> str:
    """What every title says of figures of the synthetic stand-in; nothing of others."""
    return " (*synthetic stand-in*)" if dataset == "synthetic" else ""


def _flat(result: Result) -> dict[str, Any]:
    cell, config = result.cell, result.config
    memory, alarms = result.private_memory_mb, result.false_alarms.get("common")
    row = {name: getattr(cell, name) for name in _CELL}
    for test_set, metrics in result.metrics.items():
        row |= {column(metric, test_set): value for metric, value in metrics}
    return row | {
        "method": config.method,
        "study": config.study,
        "backbone": config.parameters.get("backbone"),
        "image_size": config.parameters.get("image_size"),
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
        "started": pd.Timestamp(result.provenance.started),
        "finished": pd.Timestamp(result.provenance.finished),
        "memory_mb": math.nan if memory is None else memory,
        "false_alarms": math.nan if alarms is None else alarms,
        "per_type": result.per_type.get("common", {}),
    }


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


def _entry(entry: Any, seeds: int, parts: str) -> str:
    """One summary as a table's cell, with whatever differs from its row's and column's heading."""
    if entry is None or entry.n == 0:
        return NOT_RUN
    remarks = [parts.format(entry.parts)] if parts and entry.parts else []
    remarks += [f"n = {entry.n}"] if entry.n != seeds else []
    text = format_score(entry.mean, entry.std, entry.n)
    return f"{text} ({', '.join(remarks)})" if remarks else text


def _not_run(cells: pd.DataFrame) -> list[str]:
    missing = not_run(cells["category"])
    names = ", ".join(map(display_name, missing))
    return [f"Not run, of the {len(CATEGORIES)} categories: {names}."] if missing else []


def _count(values: pd.Series, one: str, many: str) -> str:
    n = values.nunique()
    return f"{n} {one if n == 1 else many}"
