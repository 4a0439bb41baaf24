"""BGAD and its peers: accuracy and cost side by side, and differences cell by cell."""

import pandas as pd

from benchmark.results.comparison import (
    METRICS,
    PAIRED,
    STUDY,
    compared_cells,
    paired,
    shared_cells,
)
from benchmark.results.frame import AVERAGE, summarise
from benchmark.results.statistics import MIN_CATEGORIES
from benchmark.show.document import Code, Items, Note, Quantity, Score, Section, Strong, Table
from benchmark.show.labels import SHORT_TITLES
from benchmark.show.tables.caveats import caveats

__all__ = ["section", "side_by_side"]

_TITLE = "Is BGAD worth its anomalies?"
_ROW = ["setting", "shots", "profile"]


def section(frame: pd.DataFrame) -> Section:
    """Conclusions and tables, from a `benchmark.results.frame.results_frame`."""
    if not (compared_cells(frame)["study"] == STUDY).any():
        return Section(_TITLE)
    pairs = paired(frame)
    return Section(
        _TITLE,
        (
            Items(_conclusions(pairs)),
            Note(
                Strong("Side by side"),
                ": mean over the categories that all rows of a setting have, ± its standard "
                "deviation over seeds; seconds (features from the cache) and peak memory "
                "(memory-mapped files not counted) are medians over the cells that recorded them, "
                "seconds of different machines.",
            ),
            side_by_side(frame),
            Note(
                Strong("Pairs"),
                ": BGAD less the peer, in points (0.01), on the same categories, seeds and test "
                "images: mean over categories, each the mean of its cells. Methods without known "
                "anomalies are held against every number of shots, in the setting ",
                Code("general"),
                " alone (",
                Code("hard"),
                " tests other images). In brackets a 95 % interval (Student's t over categories): "
                "where the difference would lie on other categories like these. With fewer than "
                f"{MIN_CATEGORIES} categories nothing is judged; with more, by Wilcoxon's signed "
                "ranks at 5 %, Holm's correction over the peers included.",
            ),
            _paired_table(pairs),
            *caveats(compared_cells(frame)),
        ),
    )


def side_by_side(frame: pd.DataFrame) -> Table:
    """Accuracy and cost of each method, one row for each setting and number of shots."""
    cells = shared_cells(frame)
    figures = {}
    for metric in METRICS:
        summary = summarise(cells, metric)
        average = summary[summary["category"] == AVERAGE].set_index(_ROW)
        figures[SHORT_TITLES[metric]] = {
            key: Score(row["mean"], row["std"], row["n"]) for key, row in average.iterrows()
        }
    groups = cells.groupby(_ROW)
    cost, seeds = groups[["seconds", "memory_mb"]].median(), groups["seed"].nunique()
    return Table.of(
        [
            {
                "Setting": setting,
                "Known anomalies": shots,
                "Profile": profile,
                "Seeds": int(seeds[setting, shots, profile]),
                **{title: values[setting, shots, profile] for title, values in figures.items()},
                "Seconds": Quantity(row.seconds, spec=".0f"),
                "Memory": None
                if pd.isna(row.memory_mb)
                else Quantity(row.memory_mb / 1000, spec=".1f", unit=" GB"),
            }
            for (setting, shots, profile), row in cost.iterrows()
        ]
    )


def _paired_table(pairs: pd.DataFrame) -> Table:
    rows = []
    by = ["profile", "setting", "shots", "peer"]
    for (profile, setting, shots, peer), group in pairs.groupby(by):
        row = {
            "Profile": profile,
            "Setting": setting,
            "Shots": shots,
            "Peer": peer,
            "Categories": int(group["categories"].max()),
            "Cells": int(group["cells"].max()),
        }
        for entry in group.itertuples():
            title = SHORT_TITLES[entry.metric]
            limits = (100 * entry.low, 100 * entry.high) if entry.categories > 1 else None
            row[title] = Quantity(100 * entry.difference, spec="+.1f", interval=limits)
            counts = f"{entry.better} / {entry.alike} / {entry.worse}"
            row[f"{title}: better / alike / worse"] = counts
        rows.append(row)
    return Table.of(rows)


def _conclusions(pairs: pd.DataFrame) -> list[Note]:
    """How each of BGAD's profiles stands to its peers, at a setting's largest number of shots."""
    sentences = []
    for (profile, setting), group in pairs.groupby(["profile", "setting"]):
        group = group[group["shots"] == group["shots"].max()]
        parts = [
            f"in {SHORT_TITLES[metric]} {'; '.join(_verdicts(group[group['metric'] == metric]))}"
            for metric in PAIRED
            if (group["metric"] == metric).any()
        ]
        shots = group["shots"].iloc[0]
        sentences.append(
            Note(
                Code(profile),
                f" with {shots} known anomalies (",
                Code(setting),
                f") is {', and '.join(parts)}.",
            )
        )
    return sentences


def _verdicts(entries: pd.DataFrame) -> list[str]:
    """What is told of each peer: counts with few categories, else a judgement."""
    few = entries[entries["categories"] < MIN_CATEGORIES]
    many = entries[entries["categories"] >= MIN_CATEGORIES]
    words = []
    for entry in few.itertuples():
        verdict, times = (
            ("worse", entry.worse) if entry.difference < 0 else ("better", entry.better)
        )
        words.append(
            f"{verdict} than {entry.peer} in {times} of {entry.categories} categories "
            f"({Quantity(100 * entry.difference, spec='+.1f')})"
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
