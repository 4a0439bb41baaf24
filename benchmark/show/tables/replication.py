"""The claims of the authors' code, beside what was obtained here and how to obtain it."""

from datetime import timedelta

import pandas as pd

from benchmark.protocol.profiles import load_profile
from benchmark.results.frame import column
from benchmark.results.references import load_references
from benchmark.show.document import Code, Entry, Note, Quantity, Score, Section, Table
from benchmark.show.labels import SHORT_TITLES, dataset_label
from benchmark.show.tables.means import score, sizes
from bgad.data.registry import find_dataset

__all__ = ["section"]

_BY = "BGAD's code"
_PROFILES = ("paper", "paper-lite2", "cpu")
_PUBLISHED = ("paper", "paper-lite2", "paper-lite2-joint")
_METRICS = ("image_auroc", "pixel_auroc", "pixel_f1_max")
_TOLERANCE = 0.005


def section(frame: pd.DataFrame) -> Section:
    """Table of claims: a row for each profile that a claim is held against.

    Parameters
    ----------
    frame
        See `benchmark.results.frame.results_frame`.
    """
    references = load_references()
    claims = references[references["by"] == _BY]
    plain = frame[frame["control"].isna() & ~frame["apart"]]
    rows = []
    for claim in claims.itertuples():
        cells = plain[
            (plain["dataset"] == claim.dataset)
            & (plain["setting"] == claim.setting)
            & (plain["shots"] == claim.shots)
        ]
        for name in _PROFILES:
            ours = cells[cells["profile"] == name]
            obtained = score(ours, ours[column(claim.metric, claim.test_set)])
            rows.append(
                {
                    "Claim": f"{SHORT_TITLES[claim.metric]}, {dataset_label(claim.dataset)}, "
                    f"{claim.shots} shots",
                    "Claimed": Score(claim.value),
                    "Profile": name,
                    "Obtained": obtained,
                    "Categories, seeds": sizes(ours) if len(ours) else None,
                    "Verdict": _verdict(claim, ours, obtained),
                }
            )
    rows_how = [(Code(_command(name)), *_effort(name)) for name in _PROFILES]
    how = Table(["Command", "Backbone", "Expected for a category on one core"], rows_how)
    note = Note(
        "The claims are means over all categories, each at its best epoch on the test set. One is "
        "reproduced where all of them were run and the means differ by "
        f"{_TOLERANCE} at most."
    )
    beside = [table] if (table := _beside(plain)).rows else []
    return Section("Claimed and obtained", (Table.of(rows), note, *beside, how))


def _beside(cells: pd.DataFrame, short: str = "cpu") -> Table:
    """What the published training and a short one give on cells that both have."""
    same = ["dataset", "category", "setting", "known_type", "shots", "seed", "fingerprint"]
    tested, rows = [column(metric, "paper") for metric in _METRICS], []
    for longer in _PUBLISHED:
        for shots, own in cells[cells["profile"] == longer].groupby("shots"):
            shorter = cells[cells["profile"] == short].merge(own[same])
            own = own.merge(shorter[same])
            if own.empty:
                continue
            courses = [list(moments) or [{}] for moments in own["moments"]]
            half = pd.DataFrame((c[(len(c) - 1) // 2] for c in courses), columns=_METRICS)
            last = pd.DataFrame((c[-1] for c in courses), columns=_METRICS)
            to_half = own["vectors"] * [(len(c) + 1) // 2 / len(c) for c in courses]
            trained = {
                f"{longer}, best moments": (own, own[tested]),
                f"{longer}, half way": (own.assign(vectors=to_half), half),
                f"{longer}, last moment": (own, last),
                short: (shorter, shorter[tested]),
            }
            rows += [
                {
                    "Trained as": name,
                    "Shots": int(shots),
                    "Categories, seeds": sizes(of),
                    "Feature vectors": Quantity(of["vectors"].mean() / 1e6, spec=",.1f", unit=" M"),
                    **{
                        SHORT_TITLES[m]: score(of, values) if values.notna().any() else None
                        for m, (_, values) in zip(_METRICS, figures.items(), strict=True)
                    },
                }
                for name, (of, figures) in trained.items()
            ]
    return Table.of(rows, "The published training beside a short one, on the cells that both have")


def _verdict(claim: tuple, ours: pd.DataFrame, obtained: Score) -> Entry:
    n_all = len(find_dataset(claim.dataset).categories)
    n = ours["category"].nunique()
    if n < n_all:
        return f"open: {n} of {n_all} categories"
    return "reproduced" if abs(obtained.value - claim.value) <= _TOLERANCE else "not reproduced"


def _command(profile: str) -> str:
    return (
        f"python run_all.py --profile {profile} --dataset mvtec_ad --data-root DIR --shots 10 "
        "--seeds 0"
    )


def _effort(profile: str) -> tuple[Entry, Entry]:
    loaded = load_profile(profile)
    seconds = timedelta(seconds=round(loaded.seconds_per_cell))
    return Code(loaded.parameters["backbone"]), str(seconds)
