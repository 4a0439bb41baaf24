"""BGAD and its peers on the same cells."""

import pandas as pd

from benchmark.results.statistics import MIN_CATEGORIES, holm, mean_interval, signed_ranks
from benchmark.results.tables import (
    AVERAGE,
    NO_RUNS,
    NOT_RUN,
    SHORT_TITLES,
    column,
    format_score,
    grid_cells,
    summarise,
    to_markdown,
)

__all__ = ["STUDY", "differences", "markdown", "paired", "side_by_side"]

STUDY = "peers"
"""The study that peers' profiles belong to."""

_METRICS = ("image_auroc", "pixel_auroc", "pixel_f1_max", "aupro_30")
_PAIRED = ("image_auroc", "pixel_f1_max")
_TIE = 0.0005  # differences that a table of three digits does not show
_DATASET = "mvtec_ad"
_ROW = ["setting", "shots", "profile"]
_SAME_IMAGES = ["category", "setting", "known_type", "seed", "fingerprint"]
_GROUP = ["profile", "setting", "shots", "metric"]
_PAIRS = [
    *(*_GROUP, "peer", "cells", "categories", "difference", "low", "high"),
    *("better", "alike", "worse", "p"),
]


def markdown(frame: pd.DataFrame) -> str:
    """Tables and conclusions in Markdown, from a `benchmark.results.tables.results_frame`."""
    cells = _cells(frame)
    if not (cells["study"] == STUDY).any():
        return NO_RUNS
    pairs = paired(frame)
    return "\n\n".join(
        [
            *(f"- {sentence}" for sentence in _conclusions(pairs)),
            "**Side by side**: mean over the categories that all rows of a setting have, ± its "
            "standard deviation over seeds; seconds (features from the cache) and peak memory "
            "(memory-mapped files not counted) are medians over the cells that recorded them.",
            to_markdown(side_by_side(frame)),
            "**Pairs**: BGAD less the peer, in points (0.01), on the same categories, seeds and "
            "test images: mean over categories, each the mean of its cells. Methods without known "
            "anomalies are held against every number of shots, in the setting `general` alone "
            "(`hard` tests other images). In brackets a 95 % interval (Student's t over "
            "categories): where the difference would lie on other categories like these. "
            f"With fewer than {MIN_CATEGORIES} categories nothing is judged; with more, by "
            "Wilcoxon's signed ranks at 5 %, Holm's correction over the peers included.",
            to_markdown(_paired_table(pairs)),
        ]
    )


def side_by_side(frame: pd.DataFrame) -> pd.DataFrame:
    """Accuracy and cost of each method, one row for each setting and number of shots, as texts."""
    cells = pd.concat(_shared(part) for _, part in _cells(frame).groupby("setting"))
    figures = {}
    for metric in _METRICS:
        summary = summarise(cells, metric)
        average = summary[summary["category"] == AVERAGE].set_index(_ROW)
        figures[SHORT_TITLES[metric]] = {
            key: format_score(row["mean"], row["std"], row["n"]) for key, row in average.iterrows()
        }
    groups = cells.groupby(_ROW)
    cost, seeds = groups[["seconds", "memory_mb"]].median(), groups["seed"].nunique()
    rows = [
        {
            "Setting": setting,
            "Known anomalies": str(shots),
            "Profile": profile,
            "Seeds": str(seeds[key]),
            **{title: values[key] for title, values in figures.items()},
            "Seconds": f"{row.seconds:.0f}",
            "Memory": NOT_RUN if pd.isna(row.memory_mb) else f"{row.memory_mb / 1000:.1f} GB",
        }
        for key, row in cost.iterrows()
        for setting, shots, profile in [key]
    ]
    return pd.DataFrame(rows)


def differences(frame: pd.DataFrame) -> pd.DataFrame:
    """BGAD's profiles less each peer, on every cell that both have.

    Methods without known anomalies are held against every number of shots, in the setting
    ``general`` alone: ``hard`` tests other images.

    Returns
    -------
    DataFrame
        ``profile, peer, setting, shots, metric``, ``category``, ``seed``, ``difference``.
    """
    cells = _cells(frame)
    ours, peers = cells[cells["study"].isna()], cells[cells["study"] == STUDY]
    both = ours[ours["shots"] > 0].merge(peers, on=_SAME_IMAGES, suffixes=("", "_peer"))
    both = both[both["shots_peer"].isin([0]) | (both["shots_peer"] == both["shots"])]
    parts = [
        both[["profile", "setting", "shots", "category", "seed"]].assign(
            peer=both["profile_peer"],
            metric=metric,
            difference=both[column(metric)] - both[f"{column(metric)}_peer"],
        )
        for metric in _PAIRED
    ]
    return pd.concat(parts, ignore_index=True).dropna(subset="difference")


