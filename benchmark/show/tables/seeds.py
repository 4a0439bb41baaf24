"""How far figures spread when one seed alone is varied, or all of them."""

import pandas as pd

from benchmark.results.frame import column
from benchmark.show.document import Emphasis, Note, Quantity, Section, Table
from benchmark.show.labels import SHORT_TITLES, dataset_label, display_name

__all__ = ["section"]

_TITLE = "Seeds apart"
_METRICS = ("image_auroc", "pixel_auroc", "pixel_f1_max")
_SEEDS = {"split": "split_seed", "train": "train_seed", "augment": "augment_seed"}
_LEGEND = Note(
    "Standard deviation (ddof = 1) in points (hundredths) over as many seeds as in the column ",
    Emphasis("Seeds"),
    ", of each category, and its mean over categories.",
)


def section(frame: pd.DataFrame) -> Section:
    """Table of the spread over seeds, a row for each seed that is varied.

    Parameters
    ----------
    frame
        See `benchmark.results.frame.results_frame`.
    """
    own = frame[frame["study"].isna() & (frame["setting"] == "general")]
    rows = []
    for (dataset, profile, shots), group in own.groupby(["dataset", "profile", "shots"]):
        if not group["apart"].any():
            continue
        apart = set(group.loc[group["apart"], "category"])
        for varied, cells in _varied(group[group["category"].isin(apart)]).items():
            of_category = cells.groupby("category")
            spreads = {
                metric: 100 * of_category[column(metric)].agg(_deviation) for metric in _METRICS
            }
            numbers = sorted(of_category["seed"].size().unique())
            image = SHORT_TITLES[_METRICS[0]]
            rows.append(
                {
                    "Data set": dataset_label(dataset),
                    "Profile": profile,
                    "Shots": shots,
                    "Varied": varied,
                    "Seeds": " to ".join(map(str, numbers)),
                }
                | {
                    f"{SHORT_TITLES[metric]}, mean": _points(values.mean(skipna=False))
                    for metric, values in spreads.items()
                }
                | {
                    f"{image}, {display_name(name)}": _points(value)
                    for name, value in spreads[_METRICS[0]].items()
                }
            )
    return Section(_TITLE, (Table.of(rows), _LEGEND) if rows else ())


def _varied(cells: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """What is varied -> the cells among which nothing else is."""
    groups = {}
    base = cells.loc[cells["apart"], "seed"].iloc[0]
    for name, seed in _SEEDS.items():
        others = [other for other in _SEEDS.values() if other != seed]
        same = (cells["seed"] == base) & (cells[others] == base).all(axis=1)
        if (same & cells["apart"]).any():
            groups[name] = cells[same]
    return groups | {"all": cells[~cells["apart"]]}


def _deviation(values: pd.Series) -> float:
    return values.std() if values.notna().all() else float("nan")


def _points(value: float) -> Quantity:
    return Quantity(value, n=int(pd.notna(value)), spec=".2f")
