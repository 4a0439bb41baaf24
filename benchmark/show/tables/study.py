"""A study: what a change is worth on the very same cells."""

from collections.abc import Callable
from typing import TypeAlias

import pandas as pd

from benchmark.results.frame import column
from benchmark.results.studies import OF_REFERENCE, pairs_of, references_of, study_cells
from benchmark.show.document import (
    Block,
    Code,
    Emphasis,
    Entry,
    Note,
    Quantity,
    Section,
    Strong,
    Table,
)
from benchmark.show.labels import SHORT_TITLES, dataset_label, display_name
from benchmark.show.tables.caveats import caveats
from benchmark.show.tables.means import over_categories, points, score, sizes
from bgad.data.registry import find_dataset

__all__ = ["section"]

_METRICS = ("image_auroc", "pixel_auroc", "pixel_f1_max", "pixel_f1_boundary")
_TITLES = {
    "ablation": "What each part is worth",
    "backbones": "Other backbones",
    "fidelity": "What the published protocol is worth",
    "resolution": "Other image sizes",
}


def section(frame: pd.DataFrame, study: str) -> Section:
    """Tables of a study: a row a profile, with differences to its reference.

    Parameters
    ----------
    frame
        See `benchmark.results.frame.results_frame`.
    study
        As profiles name it.

    Notes
    -----
    Cells and their references are those of `benchmark.results.studies.pairs_of`. Figures and
    differences are means over categories, for each seed that all of them have, then over seeds;
    deviations are those over seeds.
    """
    title = _TITLES.get(study, study)
    cells, reference = study_cells(frame, study), references_of(frame)
    pairs = pairs_of(frame, study)
    blocks: list[Block] = []
    for (dataset, setting, shots, base), group in pairs.groupby(
        ["dataset", "setting", "shots", "reference"]
    ):
        of = f"{dataset_label(dataset)}, {setting}, {shots} shots"
        setup = _costs if study == "resolution" else _training
        beside = reference[reference["profile"] == base]
        blocks += [_figures(group, of, beside, setup), _by_category(group, dataset)]
    if cells.empty:
        return Section(title)
    if not blocks:
        note = Note("No runs yet of cells that ", Code("cpu"), " has, too.")
        return Section(title, (note,))
    legend = Note(
        "In brackets the difference to the first row on the same cells, in points (hundredths), "
        "± its standard deviation over seeds."
    )
    if alone := len(cells) - len(pairs):
        legend += Note(f" Left out, as the reference has no such cell: {alone}.")
    if pairs["oracle"].any():
        legend += Note(
            " ",
            Emphasis("Oracle"),
            ": test images, or their labels, had a say in what is reported; such a figure says "
            "nothing of images to come.",
        )
    shown = pd.concat([reference[reference["profile"].isin(pairs["reference"])], pairs])
    return Section(title, (*blocks, legend, *caveats(shown)))


_Setup: TypeAlias = Callable[[pd.DataFrame, pd.DataFrame], dict[str, Entry]]


def _figures(pairs: pd.DataFrame, title: str, reference: pd.DataFrame, setup: _Setup) -> Table:
    beside = pairs.drop_duplicates(["category", "seed"])
    scores = {
        SHORT_TITLES[metric]: score(beside, beside[column(metric) + OF_REFERENCE])
        for metric in _METRICS
    }
    base = pairs["reference"].iloc[0]
    rows = [{"Profile": Strong(base), "": ""} | setup(reference, beside) | scores]
    for profile, group in pairs.groupby("profile"):
        row = {"Profile": profile, "": "oracle" if group["oracle"].any() else ""}
        row |= setup(group, group)
        for metric in _METRICS:
            ours, theirs = group[column(metric)], group[column(metric) + OF_REFERENCE]
            change = points(over_categories(group, ours - theirs))
            row[SHORT_TITLES[metric]] = score(group, ours, "" if change.is_hole else change)
        rows.append(row)
    return Table.of(rows, title)


def _training(cells: pd.DataFrame, counted: pd.DataFrame) -> dict[str, Entry]:
    """How long and on what a profile was trained, and what its row rests on."""
    profile = cells.iloc[0]
    steps, rate = profile["steps"], profile["learning_rate"]
    return {
        "Backbone": profile["backbone"],
        "Steps": " / ".join(map(str, steps)) if isinstance(steps, list | tuple) else None,
        "Learning rate": Quantity(rate, spec="g") if pd.notna(rate) else None,
        "Categories, seeds": sizes(counted),
    }


def _costs(cells: pd.DataFrame, counted: pd.DataFrame) -> dict[str, Entry]:
    """What a profile's images are, what a cell of them takes, and what its row rests on."""
    same = ["dataset", "category", "setting", "shots", "seed"]
    chosen = cells.merge(counted[same].drop_duplicates(), on=same)
    return {
        "Image size": str(cells.iloc[0]["image_size"]),
        "Seconds a cell": Quantity(chosen["seconds"].mean(), spec=".0f"),
        "Memory": Quantity(chosen["memory_mb"].mean() / 1024, spec=".1f", unit=" GB"),
        "Categories, seeds": sizes(counted),
    }


def _by_category(pairs: pd.DataFrame, dataset: str) -> Table:
    """Differences of the image AUROC, category by category."""
    metric = _METRICS[0]
    change = pairs[column(metric)] - pairs[column(metric) + OF_REFERENCE]
    names = find_dataset(dataset).ordered(pairs["category"])
    rows: list[list[Entry]] = []
    for profile, group in pairs.groupby("profile"):
        by_name = {name: points(change[part.index]) for name, part in group.groupby("category")}
        rows.append([profile, *map(by_name.get, names)])
    head = f"{SHORT_TITLES[metric]}, difference in points"
    return Table([head, *map(display_name, names)], rows)
