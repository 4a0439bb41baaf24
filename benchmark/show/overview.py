"""Figures across categories, drawn from stored results alone."""

from collections.abc import Mapping, Sequence
from itertools import cycle

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmark.results.frame import AVERAGE, column, grid_cells, summarise, types_frame
from benchmark.results.statistics import MIN_CATEGORIES, average_ranks, critical_difference
from benchmark.results.studies import OF_REFERENCE, pairs_of
from benchmark.show.document import count
from benchmark.show.labels import SHORT_TITLES, dataset_label, display_name
from benchmark.show.style import (
    ANOMALOUS,
    ASIDE,
    BOUNDARY,
    CYCLE,
    NORMAL,
    fit_shares,
    legend_beside,
    new_figure,
    styled,
)
from bgad.data.registry import find_dataset

__all__ = [
    "boundary_and_oracle",
    "critical_differences",
    "general_and_hard",
    "ours_and_references",
    "per_type",
    "shots_and_peers",
    "shots_curves",
    "sizes_and_seconds",
    "training_cost",
]

_COLUMNS = 6
_MARKERS = "osD^v<>"
_LINES = "-", "--", ":"


@styled
def shots_curves(frame: pd.DataFrame, dataset: str, metric: str = "image_auroc") -> Figure | None:
    """Draw a metric over the number of known anomalies, for the average and each category.

    Parameters
    ----------
    frame
        See `benchmark.results.frame.results_frame`.
    dataset, metric
        What is shown, on the test set ``common`` in the general setting.

    Returns
    -------
    Figure or None
        A line a profile: the mean over seeds, with the standard deviation as a band and each
        seed's figure as a dot. None without cells.
    """
    cells = _general(frame, dataset)
    if cells.empty:
        return None
    summary = summarise(cells, metric).dropna(subset="mean")
    categories = find_dataset(dataset).ordered(cells["category"])
    categories = [AVERAGE, *categories] if len(categories) > 1 else categories
    columns = min(_COLUMNS, len(categories))
    rows = -(-len(categories) // columns)
    title = f"What known anomalies buy: {SHORT_TITLES[metric]} by shots"
    figure = new_figure(title, _subtitle(dataset, cells), 1.7 * columns + 1, 1.65 * rows + 0.35)
    axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    profiles = sorted(cells["profile"].unique())
    for ax, category in zip(axes, categories, strict=False):
        average = category == AVERAGE
        ax.set_title(_name(category), fontweight="bold" if average else "normal")
        for (profile, colour), marker in zip(
            _colours(profiles).items(), cycle(_MARKERS), strict=False
        ):
            line = summary[(summary["category"] == category) & (summary["profile"] == profile)]
            ax.plot(line["shots"], line["mean"], f"{marker}-", ms=3.5, color=colour, label=profile)
            low, high = line["mean"] - line["std"], line["mean"] + line["std"]
            ax.fill_between(line["shots"], low, high, color=colour, alpha=0.18, lw=0)
            if not average:
                own = cells[(cells["category"] == category) & (cells["profile"] == profile)]
                values = own[f"common/{metric}"]
                ax.scatter(own["shots"], values, s=7, color=colour, alpha=0.5, lw=0)
        ax.set_xticks(sorted(cells["shots"].unique()))
    fit_shares(axes[: len(categories)], "y")
    for place in range(len(categories), len(axes)):
        axes[place].set_visible(False)
        axes[place - columns].tick_params(labelbottom=True)
    figure.supxlabel("Shots: known anomalies", fontsize=9)
    legend_beside(axes[columns - 1], "Profile")
    return figure


@styled
def shots_and_peers(
    frame: pd.DataFrame,
    dataset: str,
    profiles: Mapping[str, str],
    metrics: Sequence[str] = ("image_auroc", "pixel_f1_max"),
) -> Figure | None:
    """Draw the average of metrics over the number of known anomalies, methods beside each other.

    Parameters
    ----------
    frame
        See `benchmark.results.frame.results_frame`.
    dataset, metrics
        What is shown, on the test set ``common`` in the general setting.
    profiles
        Profile -> label. One that has no known anomalies is a line at its height.

    Returns
    -------
    Figure or None
        A panel a metric, with the standard deviation over seeds as a band. None without cells.
    """
    cells = frame[frame["control"].isna() & ~frame["apart"] & (frame["setting"] == "general")]
    cells = cells[(cells["dataset"] == dataset) & cells["profile"].isin(list(profiles))]
    if cells.empty:
        return None
    seeds = cells["seed"].nunique()
    names = cells["category"].unique()
    of = display_name(names[0]) if len(names) == 1 else f"mean of {len(names)} categories"
    subtitle = f"{dataset_label(dataset)} · {of} · {count(seeds, 'seed')}"
    figure = new_figure("What known anomalies buy", subtitle, 3.4 * len(metrics) + 1.2, 2.4)
    axes = figure.subplots(1, len(metrics), squeeze=False)[0]
    shots = sorted(cells["shots"].unique())
    for ax, metric in zip(axes, metrics, strict=True):
        summary = summarise(cells, metric)
        average = summary[summary["category"] == AVERAGE].dropna(subset="mean")
        for (profile, label), colour, mark in zip(profiles.items(), CYCLE, _MARKERS, strict=False):
            line = average[average["profile"] == profile]
            if line.empty:
                continue
            if list(line["shots"]) == [0]:
                line = line.loc[line.index.repeat(2)].assign(shots=[shots[0], shots[-1]])
            marker = "--" if line["mean"].nunique() < len(line) else f"{mark}-"
            ax.plot(line["shots"], line["mean"], marker, ms=3.5, color=colour, label=label)
            low, high = line["mean"] - line["std"], line["mean"] + line["std"]
            ax.fill_between(line["shots"], low, high, color=colour, alpha=0.18, lw=0)
        ax.set(title=SHORT_TITLES[metric], xlabel="Known anomalies")
        ax.set_xticks(shots)
        fit_shares([ax], "y")
    legend_beside(axes[-1])
    return figure


@styled
def training_cost(
    frame: pd.DataFrame, dataset: str, ours: str = "cpu", peer: str = "patchcore"
) -> Figure | None:
    """Draw figures along the published training against what is trained on.

    Parameters
    ----------
    frame
        See `benchmark.results.frame.results_frame`.
    dataset
        What is shown: all images that are tested, in cells whose moments of training were kept.
    ours, peer
        Profiles beside it on the same cells: points, and a line at the height of its 0 shots.

    Returns
    -------
    Figure or None
        A column a category, over the feature vectors in all steps: image-AUC, pixel-AUC, and the
        mean log-likelihood of training normals at each level. None without such cells.
    """
    plain = frame[frame["control"].isna() & ~frame["apart"] & (frame["setting"] == "general")]
    plain = plain[plain["dataset"] == dataset].sort_values(["profile", "shots", "seed"])
    is_course = plain["moments"].map(bool) & (plain["method"] == "bgad_published")
    courses = plain[is_course].drop_duplicates(["category", "profile", "shots"])
    if courses.empty:
        return None
    categories = find_dataset(dataset).ordered(courses["category"])
    metrics = "image_auroc", "pixel_auroc"
    size = 2 * len(categories) + 1.8, 1.7 * (len(metrics) + 1)
    subtitle = f"{dataset_label(dataset)} · one seed"
    figure = new_figure("What a longer training gives", subtitle, *size)
    axes = figure.subplots(len(metrics) + 1, len(categories), sharex=True, squeeze=False)
    marks = dict(zip(sorted(courses["shots"].unique()), cycle(_MARKERS), strict=False))
    kinds = courses.groupby(["profile", "shots"], sort=False)
    colours = cycle(CYCLE[1:2] + CYCLE[3:])
    for ((profile, shots), alike), colour in zip(kinds, colours, strict=False):
        name = f"{profile}, {count(shots, 'shot')}"
        for course in alike.itertuples():
            moments = pd.DataFrame(list(course.moments))
            *above, below = axes[:, categories.index(course.category)]
            for ax, metric in zip(above, metrics, strict=True):
                line = f"{marks[shots]}-"
                ax.plot(moments["vectors"], moments[metric], line, ms=2.5, color=colour, label=name)
            levels = np.array(moments["log_likelihood"].to_list()).T
            for line, means in zip(_LINES, levels, strict=False):
                below.plot(moments["vectors"], means, line, color=colour)
    memory = plain[(plain["profile"] == peer) & (plain["shots"] == 0)]
    for category, column_axes in zip(categories, axes.T, strict=True):
        same = courses.loc[courses["category"] == category, ["category", "shots", "seed"]]
        starts = plain[plain["profile"] == ours].merge(same.drop_duplicates())
        for ax, metric in zip(column_axes, metrics, strict=False):
            figures = column(metric, "paper")
            for start in starts.to_dict("records"):
                mark, name = marks[start["shots"]], f"{ours}, {count(start['shots'], 'shot')}"
                ax.plot(start["vectors"], start[figures], mark, color=CYCLE[0], label=name)
            heights = memory.loc[memory["category"] == category, figures]
            if len(heights):
                ax.axhline(heights.mean(), color=CYCLE[2], ls="--", label=f"{peer}, 0 shots")
            fit_shares([ax], "y")
        column_axes[0].set(title=display_name(category), xscale="log")
    for row, name in zip(axes, [*map(SHORT_TITLES.get, metrics), "log-likelihood"], strict=True):
        row[0].set_ylabel(name)
    for level, line in enumerate(_LINES[: len(levels)], 1):  # of no course's colour
        axes[-1, -1].plot([], [], line, color="0.4", label=f"level {level}")
    for row in axes[[0, -1]]:
        legend_beside(row[-1], of=list(row))
    figure.supxlabel("Feature vectors trained on", fontsize=9)
    return figure


@styled
def general_and_hard(frame: pd.DataFrame, dataset: str, profile: str) -> Figure | None:
    """Hold knowing all anomaly types against knowing one, category by category.

    Parameters
    ----------
    frame
        See `benchmark.results.frame.results_frame`.
    dataset, profile
        What is shown: image-AUC on the test set ``common``. The hard setting's test set lacks the
        known type, so that the two are measured on different images.

    Returns
    -------
    Figure or None
        None without cells of the hard setting.
    """
    cells = grid_cells(frame, dataset)
    cells = cells[cells["profile"] == profile].assign(value=cells["common/image_auroc"])
    hard = cells[(cells["setting"] == "hard") & (cells["shots"] > 0)]
    if hard.empty:
        return None
    general = cells[(cells["setting"] == "general") & cells["category"].isin(hard["category"])]
    categories = find_dataset(dataset).ordered(hard["category"])
    height = 0.7 + 0.34 * len(categories)
    figure = new_figure(
        "Anomalies of all types known, and of one", _subtitle(dataset, hard), 9, height
    )
    ax = figure.subplots()
    most = general["shots"].max()
    groups = (
        ("no anomaly known", general[general["shots"] == 0], "|", ASIDE, 90),
        (f"all types, {most:g} shots", general[general["shots"] == most], "o", NORMAL, 38),
        ("one type, others tested", hard, "x", ANOMALOUS, 26),
    )
    for label, group, marker, colour, size in groups:
        if group.empty:
            continue
        means = (
            group if group is hard else group.groupby("category", as_index=False)[["value"]].mean()
        )
        rows = [categories.index(category) for category in means["category"]]
        style = {"s": size, "c": colour, "marker": marker, "zorder": 3}
        ax.scatter(means["value"], rows, label=label, **style)
    _category_axis(ax, categories)
    fit_shares([ax], "x")
    ax.set_xlabel("image-AUC")
    legend_beside(ax)
    return figure


@styled
def per_type(frame: pd.DataFrame, dataset: str, profile: str) -> Figure | None:
    """Show image-AUC and recall at the explicit boundary of each anomaly type by shots.

    Parameters
    ----------
    frame
        See `benchmark.results.frame.results_frame`.
    dataset, profile
        What is shown, on the test set ``common`` in the general setting; means over seeds.

    Returns
    -------
    Figure or None
        None without such cells.
    """
    cells = _general(frame, dataset)
    figures = types_frame(cells[cells["profile"] == profile])
    if figures.empty:
        return None
    figures["type"] = list(zip(figures["category"], figures["type"], strict=True))
    categories = find_dataset(dataset).ordered(figures["category"])
    types = sorted(set(figures["type"]), key=lambda type_: (categories.index(type_[0]), type_[1]))
    names = [f"{display_name(category)}, {kind}" for category, kind in types]
    figure = new_figure(
        "Each anomaly type against the normal images",
        f"{dataset_label(dataset)} · general · profile {profile} · mean over seeds",
        8,
        0.75 + 0.235 * len(types),
    )
    axes = figure.subplots(1, 2, sharey=True)
    panels = (("image_auroc", "image-AUC"), ("recall", "recall at the explicit boundary"))
    for ax, (value, title) in zip(axes, panels, strict=True):
        table = figures.pivot_table(value, "type", "shots", dropna=False).reindex(types)
        low = 0.5 if value == "image_auroc" else 0.0
        sns.heatmap(
            table,
            ax=ax,
            vmin=low,
            vmax=1,
            cmap="Blues",
            annot=True,
            fmt=".2f",
            annot_kws={"size": 7.5},
            linewidths=0.6,
            cbar=False,
        )
        ax.set(title=title, xlabel="Shots", ylabel=None)
        ax.set_yticks(np.arange(len(types)) + 0.5, names, rotation=0)
        ax.tick_params(left=False, bottom=False)
    return figure


@styled
def boundary_and_oracle(frame: pd.DataFrame, dataset: str, profile: str) -> Figure | None:
    """Hold pixel-F1 at the explicit boundary against that at the best threshold on test.

    Parameters
    ----------
    frame
        See `benchmark.results.frame.results_frame`.
    dataset, profile
        What is shown, on the test set ``common`` in the general setting; means over seeds.

    Returns
    -------
    Figure or None
        A panel for each number of shots. None without cells.
    """
    cells = _general(frame, dataset)
    cells = cells[cells["profile"] == profile]
    if cells.empty:
        return None
    categories = find_dataset(dataset).ordered(cells["category"])
    shots = sorted(cells["shots"].unique())
    title = "Pixel-F1: the explicit boundary and the best threshold on test"
    height = 0.75 + 0.27 * len(categories)
    figure = new_figure(title, _subtitle(dataset, cells), max(7, 2.3 * len(shots) + 2.2), height)
    axes = figure.subplots(1, len(shots), sharex=True, sharey=True, squeeze=False)[0]
    columns = ["common/pixel_f1_boundary", "common/pixel_f1_max"]
    for ax, n in zip(axes, shots, strict=True):
        means = cells[cells["shots"] == n].groupby("category")[columns].mean().reindex(categories)
        boundary, oracle = (means[column] for column in columns)
        rows = range(len(categories))
        ax.hlines(rows, boundary, oracle, color=ASIDE, lw=1.6)
        style = {"s": 30, "edgecolors": BOUNDARY, "zorder": 3}
        ax.scatter(boundary, rows, c=BOUNDARY, marker="o", label="explicit boundary", **style)
        ax.scatter(oracle, rows, c="white", marker="D", label="best on test", **style)
        ax.set(title=f"{n} shots", xlabel="pixel-F1", xlim=(-0.03, 1.03))
        _category_axis(ax, categories)
    legend_beside(axes[-1])
    return figure


@styled
def ours_and_references(comparison: pd.DataFrame, dataset: str, shots: int) -> Figure | None:
    """Show published image-AUCs that are not far, and ours beside them.

    Parameters
    ----------
    comparison
        See `benchmark.results.references.compare`; its ``differs`` says how far two are comparable.
    dataset, shots
        What is shown.

    Returns
    -------
    Figure or None
        None where there is nothing to compare.
    """
    chosen = comparison[
        (comparison["dataset"] == dataset)
        & (comparison["shots"] == shots)
        & (comparison["metric"] == "image_auroc")
        & (comparison["category"] != AVERAGE)
        & comparison["ours"].notna()
        & ~comparison["is_far"].astype(bool)
    ]
    if chosen.empty:
        return None
    categories = find_dataset(dataset).ordered(chosen["category"])
    published = chosen.drop_duplicates(["method", "by", "category"])
    ours = chosen.drop_duplicates(["profile", "category"])
    series = [
        (f"{method}, reported by {by}", group, "reference", CYCLE[3 + place % 3])
        for place, ((method, by), group) in enumerate(published.groupby(["method", "by"]))
    ]
    colours = _colours(sorted(ours["profile"].unique()))
    series += [
        (f"ours, {profile}", group, "ours", colours[profile])
        for profile, group in ours.groupby("profile")
    ]
    test_sets = " and ".join(sorted(chosen["test_set"].unique()))
    subtitle = f"{dataset_label(dataset)} · {shots} shots · test set {test_sets} · mean ± std"
    height = 0.7 + 0.16 * len(categories) * (len(series) + 0.6)
    figure = new_figure("Image-AUC: published figures and ours", subtitle, 9, height)
    ax = figure.subplots()
    for place, (label, group, value, colour) in enumerate(series):
        shift = 0.7 * (place / max(len(series) - 1, 1) - 0.5) * (len(series) > 1)
        rows = np.array([categories.index(category) for category in group["category"]]) + shift
        ax.errorbar(
            group[value],
            rows,
            xerr=group[f"{value}_std"].fillna(0),
            fmt="o" if value == "ours" else _MARKERS[1 + place % (len(_MARKERS) - 1)],
            ms=4.5,
            lw=1,
            color=colour,
            label=label,
        )
    _category_axis(ax, categories)
    fit_shares([ax], "x")
    ax.grid(axis="y", visible=False)
    ax.hlines(np.arange(1, len(categories)) - 0.5, *ax.get_xlim(), color=ASIDE, lw=0.8)
    ax.margins(x=0)
    ax.set_xlabel("image-AUC")
    legend_beside(ax)
    return figure


@styled
def critical_differences(
    figures: pd.DataFrame, dataset: str, shots: int, metric: str
) -> Figure | None:
    """Show the average ranks of methods, and which are told apart.

    Parameters
    ----------
    figures
        See `benchmark.results.references.complete_figures`.
    dataset, shots, metric
        What they are of.

    Returns
    -------
    Figure or None
        Ranks with half of the critical difference to both sides. None with fewer than
        `MIN_CATEGORIES` categories or three methods.
    """
    methods, categories = figures.shape
    if categories < MIN_CATEGORIES or methods < 3:
        return None
    ranks = pd.Series(average_ranks(figures.to_numpy()), figures.index).sort_values()
    title = f"{SHORT_TITLES[metric]}: ranks over {categories} categories"
    subtitle = f"{dataset_label(dataset)} · {count(shots, 'known anomaly')}"
    figure = new_figure(title, f"{subtitle} · two whose bars do not meet differ (5 %)", 7, 3.2)
    ax = figure.subplots()
    places = np.arange(methods)
    margin = critical_difference(methods, categories) / 2
    ax.errorbar(ranks, places, xerr=margin, fmt="o", ms=4, lw=2, color=CYCLE[0])
    ax.set_yticks(places, ranks.index)
    ax.set(xlabel="Average rank, 1 is the best", ylim=(methods - 0.5, -0.5))
    ax.tick_params(left=False)
    ax.grid(axis="y", visible=False)
    return figure


@styled
def sizes_and_seconds(frame: pd.DataFrame, shots: int) -> Figure | None:
    """Show what images of other sizes give, and what a cell of them takes.

    Parameters
    ----------
    frame
        See `benchmark.results.frame.results_frame`.
    shots
        Known anomalies, in the general setting.

    Returns
    -------
    Figure or None
        A column for each category, a colour for each method, means over seeds.
        None without cells of the study.
    """
    pairs = pairs_of(frame, "resolution")
    pairs = pairs[(pairs["setting"] == "general") & (pairs["shots"] == shots)]
    if pairs.empty:
        return None
    metrics = [column("image_auroc"), column("pixel_f1_max")]
    facts = ["dataset", "category", "reference", "image_size", "seconds", *metrics]
    first = pairs.drop(columns=facts[3:]).rename(columns=lambda name: name.split(OF_REFERENCE)[0])
    sizes = pd.concat([first[facts], pairs[facts]])
    means = sizes.groupby(facts[:4], as_index=False)[facts[4:]].mean().sort_values("seconds")
    places = list(dict.fromkeys(zip(means["dataset"], means["category"], strict=True)))
    figure = new_figure(
        "Image size: what it gives, and what it takes",
        f"general · {shots} shots · {count(pairs['seed'].nunique(), 'seed')} · labels in pixels",
        2.9 * len(places) + 0.8,
        5,
    )
    axes = figure.subplots(2, len(places), sharex=True, squeeze=False)
    colours = _colours(sorted(means["reference"].unique()))
    for (dataset, category), panels in zip(sorted(places), axes.T, strict=True):
        here = means[(means["dataset"] == dataset) & (means["category"] == category)]
        for ax, metric in zip(panels, metrics, strict=True):
            for reference, line in here.groupby("reference"):
                style = {"color": colours[reference], "label": reference}
                ax.plot(line["seconds"], line[metric], "o", ms=5, **style)
                for point in line.to_dict("records"):
                    ax.annotate(
                        str(point["image_size"]),
                        (point["seconds"], point[metric]),
                        textcoords="offset points",
                        xytext=(4, 4),
                        color=colours[reference],
                        fontsize=7,
                    )
            ax.margins(0.18)
        panels[0].set_title(f"{display_name(category)}, {dataset_label(dataset)}")
        panels[1].set_xlabel("Seconds a cell")
    axes[0, 0].set_xlim(left=0)  # once all are drawn, for it ends the search for a common limit
    for ax, metric in zip(axes[:, 0], ("image_auroc", "pixel_f1_max"), strict=True):
        ax.set_ylabel(SHORT_TITLES[metric])
    legend_beside(axes[0, -1])
    return figure


def _general(frame: pd.DataFrame, dataset: str) -> pd.DataFrame:
    cells = grid_cells(frame, dataset)
    return cells[cells["setting"] == "general"]


def _subtitle(dataset: str, cells: pd.DataFrame) -> str:
    setting, profiles = (", ".join(sorted(cells[key].unique())) for key in ("setting", "profile"))
    of_seeds = count(cells["seed"].nunique(), "seed")
    return f"{dataset_label(dataset)} · {setting} · profile {profiles} · {of_seeds}"


def _name(category: str) -> str:
    return "Average" if category == AVERAGE else display_name(category)


def _colours(profiles: Sequence[str]) -> dict[str, str]:
    return {profile: CYCLE[place % len(CYCLE)] for place, profile in enumerate(profiles)}


def _category_axis(ax: Axes, categories: Sequence[str]) -> None:
    ax.set_yticks(range(len(categories)), [display_name(name) for name in categories])
    ax.set_ylim(len(categories) - 0.5, -0.5)
    ax.tick_params(left=False)
