"""BGAD and its peers on the same cells."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

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

__all__ = ["STUDY", "markdown", "paired", "side_by_side"]

STUDY = "peers"
"""The study that peers' profiles belong to."""

_METRICS = ("image_auroc", "pixel_auroc", "pixel_f1_max", "aupro_30")
_PAIRED = ("image_auroc", "pixel_f1_max")
_TIE = 0.0005  # differences that a table of three digits does not show
_DATASET = "mvtec_ad"
_ROW = ["setting", "shots", "profile"]


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
            "**Cell by cell**: BGAD less the peer, in points (0.01), on the same category, seed "
            "and test images; methods without known anomalies are held against every number of "
            "shots, in the setting `general` alone (`hard` tests other images). In brackets a 95 % "
            "bootstrap interval over cells, a category's seeds counting as independent.",
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


def paired(frame: pd.DataFrame) -> pd.DataFrame:
    """Differences between BGAD's profiles and each peer on the cells that both have.

    Returns
    -------
    DataFrame
        ``profile, peer, setting, shots, metric``, ``n`` (cells), ``difference`` (mean), ``low,
        high`` (95 % bootstrap interval over cells), ``wins, ties, losses``.
    """
    cells = _cells(frame)
    ours, peers = cells[cells["study"].isna()], cells[cells["study"] == STUDY]
    return pd.DataFrame(
        list(_pairs(ours[ours["shots"] > 0], peers)),
        columns=[
            *("profile", "peer", "setting", "shots", "metric"),
            *("n", "difference", "low", "high", "wins", "ties", "losses"),
        ],
    )


def _cells(frame: pd.DataFrame) -> pd.DataFrame:
    """Cells of BGAD's own profiles and of the peers, no control and no seed set apart."""
    own = grid_cells(frame, _DATASET)
    peers = grid_cells(frame[frame["study"] == STUDY].assign(study=None), _DATASET)
    return pd.concat([own, peers.assign(study=STUDY)]) if len(peers) else own


def _shared(cells: pd.DataFrame) -> pd.DataFrame:
    """Cells of the categories that all profiles have."""
    have = cells.groupby("category")["profile"].transform("nunique")
    return cells[have == cells["profile"].nunique()]


def _pairs(ours: pd.DataFrame, peers: pd.DataFrame) -> Iterator[tuple]:
    on = ["category", "setting", "known_type", "seed", "fingerprint"]
    for (profile, setting, shots), mine in ours.groupby(["profile", "setting", "shots"]):
        for peer, theirs in peers.groupby("profile"):
            theirs = theirs[theirs["shots"].isin([0, shots])]
            both = mine.merge(theirs, on=on, suffixes=("", "_peer"))
            for metric in _PAIRED:
                name = column(metric)
                differences = (both[name] - both[f"{name}_peer"]).dropna().to_numpy()
                if len(differences):
                    yield profile, peer, setting, shots, metric, *_statistics(differences)


def _statistics(differences: np.ndarray) -> tuple:
    rng = np.random.default_rng(0)
    draws = rng.choice(differences, (10_000, len(differences))).mean(1)
    low, high = np.quantile(draws, [0.025, 0.975])
    wins, losses = (differences > _TIE).sum(), (differences < -_TIE).sum()
    n = len(differences)
    return n, differences.mean(), low, high, wins, n - wins - losses, losses


def _paired_table(pairs: pd.DataFrame) -> pd.DataFrame:
    rows = []
    by = ["profile", "setting", "shots", "peer"]
    for (profile, setting, shots, peer), group in pairs.groupby(by):
        row = {
            "Profile": profile,
            "Setting": setting,
            "Shots": str(shots),
            "Peer": peer,
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
    """Where each of BGAD's profiles pays and where not, at a setting's largest number of shots."""
    sentences = []
    for (profile, setting), group in pairs.groupby(["profile", "setting"]):
        group = group[group["shots"] == group["shots"].max()]
        parts = []
        for metric in _PAIRED:
            entries = group[group["metric"] == metric]
            better, worse = entries["low"] > 0, entries["high"] < 0
            words = [
                f"{verdict} {', '.join(entries.loc[chosen, 'peer'])}"
                for verdict, chosen in (
                    ("better than", better),
                    ("worse than", worse),
                    ("not told apart from", ~better & ~worse),
                )
                if chosen.any()
            ]
            if words:
                parts.append(f"in {SHORT_TITLES[metric]} {'; '.join(words)}")
        sentences.append(
            f"`{profile}` with {group['shots'].iloc[0]} known anomalies (`{setting}`) is, over the "
            f"cells that both have ({_range(group['n'])}), {', and '.join(parts)}."
        )
    return sentences


def _range(counts: pd.Series) -> str:
    low, high = counts.min(), counts.max()
    return str(low) if low == high else f"{low} to {high}"
