"""BGAD and its peers on the same cells."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from benchmark.tables import (
    AVERAGE,
    SHORT_TITLES,
    column,
    format_score,
    grid_cells,
    summarise,
    to_markdown,
)

__all__ = ["STUDY", "markdown", "paired", "side_by_side"]

STUDY = "peers"
"""The study that peers' profiles belong to."""

_METRICS = ("image_auroc", "pixel_auroc", "pixel_f1_max", "aupro_30")
_PAIRED = ("image_auroc", "pixel_f1_max")
_TIE = 0.0005  # differences that a table of three digits does not show
_DATASET = "mvtec_ad"


def markdown(frame: pd.DataFrame) -> str:
    """Tables and conclusions in Markdown, from a `benchmark.tables.results_frame`."""
    cells = _cells(frame)
    if not (cells["study"] == STUDY).any():
        return "No runs yet."
    pairs = paired(frame)
    return "\n\n".join(
        [
            *(f"- {sentence}" for sentence in _conclusions(pairs)),
            "**Side by side**: mean over the categories that all rows have, ± its standard "
            "deviation over seeds; seconds and memory are medians over cells, two cells at a time.",
            to_markdown(side_by_side(frame)),
            "**Cell by cell**: BGAD less the peer, in points (0.01), on the same category, seed "
            "and test images; methods without known anomalies are held against every number of "
            "shots. In brackets a 95 % bootstrap interval over cells.",
            to_markdown(_paired_table(pairs)),
        ]
    )


def side_by_side(frame: pd.DataFrame) -> pd.DataFrame:
    """Accuracy and cost of each method, one row for each number of shots, as texts."""
    cells = _cells(frame)
    shared = set.intersection(*(set(c) for _, c in cells.groupby("profile")["category"]))
    cells = cells[cells["category"].isin(shared)]
    figures = {}
    for metric in _METRICS:
        summary = summarise(cells, metric)
        average = summary[summary["category"] == AVERAGE].set_index(["profile", "shots"])
        figures[SHORT_TITLES[metric]] = {
            key: format_score(row["mean"], row["std"], row["n"]) for key, row in average.iterrows()
        }
    cost = cells.groupby(["profile", "shots"])[["seconds", "memory_mb"]].median()
    seeds = cells.groupby(["profile", "shots"])["seed"].nunique()
    rows = [
        {
            "Profile": profile,
            "Known anomalies": str(shots),
            "Seeds": str(seeds[profile, shots]),
            **{title: values[profile, shots] for title, values in figures.items()},
            "Seconds": f"{row.seconds:.0f}",
            "Memory": f"{row.memory_mb / 1000:.1f} GB",
        }
        for (profile, shots), row in cost.iterrows()
    ]
    return pd.DataFrame(rows).sort_values(["Known anomalies", "Profile"], key=_numbers)


def paired(frame: pd.DataFrame) -> pd.DataFrame:
    """Differences between BGAD's profiles and each peer on the cells that both have.

    Returns
    -------
    DataFrame
        ``profile, peer, shots, metric``, ``n`` (cells), ``difference`` (mean), ``low, high`` (95 %
        bootstrap interval over cells), ``wins, ties, losses``.
    """
    cells = _cells(frame)
    ours, peers = cells[cells["study"].isna()], cells[cells["study"] == STUDY]
    return pd.DataFrame(
        list(_pairs(ours[ours["shots"] > 0], peers)),
        columns=[
            *("profile", "peer", "shots", "metric", "n", "difference", "low", "high"),
            *("wins", "ties", "losses"),
        ],
    )


def _cells(frame: pd.DataFrame) -> pd.DataFrame:
    """General cells of BGAD's own profiles and of the peers, no seed set apart."""
    own = grid_cells(frame, _DATASET)
    peers = grid_cells(frame[frame["study"] == STUDY].assign(study=None), _DATASET)
    cells = pd.concat([own, peers.assign(study=STUDY)]) if len(peers) else own
    return cells[cells["setting"] == "general"]


def _pairs(ours: pd.DataFrame, peers: pd.DataFrame) -> Iterator[tuple]:
    on = ["category", "seed", "fingerprint"]
    for (profile, shots), mine in ours.groupby(["profile", "shots"]):
        for peer, theirs in peers.groupby("profile"):
            theirs = theirs[theirs["shots"].isin([0, shots])]
            both = mine.merge(theirs, on=on, suffixes=("", "_peer"))
            for metric in _PAIRED:
                name = column(metric)
                differences = (both[name] - both[f"{name}_peer"]).dropna().to_numpy()
                if len(differences):
                    yield profile, peer, shots, metric, *_statistics(differences)


def _statistics(differences: np.ndarray) -> tuple:
    rng = np.random.default_rng(0)
    draws = rng.choice(differences, (10_000, len(differences))).mean(1)
    low, high = np.quantile(draws, [0.025, 0.975])
    wins, losses = (differences > _TIE).sum(), (differences < -_TIE).sum()
    n = len(differences)
    return n, differences.mean(), low, high, wins, n - wins - losses, losses


def _paired_table(pairs: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for (profile, peer, shots), group in pairs.groupby(["profile", "peer", "shots"]):
        row = {
            "Profile": profile,
            "Peer": peer,
            "Shots": str(shots),
            "Cells": str(group["n"].max()),
        }
        for entry in group.itertuples():
            title = SHORT_TITLES[entry.metric]
            interval = f"[{100 * entry.low:+.1f}, {100 * entry.high:+.1f}]"
            row[title] = f"{100 * entry.difference:+.1f} {interval}"
            row[f"{title}: wins / ties / losses"] = f"{entry.wins} / {entry.ties} / {entry.losses}"
        rows.append(row)
    return pd.DataFrame(rows)


def _conclusions(pairs: pd.DataFrame) -> list[str]:
    """Where each of BGAD's profiles pays and where not, at its largest number of shots."""
    sentences = []
    for profile, group in pairs.groupby("profile"):
        group = group[group["shots"] == group["shots"].max()]
        parts = []
        for metric in _PAIRED:
            entries = group[group["metric"] == metric]
            words = [
                f"{verdict} {', '.join(names)}"
                for verdict, names in (
                    ("better than", entries.loc[entries["low"] > 0, "peer"]),
                    ("worse than", entries.loc[entries["high"] < 0, "peer"]),
                    (
                        "not told apart from",
                        entries.loc[(entries["low"] <= 0) & (entries["high"] >= 0), "peer"],
                    ),
                )
                if len(names)
            ]
            parts.append(f"in {SHORT_TITLES[metric]} {'; '.join(words)}")
        sentences.append(
            f"`{profile}` with {group['shots'].iloc[0]} known anomalies is, over all cells, "
            f"{', and '.join(parts)}."
        )
    return sentences


def _numbers(values: pd.Series) -> pd.Series:
    return pd.to_numeric(values) if values.name == "Known anomalies" else values