def paired(frame: pd.DataFrame) -> pd.DataFrame:
    """Summarise `differences` over categories, each the mean of its cells.

    Returns
    -------
    DataFrame
        ``profile, peer, setting, shots, metric``; ``cells``, ``categories`` (their numbers);
        ``difference`` (mean over categories), ``low, high`` (see `mean_interval`), ``better, alike,
        worse`` (numbers of categories), ``p`` (see `signed_ranks`, with Holm's correction over the
        peers that a profile is held against).
    """
    cells = differences(frame)
    rows = []
    for key, group in cells.groupby([*_GROUP, "peer"]):
        means = group.groupby("category")["difference"].mean().to_numpy()
        better, worse = (means > _TIE).sum(), (means < -_TIE).sum()
        low, high = mean_interval(means)
        rows.append(
            dict(zip([*_GROUP, "peer"], key, strict=True))
            | {"cells": len(group), "categories": len(means), "difference": means.mean()}
            | {"low": low, "high": high, "better": better, "worse": worse}
            | {"alike": len(means) - better - worse, "p": signed_ranks(means)}
        )
    table = pd.DataFrame(rows, columns=_PAIRS)
    return table.assign(p=table.groupby(_GROUP)["p"].transform(holm))


def _cells(frame: pd.DataFrame) -> pd.DataFrame:
    """Cells of BGAD's own profiles and of the peers, no control and no seed set apart."""
    own = grid_cells(frame, _DATASET)
    peers = grid_cells(frame[frame["study"] == STUDY].assign(study=None), _DATASET)
    return pd.concat([own, peers.assign(study=STUDY)]) if len(peers) else own


def _shared(cells: pd.DataFrame) -> pd.DataFrame:
    """Cells of the categories that all profiles have."""
    have = cells.groupby("category")["profile"].transform("nunique")
    return cells[have == cells["profile"].nunique()]


def _paired_table(pairs: pd.DataFrame) -> pd.DataFrame:
    rows = []
    by = ["profile", "setting", "shots", "peer"]
    for (profile, setting, shots, peer), group in pairs.groupby(by):
        row = {
            "Profile": profile,
            "Setting": setting,
            "Shots": str(shots),
            "Peer": peer,
            "Categories": str(group["categories"].max()),
            "Cells": str(group["cells"].max()),
        }
        for entry in group.itertuples():
            title = SHORT_TITLES[entry.metric]
            row[title] = f"{100 * entry.difference:+.1f}"
            if entry.categories > 1:
                row[title] += f" [{100 * entry.low:+.1f}, {100 * entry.high:+.1f}]"
            counts = f"{entry.better} / {entry.alike} / {entry.worse}"
            row[f"{title}: better / alike / worse"] = counts
        rows.append(row)
    return pd.DataFrame(rows)


def _conclusions(pairs: pd.DataFrame) -> list[str]:
    """How each of BGAD's profiles stands to its peers, at a setting's largest number of shots."""
    sentences = []
    for (profile, setting), group in pairs.groupby(["profile", "setting"]):
        group = group[group["shots"] == group["shots"].max()]
        parts = [
            f"in {SHORT_TITLES[metric]} {'; '.join(_verdicts(group[group['metric'] == metric]))}"
            for metric in _PAIRED
            if (group["metric"] == metric).any()
        ]
        shots = group["shots"].iloc[0]
        sentences.append(
            f"`{profile}` with {shots} known anomalies (`{setting}`) is {', and '.join(parts)}."
        )
    return sentences


def _verdicts(entries: pd.DataFrame) -> list[str]:
    """What is told of each peer: counts with few categories, else a judgement."""
    few = entries[entries["categories"] < MIN_CATEGORIES]
    many = entries[entries["categories"] >= MIN_CATEGORIES]
    words = []
    for entry in few.itertuples():
        verdict, count = (
            ("worse", entry.worse) if entry.difference < 0 else ("better", entry.better)
        )
        words.append(
            f"{verdict} than {entry.peer} in {count} of {entry.categories} categories "
            f"({100 * entry.difference:+.1f})"
        )
    judged = many["p"] < 0.05
    for verdict, chosen in (
        ("better than", judged & (many["difference"] > 0)),
        ("worse than", judged & (many["difference"] < 0)),
        ("not told apart from", ~judged),
    ):
        if chosen.any():
            words.append(f"{verdict} {', '.join(many.loc[chosen, 'peer'])}")
    return words
