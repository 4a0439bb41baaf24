"""The claims of the authors' code, beside what was obtained here and how to obtain it."""

from collections.abc import Iterator
from datetime import timedelta
from functools import reduce

import pandas as pd

from benchmark.protocol.profiles import load_profile
from benchmark.results.frame import column
from benchmark.results.references import load_references
from benchmark.show.document import Code, Entry, Note, Quantity, Score, Section, Table
from benchmark.show.labels import SHORT_TITLES, dataset_label, display_name
from benchmark.show.tables.caveats import caveats
from benchmark.show.tables.means import points, score, sizes
from bgad.data.registry import find_dataset

__all__ = ["section"]

_BY = "BGAD's code"
_PROFILES = ("paper", "paper-lite2", "cpu")
# Profiles of the published training, and what each is held against on the same cells.
_PUBLISHED = {
    "paper": ["cpu"],
    "paper-lite2": ["cpu"],
    "paper-lite2-joint": ["paper-lite2", "cpu"],
}
_METRICS = ("image_auroc", "pixel_auroc", "pixel_f1_max")
_SAME = ["category", "setting", "known_type", "shots", "seed", "fingerprint"]
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
    beside = [
        table
        for dataset in claims["dataset"].unique()
        for table in _beside(plain[plain["dataset"] == dataset], dataset)
    ]
    notes = caveats(plain[plain["profile"].isin(_PROFILES)])
    return Section("Claimed and obtained", (Table.of(rows), note, *beside, *notes, how))


def _beside(cells: pd.DataFrame, dataset: str) -> list[Table]:
    """What each published training gives, and others on the same cells: means, and categories."""
    run = cells.loc[cells["profile"].isin(_PUBLISHED), "category"]
    means: list[dict[str, Entry]] = []
    changes: list[dict[str, Entry]] = []
    for shots, alike in _on_the_same_cells(cells):
        means += [
            {
                "Trained as": trained_as,
                "Shots": shots,
                "Categories, seeds": sizes(of),
                "Feature vectors": Quantity(of["vectors"].mean() / 1e6, spec=",.1f", unit=" M"),
                **{
                    SHORT_TITLES[m]: score(of, values) if values.notna().any() else None
                    for m, (_, values) in zip(_METRICS, figures.items(), strict=True)
                },
            }
            for name, own in alike.items()
            for trained_as, of, figures in _moments(name, own)
        ]
        (longer, own), (other, theirs), *_ = alike.items()
        for metric in _METRICS:
            figures = column(metric, "paper")
            change = own[figures] - own[_SAME].merge(theirs)[figures]
            row = {"Best moments of": longer, "less": other, "Shots": shots}
            row["in points"] = SHORT_TITLES[metric]
            for name in find_dataset(dataset).ordered(run):
                row[display_name(name)] = points(change[own["category"] == name])
            changes.append(row)
    if not means:
        return []
    title = f"Published and short training on the same cells, {dataset_label(dataset)}"
    return [Table.of(means, title), Table.of(changes)]


def _on_the_same_cells(cells: pd.DataFrame) -> Iterator[tuple[int, dict[str, pd.DataFrame]]]:
    """Shots, and cells by profile: a published training's, then those that it is held against."""
    for longer, others in _PUBLISHED.items():
        for shots, own in cells[cells["profile"] == longer].groupby("shots"):
            alike = {name: cells[cells["profile"] == name] for name in others}
            shared = reduce(pd.merge, [of[_SAME] for of in alike.values()], own[_SAME])
            if len(shared):
                yield int(shots), {n: of.merge(shared) for n, of in ({longer: own} | alike).items()}


def _moments(name: str, cells: pd.DataFrame) -> list[tuple[str, pd.DataFrame, pd.DataFrame]]:
    """Name, cells and figures: of a published training also half way, and of its last moment."""
    reported = cells[[column(metric, "paper") for metric in _METRICS]]
    if name not in _PUBLISHED:
        return [(name, cells, reported)]
    courses = [list(moments) or [{}] for moments in cells["moments"]]
    half = pd.DataFrame((c[(len(c) - 1) // 2] for c in courses), columns=_METRICS)
    last = pd.DataFrame((c[-1] for c in courses), columns=_METRICS)
    to_half = cells["vectors"] * [(len(c) + 1) // 2 / len(c) for c in courses]
    return [
        (f"{name}, best moments", cells, reported),
        (f"{name}, half way", cells.assign(vectors=to_half), half),
        (f"{name}, last moment", cells, last),
    ]


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
