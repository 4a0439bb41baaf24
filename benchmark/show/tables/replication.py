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
# Of which the claims were made: with the Adam of the torch of their time, and of today's.
_CLAIMED = ("paper-joint", "paper")
_PROFILES = (*_CLAIMED, "paper-lite2-joint", "paper-lite2", "cpu")
# Profiles of the published training, and what each is held against on the same cells.
_PUBLISHED = {
    "paper-joint": ["paper", "cpu"],
    "paper": ["cpu"],
    "paper-lite2": ["cpu", "best-on-test", "patchcore"],
    "paper-lite2-joint": ["paper-lite2", "cpu"],
}
_OURS = "cpu"
_METRICS = ("image_auroc", "pixel_auroc", "pixel_f1_max", "aupro_30")
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
                    "Verdict": _verdict(claim, name, ours, obtained),
                }
            )
    rows_how = [(Code(_command(name)), *_effort(name)) for name in _PROFILES]
    how = Table(["Command", "Backbone", "Expected for a category on one core"], rows_how)
    note = Note(
        "The claims are means over all categories, each at its best epoch on the test set, on the "
        "published backbone. One is reproduced where all of them were run and the means differ by "
        f"{_TOLERANCE} at most; obtained are means over seeds. All figures here are of all "
        "images that are not trained on, those of other pages mostly of the test set ",
        Code("common"),
        ".",
    )
    beside = [
        table
        for (dataset, setting), _ in claims.groupby(["dataset", "setting"])
        for table in _beside(
            plain[(plain["dataset"] == dataset) & (plain["setting"] == setting)], dataset
        )
    ]
    notes = caveats(plain[plain["profile"].isin(_PROFILES)])
    return Section("Claimed and obtained", (Table.of(rows), note, *beside, *notes, how))


def _beside(cells: pd.DataFrame, dataset: str) -> list[Table]:
    """What each published training gives, and others on the same cells: means, and categories."""
    means: dict[str, list[dict[str, Entry]]] = {}
    changes: list[dict[str, Entry]] = []
    for longer, shots, alike in _on_the_same_cells(cells):
        means.setdefault(longer, []).extend(
            {
                "Trained as": trained_as,
                "Shots": shots,
                "Categories, seeds": sizes(of),
                "Feature vectors": Quantity(
                    vectors.mean() / 1e6, n=vectors.count(), spec=",.1f", unit=" M"
                ),
                **{
                    SHORT_TITLES[m]: score(of, values) if values.notna().any() else None
                    for m, (_, values) in zip(_METRICS, figures.items(), strict=True)
                },
            }
            for name, own in alike.items()
            for trained_as, of, vectors, figures in _moments(name, own)
        )
        own = alike.pop(longer)
        for other, theirs in alike.items():
            pairs = own.merge(theirs, on=_SAME, suffixes=("", " less"))
            for category, pair in _by_category(pairs, dataset):
                row = {"Best moments of": longer, "minus": other, "Shots": shots}
                row["Category"] = display_name(category)
                for metric in _METRICS:
                    figures = column(metric, "paper")
                    row[SHORT_TITLES[metric]] = points(pair[figures] - pair[f"{figures} less"])
                changes.append(row)
    if not means:
        return []
    label = dataset_label(dataset)
    return [
        *(Table.of(rows, f"{name} and others, {label}") for name, rows in means.items()),
        Table.of(changes, f"Differences in points, {label}"),
        Table.of(_spread(cells, dataset), f"Deviation of {_OURS} over its seeds, in points"),
    ]


def _by_category(cells: pd.DataFrame, dataset: str) -> Iterator[tuple[str, pd.DataFrame]]:
    for name in find_dataset(dataset).ordered(cells["category"]):
        yield name, cells[cells["category"] == name]


def _spread(cells: pd.DataFrame, dataset: str) -> list[dict[str, Entry]]:
    """How much figures of the short training differ between seeds, to judge a difference by."""
    published = cells[cells["profile"].isin(_PUBLISHED)]
    ours = cells[(cells["profile"] == _OURS) & cells["shots"].isin(published["shots"])]
    return [
        {"Category": display_name(name), "Shots": int(shots), "Seeds": len(alike)}
        | {
            SHORT_TITLES[m]: Quantity(100 * alike[column(m, "paper")].std(), spec=".1f")
            for m in _METRICS
        }
        for shots, cells_of in ours.groupby("shots")
        for name, alike in _by_category(cells_of, dataset)
    ]


def _on_the_same_cells(
    cells: pd.DataFrame,
) -> Iterator[tuple[str, int, dict[str, pd.DataFrame]]]:
    """A published training, shots, and cells by profile: its own, and of those it is held to."""
    for longer, others in _PUBLISHED.items():
        for shots, own in cells[cells["profile"] == longer].groupby("shots"):
            alike = {name: cells[cells["profile"] == name].merge(own[_SAME]) for name in others}
            alike = {longer: own} | {name: of for name, of in alike.items() if len(of)}
            shared = reduce(pd.merge, [of[_SAME] for of in alike.values()])
            if len(alike) > 1 and len(shared):
                yield longer, int(shots), {name: of.merge(shared) for name, of in alike.items()}


def _moments(
    name: str, cells: pd.DataFrame
) -> list[tuple[str, pd.DataFrame, pd.Series, pd.DataFrame]]:
    """Name, cells, vectors, figures: of a published training also half way and at the end."""
    reported = cells[[column(metric, "paper") for metric in _METRICS]]
    if name not in _PUBLISHED:
        return [(name, cells, cells["vectors"], reported)]
    courses = [list(moments) or [{}] for moments in cells["moments"]]
    half, last = (
        pd.DataFrame(moments, columns=["vectors", *_METRICS])
        for moments in ([c[(len(c) - 1) // 2] for c in courses], [c[-1] for c in courses])
    )
    return [
        (f"{name}, best moments", cells, cells["vectors"], reported),
        (f"{name}, half way", cells, half.pop("vectors"), half),
        (f"{name}, last moment", cells, last.pop("vectors"), last),
    ]


def _verdict(claim: tuple, profile: str, ours: pd.DataFrame, obtained: Score) -> Entry:
    if profile not in _CLAIMED:
        return "not claimed"
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
