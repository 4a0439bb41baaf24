"""The claims of the authors' code, beside what was obtained here and how to obtain it."""

from datetime import timedelta

import pandas as pd

from benchmark.protocol.profiles import load_profile
from benchmark.results.frame import column
from benchmark.results.references import load_references
from benchmark.show.document import Code, Entry, Note, Score, Section, Table, count
from benchmark.show.labels import SHORT_TITLES, dataset_label
from benchmark.show.tables.means import score, sizes
from bgad.data.registry import find_dataset

__all__ = ["section"]

_BY = "BGAD's code"
_PROFILES = ("paper", "paper-lite2", "cpu")
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
    beside = [Note(text)] if (text := _beside(plain)) else []
    return Section("Claimed and obtained", (Table.of(rows), note, *beside, how))


def _beside(cells: pd.DataFrame, longer: str = "paper-lite2", shorter: str = "cpu") -> str:
    """What a longer and a shorter training of the same cells give; nothing without such cells."""
    same = ["dataset", "category", "setting", "known_type", "shots", "seed", "fingerprint"]
    left, right = (cells[cells["profile"] == name] for name in (longer, shorter))
    pairs = left.merge(right, on=same, suffixes=("", "_shorter"))
    if pairs.empty:
        return ""
    figures = ", ".join(
        f"{SHORT_TITLES[metric]} {pairs[column(metric)].mean():.3f} against "
        f"{pairs[column(metric) + '_shorter'].mean():.3f}"
        for metric in ("image_auroc", "pixel_auroc", "pixel_f1_max")
    )
    ratio = (pairs["vectors"] / pairs["vectors_shorter"]).mean()
    return (
        f"On the {count(len(pairs), 'cell')} that both have, {longer} gives, by its best moment "
        f"on the test set, {figures} of {shorter}, which is trained on 1/{ratio:.0f} of the "
        "feature vectors."
    )


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
