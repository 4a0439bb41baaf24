"""Figures that others have published, and ours beside them."""

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import pandas as pd

from benchmark.results.frame import AVERAGE, column, grid_cells, summarise
from bgad.data.registry import find_dataset

__all__ = [
    "MEAN",
    "NEAR",
    "PROTOCOL",
    "compare",
    "complete_figures",
    "load_references",
    "reproductions",
]

MEAN = "mean"
"""`category` of a reference that is the mean over all categories of its data set."""

PROTOCOL = ("supervision", "masks", "selection", "image_size", "backbone")
"""Columns in which two figures must agree to be comparable, beside the cells' own."""

NEAR = 3
"""A reference that differs from ours in more than so many of `PROTOCOL` is far."""

_NOT_RUN = {"mean": None, "std": None, "n": 0}
_FIGURES = ["reference", "reference_std", "reference_n", "ours", "ours_std", "ours_n"]
_COLUMNS = ["profile", "category", "parts", *_FIGURES, "differs", "is_far"]
_FILE = Path(__file__).with_suffix(".csv")
_BLOCK = ["method", "by", "dataset", "setting", "shots", "metric", "test_set"]
_SAME = ["method", "supervision", "dataset", "setting", "shots", "metric", "test_set"]


def load_references(path: Path = _FILE) -> pd.DataFrame:
    """Read the reference figures.

    Returns
    -------
    DataFrame
        ``method``; ``by`` (the paper or project that reports it: not always the method's own);
        ``dataset, setting, shots`` (known anomalies in all), ``category`` (or `MEAN`), ``metric,
        value, std, runs, test_set``, the columns of `PROTOCOL` (texts), ``source, place``.
    """
    return pd.read_csv(path, dtype=dict.fromkeys(PROTOCOL, str))


def compare(frame: pd.DataFrame, references: pd.DataFrame) -> pd.DataFrame:
    """Put our figures beside the references, each on the reference's own test set.

    Averages are taken over the categories that both have; the mean of all of the data set's that
    a reference states stands beside ours of all, or beside nothing.

    Parameters
    ----------
    frame
        See `benchmark.results.frame.results_frame`.
    references
        See `load_references`.

    Returns
    -------
    DataFrame
        ``method, by, dataset, setting, shots, metric, test_set, profile``; ``category`` (`AVERAGE`
        for an average) and ``parts`` (its categories, else 0); ``reference, reference_std,
        reference_n`` and ``ours, ours_std, ours_n``, as in `benchmark.results.frame.summarise`;
        ``difference`` (ours - reference); ``differs`` (a list: in what the two differ, beside
        code and choice of anomalies), ``is_far`` (see `NEAR`).
    """
    rows = []
    for key, published in references.groupby(_BLOCK, sort=False):
        block = dict(zip(_BLOCK, key, strict=True))
        cells = grid_cells(frame, block["dataset"])
        cells = cells[(cells["setting"] == block["setting"]) & (cells["shots"] == block["shots"])]
        for profile, ours in cells.groupby("profile"):
            if ours[column(block["metric"], block["test_set"])].isna().all():
                continue  # results from before the metric existed: there is nothing to compare
            rows += [block | {"profile": profile} | row for row in _pairs(published, ours, block)]
    table = pd.DataFrame(rows, columns=[*_BLOCK, *_COLUMNS])
    table = table.astype(dict.fromkeys(_FIGURES, float))
    return table.assign(difference=table["ours"] - table["reference"])


