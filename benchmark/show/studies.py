"""Tables of the studies: what a change is worth on the very same cells."""

from collections.abc import Callable

import pandas as pd

from benchmark.protocol.cells import CONTROLS
from benchmark.results.tables import (
    NO_RUNS,
    NOT_RUN,
    SHORT_TITLES,
    UNDEFINED,
    column,
    dataset_label,
    display_name,
    escape,
    format_score,
    grid_cells,
    ordered_categories,
    to_markdown,
)

__all__ = ["REFERENCE", "control_tables", "seed_tables", "study_tables"]

REFERENCE = "cpu"
"""The profile from which the profiles of a study differ."""

_METRICS = ("image_auroc", "pixel_auroc", "pixel_f1_max", "pixel_f1_boundary")
_SEEDS = {"split": "split_seed", "train": "train_seed", "augment": "augment_seed"}
_CELL = ["dataset", "category", "setting", "known_type", "shots", "seed", "fingerprint"]


def study_tables(frame: pd.DataFrame, study: str) -> str:
    """Tables of a study in Markdown: a row a profile, with differences to `REFERENCE`.

    Parameters
    ----------
    frame
        See `benchmark.results.tables.results_frame`.
    study
        As profiles name it.

    Notes
    -----
    A cell counts if `REFERENCE` has it too: same images, setting, shots and seed. Figures and
    differences are means over categories, for each seed that all of them have, then over seeds;
    deviations are those over seeds.
    """
    cells = frame[(frame["study"] == study) & frame["control"].isna() & ~frame["apart"]]
    reference = grid_cells(frame)
    pairs = _pairs(cells, reference[reference["profile"] == REFERENCE])
    parts = []
    for (dataset, setting, shots), group in pairs.groupby(["dataset", "setting", "shots"]):
        title = f"**{escape(dataset_label(dataset))}, {setting}, {shots} shots**"
        parts += [title, to_markdown(_figures(group)), _by_category(group)]
    if not parts:
        return NO_RUNS if cells.empty else f"No runs yet of cells that `{REFERENCE}` has, too."
    legend = (
        f"In brackets the difference to `{REFERENCE}` on the same cells, in points (hundredths), "
        "± its standard deviation over seeds."
    )
    if alone := len(cells) - len(pairs):
        legend += f" Left out, as `{REFERENCE}` has no such cell: {alone}."
    if pairs["oracle"].any():
        legend += (
            " *Oracle*: test images, or their labels, had a say in what is reported; such a figure "
            "says nothing of images to come."
        )
    return "\n\n".join([*parts, legend])


def control_tables(frame: pd.DataFrame) -> str:
    """Table of the negative controls in Markdown: what was expected beside what was measured.

    Parameters
    ----------
    frame
        See `benchmark.results.tables.results_frame`.
    """
    controls, plain = frame[frame["control"].notna()], grid_cells(frame)
    plain = plain[plain["setting"] == "general"]
    rows = []
    for (dataset, profile, shots), group in controls.groupby(["dataset", "profile", "shots"]):
        same = plain[(plain["dataset"] == dataset) & (plain["profile"] == profile)]
        for control in CONTROLS:
            cells = group[group["control"] == control]
            if cells.empty:
                continue
            asked, expected = _EXPECTED[control]
            beside = same[same["shots"] == (0 if asked == "no shots" else shots)]
            same_cell = ["category", "seed", "fingerprint"]
            pairs = cells.merge(beside, on=same_cell, suffixes=("", _OF_REFERENCE))
            there = pairs if len(pairs) else cells  # compared on the same cells where there are any
            rows.append(
                [escape(dataset_label(dataset)), profile, str(shots), control.replace("_", " ")]
            )
            rows[-1].append(_sizes(cells))
            for metric in _METRICS[:2]:
                known = pd.Series([0.5])
                if asked:
                    known = _over_categories(pairs, pairs[column(metric) + _OF_REFERENCE])
                rows[-1].append(_score(_over_categories(there, there[column(metric)])))
                rows[-1].append(expected(known.mean()) if len(known) else NOT_RUN)
    if not rows:
        return NO_RUNS
    titles = [SHORT_TITLES[metric] for metric in _METRICS[:2]]
    names = [name for title in titles for name in (title, f"expected {title}")]
    head = ["Data set", "Profile", "Shots", "Control", "Categories, seeds", *names]
    return to_markdown(pd.DataFrame(rows, columns=head))


_EXPECTED: dict[str, tuple[str | None, Callable[[float], str]]] = {
    "shuffled_labels": ("no shots", lambda value: f"no more than {value:.3f} (0 shots)"),
    "random_weights": ("same", lambda value: f"less than {value:.3f}"),
    "swapped_labels": ("same", lambda value: f"{1 - value:.3f}"),
    "constant_maps": (None, lambda value: f"{value:.3f}"),
}
"""Control -> ordinary cells that it is held against, and what their mean lets expect."""


