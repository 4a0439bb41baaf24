"""BGAD and its peers on the same cells."""

import pandas as pd

from benchmark.results.frame import column, grid_cells
from benchmark.results.statistics import holm, mean_interval, signed_ranks

__all__ = ["METRICS", "PAIRED", "STUDY", "compared_cells", "differences", "paired", "shared_cells"]

STUDY = "peers"
"""The study that peers' profiles belong to."""

METRICS = ("image_auroc", "pixel_auroc", "pixel_f1_max", "aupro_30")
PAIRED = ("image_auroc", "pixel_f1_max")
_TIE = 0.0005  # differences that a table of three digits does not show
_DATASET = "mvtec_ad"
_SAME_IMAGES = ["category", "setting", "known_type", "seed", "fingerprint"]
_GROUP = ["profile", "setting", "shots", "metric"]
_PAIRS = [
    *(*_GROUP, "peer", "cells", "categories", "difference", "low", "high"),
    *("better", "alike", "worse", "p"),
]


def differences(frame: pd.DataFrame) -> pd.DataFrame:
    """BGAD's profiles less each peer, on every cell that both have.

    Methods without known anomalies are held against every number of shots, in the setting
    ``general`` alone: ``hard`` tests other images.

    Returns
    -------
    DataFrame
        ``profile, peer, setting, shots, metric``, ``category``, ``seed``, ``difference``.
    """
    cells = compared_cells(frame)
    ours, peers = cells[cells["study"].isna()], cells[cells["study"] == STUDY]
    both = ours[ours["shots"] > 0].merge(peers, on=_SAME_IMAGES, suffixes=("", "_peer"))
    both = both[both["shots_peer"].isin([0]) | (both["shots_peer"] == both["shots"])]
    parts = [
        both[["profile", "setting", "shots", "category", "seed"]].assign(
            peer=both["profile_peer"],
            metric=metric,
            difference=both[column(metric)] - both[f"{column(metric)}_peer"],
        )
        for metric in PAIRED
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


def compared_cells(frame: pd.DataFrame, dataset: str = _DATASET) -> pd.DataFrame:
    """Cells of BGAD's own profiles and of the peers, no control and no seed set apart."""
    own = grid_cells(frame, dataset)
    peers = grid_cells(frame[frame["study"] == STUDY].assign(study=None), dataset)
    return pd.concat([own, peers.assign(study=STUDY)]) if len(peers) else own


def shared_cells(frame: pd.DataFrame) -> pd.DataFrame:
    """Those `compared_cells` of each setting whose category all its profiles have."""
    cells = compared_cells(frame)
    profiles = cells.groupby("setting")["profile"].transform("nunique")
    return cells[cells.groupby(["setting", "category"])["profile"].transform("nunique") == profiles]