def complete_figures(
    frame: pd.DataFrame, references: pd.DataFrame, dataset: str, shots: int, metric: str
) -> pd.DataFrame:
    """Figures of those methods, published or ours, that have all categories of a data set.

    Parameters
    ----------
    frame, references
        As of `compare`.
    dataset, shots, metric
        Which, in the general setting, on all images that were not trained on (``paper``).

    Returns
    -------
    DataFrame
        A row a method, named with who reports it; a column a category.
    """
    asked = {"dataset": dataset, "setting": "general", "shots": shots}
    published = references[
        (references[list(asked)] == pd.Series(asked)).all(axis=1)
        & (references["metric"] == metric)
        & (references["test_set"] == "paper")
    ]
    ours = grid_cells(frame, dataset)
    ours = ours[(ours[list(asked)] == pd.Series(asked)).all(axis=1)]
    both = pd.concat(
        [
            published.assign(label=published["method"] + ", reported by " + published["by"]),
            ours.assign(label="ours, " + ours["profile"], value=ours[column(metric, "paper")]),
        ]
    )
    figures = both.groupby(["label", "category"])["value"].mean().unstack()
    return figures.reindex(columns=list(find_dataset(dataset).categories)).dropna()


def reproductions(references: pd.DataFrame) -> pd.DataFrame:
    """Put figures of the same method beside each other that different papers report.

    Returns
    -------
    DataFrame
        ``method, supervision, dataset, setting, shots, metric, test_set``; ``by`` and ``other``
        (who report); ``parts`` (categories that both state; 0 where only means over all are);
        ``first, second`` (their averages); ``category`` (where they differ most, or `MEAN`) and
        ``widest`` (second - first there).
    """
    rows = []
    for key, reported in references.groupby(_SAME, sort=False):
        values = reported.pivot(index="category", columns="by", values="value")
        for by, other in combinations(reported["by"].unique(), 2):
            both = values[[by, other]].dropna()
            of_categories = both.drop(MEAN, errors="ignore")
            compared = of_categories if len(of_categories) else both
            if len(compared):
                gaps = compared[other] - compared[by]
                widest = gaps.abs().idxmax()
                means = compared.mean()
                facts = [len(of_categories), means[by], means[other], widest, gaps[widest]]
                rows.append([*key, by, other, *facts])
    return pd.DataFrame(
        rows,
        columns=[*_SAME, "by", "other", "parts", "first", "second", "category", "widest"],
    )


def _pairs(published: pd.DataFrame, ours: pd.DataFrame, block: dict) -> list[dict]:
    """Rows of `compare` for one reference and one profile."""
    figures = published.set_index("category")[["value", "std", "runs"]]
    official = find_dataset(block["dataset"]).categories
    there = set(ours["category"])
    shared = [name for name in official if name in figures.index and name in there]
    pairs: list[tuple] = []
    if shared:
        summary = _summary(ours, shared, block)
        pairs += [(name, 0, figures.loc[name], summary.loc[name]) for name in shared]
        if 1 < len(shared) < len(official):
            mean = {"value": figures.loc[shared, "value"].mean(), "std": None, "runs": None}
            pairs.append((AVERAGE, len(shared), mean, summary.loc[AVERAGE]))
    if MEAN in figures.index:
        own = _summary(ours, official, block).loc[AVERAGE] if set(official) <= there else _NOT_RUN
        pairs.append((AVERAGE, len(official), figures.loc[MEAN], own))
    differs = _differences(published.iloc[0], ours)
    return [
        {
            "category": category,
            "parts": parts,
            "reference": reference["value"],
            "reference_std": reference["std"],
            "reference_n": reference["runs"],
            "ours": own["mean"],
            "ours_std": own["std"],
            "ours_n": own["n"],
            "differs": differs if own["n"] else [*differs, "categories"],
            "is_far": len(differs) > NEAR,
        }
        for category, parts, reference, own in pairs
    ]


def _summary(ours: pd.DataFrame, categories: Sequence[str], block: dict) -> pd.DataFrame:
    chosen = ours[ours["category"].isin(categories)]
    return summarise(chosen, block["metric"], block["test_set"]).set_index("category")


def _differences(published: pd.Series, ours: pd.DataFrame) -> list[str]:
    cell = ours.iloc[0]  # all cells of a profile share its settings
    own = {
        "supervision": "supervised" if cell["shots"] else "unsupervised",
        "masks": "yes" if cell["shots"] else "no",
        "selection": "last step",
        "image_size": str(cell["image_size"]),
        "backbone": cell["backbone"],
    }
    return [name.replace("_", " ") for name in PROTOCOL if own[name] != published[name]]