def seed_tables(frame: pd.DataFrame) -> str:
    """Table in Markdown of how far figures spread when one seed alone is varied, or all of them.

    Parameters
    ----------
    frame
        See `benchmark.results.tables.results_frame`.
    """
    own = frame[frame["study"].isna() & (frame["setting"] == "general")]
    rows, categories = [], ordered_categories(own.loc[own["apart"], "category"])
    for (dataset, profile, shots), group in own.groupby(["dataset", "profile", "shots"]):
        if not group["apart"].any():
            continue
        apart = set(group.loc[group["apart"], "category"])
        for varied, cells in _varied(group[group["category"].isin(apart)]).items():
            of_category = cells.groupby("category")
            entries = {
                metric: 100 * of_category[column(metric)].agg(_deviation) for metric in _METRICS[:3]
            }
            sizes = sorted(of_category["seed"].size().unique())
            rows.append(
                [
                    escape(dataset_label(dataset)),
                    profile,
                    str(shots),
                    varied,
                    " to ".join(map(str, sizes)),
                ]
            )
            rows[-1] += [_points(values.mean(skipna=False)) for values in entries.values()]
            rows[-1] += [_points(entries["image_auroc"].get(name)) for name in categories]
    if not rows:
        return NO_RUNS
    head = ["Data set", "Profile", "Shots", "Varied", "Seeds"]
    head += [f"{SHORT_TITLES[metric]}, mean" for metric in _METRICS[:3]]
    head += [f"{SHORT_TITLES['image_auroc']}, {display_name(name)}" for name in categories]
    legend = (
        "Standard deviation (ddof = 1) in points (hundredths) over as many seeds as in the column "
        "*Seeds*, of each category, and its mean over categories."
    )
    return to_markdown(pd.DataFrame(rows, columns=head)) + "\n\n" + legend


_OF_REFERENCE = " of reference"


def _pairs(cells: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    figures = [column(metric) for metric in _METRICS]
    return cells.merge(reference[[*_CELL, *figures]], on=_CELL, suffixes=("", _OF_REFERENCE))


def _figures(pairs: pd.DataFrame) -> pd.DataFrame:
    rows = []
    beside = pairs.drop_duplicates(["category", "seed"])
    rows.append([f"**{REFERENCE}**", "", _sizes(beside)])
    for metric in _METRICS:
        rows[-1].append(_score(_over_categories(beside, beside[column(metric) + _OF_REFERENCE])))
    for profile, group in pairs.groupby("profile"):
        oracle = "oracle" if group["oracle"].any() else ""
        rows.append([profile, oracle, _sizes(group)])
        for metric in _METRICS:
            ours, theirs = group[column(metric)], group[column(metric) + _OF_REFERENCE]
            change = _change(_over_categories(group, ours - theirs))
            rows[-1].append(_score(_over_categories(group, ours)) + change)
    names = [SHORT_TITLES[metric] for metric in _METRICS]
    return pd.DataFrame(rows, columns=["Profile", "", "Categories, seeds", *names])


def _by_category(pairs: pd.DataFrame) -> str:
    """Differences of the image AUROC, category by category."""
    metric = _METRICS[0]
    change = pairs[column(metric)] - pairs[column(metric) + _OF_REFERENCE]
    names = ordered_categories(pairs["category"])
    rows = []
    for profile, group in pairs.groupby("profile"):
        by_name = {name: change[part.index].to_numpy() for name, part in group.groupby("category")}
        rows.append([profile])
        for name in names:
            values = pd.Series(by_name.get(name, []), dtype=float)
            rows[-1].append(_change(values, brackets=False) if len(values) else NOT_RUN)
    head = [f"{SHORT_TITLES[metric]}, difference in points", *map(display_name, names)]
    return to_markdown(pd.DataFrame(rows, columns=head))


def _over_categories(cells: pd.DataFrame, values: pd.Series) -> pd.Series:
    """Mean over categories for each seed that all categories have."""
    table = cells.assign(value=values).pivot_table(
        "value", "seed", "category", aggfunc=lambda parts: parts.mean(skipna=False), dropna=False
    )
    has = cells.groupby("seed")["category"].nunique()
    complete = has[has == cells["category"].nunique()].index
    return table.reindex(complete).mean(axis=1, skipna=False)


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


def _sizes(cells: pd.DataFrame) -> str:
    return f"{cells['category'].nunique()}, {cells['seed'].nunique()}"


def _score(values: pd.Series) -> str:
    return format_score(values.mean(skipna=False), values.std(), len(values))


def _change(values: pd.Series, brackets: bool = True) -> str:
    if not len(values) or values.isna().any():
        return "" if brackets else UNDEFINED
    spread = f" ± {100 * values.std():.1f}" if len(values) > 1 else ""
    text = f"{round(100 * values.mean(), 1) + 0.0:+.1f}{spread}".replace("-", "\N{MINUS SIGN}")
    return f" ({text})" if brackets else text


def _points(value: float | None) -> str:
    return NOT_RUN if value is None or pd.isna(value) else f"{value:.2f}"
