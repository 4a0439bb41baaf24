"""What was learnt, in sentences whose every figure comes from stored cells."""

import pandas as pd

from benchmark.results.comparison import compared_cells
from benchmark.results.frame import AVERAGE, column, grid_cells, summarise, types_frame
from benchmark.results.statistics import mean_interval
from benchmark.show.document import Code, Items, Note, Quantity, Section, Strong, count
from benchmark.show.labels import SHORT_TITLES, display_name
from benchmark.show.tables.caveats import caveats

__all__ = ["section"]

_TITLE = "What was learnt"

_DATASET, _PROFILE = "mvtec_ad", "cpu"
_IMAGE, _PIXEL, _BOUNDARY = "image_auroc", "pixel_f1_max", "pixel_f1_boundary"
_IMAGE_AUC, _PIXEL_F1 = SHORT_TITLES[_IMAGE], SHORT_TITLES[_PIXEL]
_PAIR = ["category", "shots", "seed"]
_PEER = "patchcore"
_UNPASTED, _PATCHES = "no-cut-paste", "normal-patches"
_TIE = 0.0005  # differences that three digits do not show


def section(
    frame: pd.DataFrame,
    most: int | None = None,
    dataset: str = _DATASET,
    profile: str = _PROFILE,
) -> Section:
    """Write the findings as a list; each only if its cells exist.

    Parameters
    ----------
    frame
        See `benchmark.results.frame.results_frame`, studies included.
    most
        So many at most, the first ones.
    dataset, profile
        What they are about, on the test set ``common``.
    """
    cells = grid_cells(frame, dataset)
    cells = cells[cells["profile"] == profile]
    general = cells[cells["setting"] == "general"]
    found = [
        _known_anomalies(general),
        _beside_peer(frame, dataset, profile),
        _shuffled_labels(frame[frame["dataset"] == dataset], general),
        _unseen_types(cells),
        _boundary(general),
        _selection_on_test(general, frame[frame["dataset"] == dataset]),
        _failures(general),
    ]
    basis = Note(
        "Profile ",
        Code(profile),
        ", test set ",
        Code("common"),
        ", means over seeds; a point is 0.01.",
    )
    notes = [note for note in found if note][:most]
    title = _TITLE if profile == _PROFILE else f"{_TITLE}: {profile}"
    return Section(title, (basis, Items(notes), *caveats(cells)) if notes else ())


def _known_anomalies(general: pd.DataFrame) -> Note | None:
    """What known anomalies buy, on the categories and seeds that all numbers of shots have."""
    cells = _in_all_shots(general)
    shots = sorted(cells["shots"].unique())
    if len(shots) < 2:
        return None
    curves = []
    for metric in (_IMAGE, _PIXEL):
        averages = summarise(cells, metric).set_index(["category", "shots"])["mean"][AVERAGE]
        if averages.isna().any():
            return None
        path = " → ".join(f"{averages[n]:.3f}" for n in shots)
        curves.append(
            f"{SHORT_TITLES[metric]} {path} ({_points(averages[shots[-1]] - averages[shots[0]])})"
        )
    seeds = cells["seed"].nunique()
    return Note(
        Strong("What known anomalies buy."),
        f" With {' → '.join(map(str, shots))} of them, "
        f"{' and '.join(curves)}, mean of {count(cells['category'].nunique(), 'category')} and "
        f"{count(seeds, 'seed')} on the same test images; {_where_it_helps(cells, shots)}.",
    )


def _beside_peer(frame: pd.DataFrame, dataset: str, profile: str) -> Note | None:
    """A method that sees no anomaly, on the same categories, seeds and images."""
    cells = compared_cells(frame, dataset)
    cells = cells[cells["setting"] == "general"]
    ours, peer = cells[cells["profile"] == profile], cells[cells["profile"] == _PEER]
    parts = []
    for shots in sorted({ours["shots"].min(), ours["shots"].max()}):
        own = ours[ours["shots"] == shots]
        gains = _gains(own, peer)
        if gains is None:
            return None
        words = [
            f"{SHORT_TITLES[metric]} by {_points(gains[metric].mean())} (greater in "
            f"{(gains[metric] > _TIE).sum()} of {count(len(gains), 'category')})"
            for metric in (_IMAGE, _PIXEL)
        ]
        parts.append(f"with {count(shots, 'known anomaly')} in {' and '.join(words)}")
    if not parts:
        return None
    return Note(
        Strong("Beside a memory of normal patches."),
        " From PatchCore, which sees no anomaly, on the same images and features, it differs "
        f"{', '.join(parts)}.",
    )


def _shuffled_labels(frame: pd.DataFrame, general: pd.DataFrame) -> Note | None:
    """Known anomalies whose labels point at nothing, and patches of normals, against none."""
    plain = frame[(frame["setting"] == "general") & (frame["shots"] == 0) & ~frame["apart"]]
    none = general[general["shots"] == 0]
    shuffled = frame[(frame["control"] == "shuffled_labels") & ~frame["apart"]]
    ours = shuffled[shuffled["profile"].isin(general["profile"])]
    shuffled = shuffled[shuffled["shots"] == ours["shots"].max()]
    ours = ours[ours["shots"] == ours["shots"].max()]
    gains = _gains(ours, none)
    if gains is None:
        return None
    low, high = mean_interval(gains[_IMAGE].to_numpy())
    if low > 0:
        verdict = "part of what known anomalies give is given by any pasted patch"
    elif high < 0:
        verdict = "it is what they show that helps, not that something is pasted"
    else:
        verdict = "too little to tell whether any pasted patch teaches"
    unpasted = _gains(shuffled[shuffled["profile"] == _UNPASTED], none)
    patches = _gains(plain[plain["profile"] == _PATCHES], none)
    more = ""
    if unpasted is not None and unpasted.index.equals(gains.index):
        back = gains[_IMAGE] - unpasted[_IMAGE]
        more += (
            f" Without CutPaste they change it by {_points(unpasted[_IMAGE].mean())}: "
            f"CutPaste gives back {_points(back.mean())} (in {(back > _TIE).sum()} of "
            f"{count(len(back), 'category')})."
        )
    if patches is not None and patches.index.equals(gains.index):
        more += (
            " Patches of normal images, pasted as if known, change it by "
            f"{_points(patches[_IMAGE].mean())}, {_PIXEL_F1} by {_points(patches[_PIXEL].mean())}."
        )
    return Note(
        Strong("Shuffled labels against 0 shots."),
        f" {count(ours['shots'].max(), 'known anomaly')} drawn from all training images at random "
        f"change {_IMAGE_AUC} by {_points(gains[_IMAGE].mean())} (greater in "
        f"{(gains[_IMAGE] > _TIE).sum()} of {count(len(gains), 'category')}, "
        f"{count(len({*ours['seed']} & {*none['seed']}), 'seed')}): {verdict}.{more}",
    )


def _gains(cells: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame | None:
    """What cells have above others of the same seed and images, by category; None if one lacks."""
    pairs = cells.merge(others, on=["category", "seed", "fingerprint"], suffixes=("", " other"))
    gains = pd.DataFrame(
        {m: pairs[column(m)] - pairs[column(m) + " other"] for m in (_IMAGE, _PIXEL)}
    )
    gains = gains.groupby(pairs["category"]).mean()
    complete = len(gains) and len(gains) == cells["category"].nunique()
    return gains if complete and gains.notna().all(axis=None) else None


def _where_it_helps(cells: pd.DataFrame, shots: list[int]) -> str:
    """Categories whose image AUROC rises, by more than the seeds' deviation, and the others."""
    values = cells.pivot(index=["category", "seed"], columns="shots", values=column(_IMAGE))
    gains = (100 * (values[shots[-1]] - values[shots[0]])).groupby("category")
    gains = gains.agg(["mean", "std"]).sort_values("mean", ascending=False)
    rises = gains["mean"] > gains["std"].fillna(0).clip(lower=0.05)  # +0.0, as written, is no gain
    names = pd.Series(
        [
            f"{display_name(row.Index)} ({_signed(row.mean)}"
            + f" ± {row.std:.1f}" * pd.notna(row.std)
            + ")"
            for row in gains.itertuples()
        ],
        gains.index,
    )
    helped, others = ", ".join(names[rises]), ", ".join(names[~rises])
    than = " by more than its deviation over seeds" if gains["std"].notna().any() else ""
    text = f"{_IMAGE_AUC} rises{than} on {helped or 'no category'}"
    return f"{text}, not on {others}" if others else text


def _unseen_types(cells: pd.DataFrame) -> Note | None:
    """The same types at the same seeds: unseen beside another known one, seen, and none known.

    Normal test images are the same; of the types themselves, the general setting tests fewer
    images, as it takes its known anomalies from them.
    """
    types = types_frame(cells)
    hard = types[(types["setting"] == "hard") & (types["shots"] > 0)]
    hard = hard[hard["shots"] == hard["shots"].max()]
    general = types[types["setting"] == "general"]
    key = ["category", "type", "seed"]
    seen = general[general["shots"] == hard["shots"].max()].set_index(key)["image_auroc"]
    none = general[general["shots"] == 0].set_index(key)["image_auroc"]
    unseen = hard.groupby(key)["image_auroc"].mean()
    sides = pd.concat({"unseen": unseen, "seen": seen, "none": none}, axis=1)
    sides = sides.dropna(subset=["unseen", "seen"])
    if sides["none"].isna().any():
        sides = sides.drop(columns="none")
    if sides.empty:
        return None
    means = sides.groupby(["category", "type"]).mean()
    n_types, categories = len(means), means.index.get_level_values("category").nunique()
    means = means.mean()
    untrained = ""
    if "none" in means:
        untrained = (
            f", and by {_points(means['unseen'] - means['none'])} from where none is known "
            f"({means['none']:.3f})"
        )
    return Note(
        Strong("Unseen types."),
        f" If the {hard['shots'].max()} known anomalies (or as many as there are) "
        f"are all of one type, the other types reach {_IMAGE_AUC} {means['unseen']:.3f}: this "
        f"differs by {_points(means['unseen'] - means['seen'])} from the same types where the "
        f"known anomalies are of all types ({means['seen']:.3f}){untrained} (mean of "
        f"{count(n_types, 'type')} of {count(categories, 'category')}).",
    )


def _selection_on_test(general: pd.DataFrame, frame: pd.DataFrame) -> Note | None:
    """The oracle that takes the moment of training which is best on test, in the same cells."""
    is_oracle = frame["profile"].str.replace("_", "-").str.contains("best-on-test")
    oracle = frame[is_oracle & (frame["setting"] == "general") & ~frame["apart"]]
    pairs = oracle.merge(general, on=["method", *_PAIR], suffixes=("", " last"))
    if pairs.empty or oracle["profile"].nunique() > 1:
        return None
    worth = []
    for metric in ("image_auroc", "pixel_auroc"):
        best, last = (pairs[column(metric) + suffix].mean() for suffix in ("", " last"))
        worth.append(f"{SHORT_TITLES[metric]} by {_points(best - last)} ({last:.3f} → {best:.3f})")
    if pairs[[column("image_auroc"), column("pixel_auroc")]].isna().any(axis=None):
        return None
    return Note(
        Strong("Selection on test."),
        f" To report the moment of training that is best on the test images, "
        f"as the authors' code does, instead of the last changes {' and '.join(worth)} without "
        f"any better detector ({count(len(pairs), 'cell')}).",
    )


def _failures(general: pd.DataFrame) -> Note | None:
    """The category and the anomaly type with the lowest image AUROC, with the most anomalies."""
    cells = general[general["shots"] == general["shots"].max()]
    categories = summarise(cells, _IMAGE)
    categories = categories[categories["category"] != AVERAGE].dropna(subset="mean")
    types = types_frame(cells).groupby(["category", "type"])
    figures = types["image_auroc"].mean().dropna()
    if categories.empty or figures.empty:
        return None
    worst = categories.loc[categories["mean"].idxmin()]
    category, type_ = figures.idxmin()
    return Note(
        Strong("Where it fails."),
        f" With {count(cells['shots'].max(), 'known anomaly')}, the lowest "
        f"{_IMAGE_AUC} of a category is that of {display_name(worst['category'])} "
        f"({worst['mean']:.3f}), and of an anomaly type that of {display_name(category)}, ",
        Code(type_),
        f" ({figures.min():.3f} against all normal test images).",
    )


def _boundary(general: pd.DataFrame) -> Note | None:
    """The threshold that training gives, held against the one that only the test labels tell."""
    cells = general[general["shots"] == general["shots"].max()]
    both = cells.groupby("category")[[column(_BOUNDARY), column(_PIXEL)]].mean()
    if both.empty or cells[list(both)].isna().any(axis=None):
        return None
    boundary, oracle = both.mean()
    gaps = both[column(_PIXEL)] - both[column(_BOUNDARY)]
    widest = ""
    if len(gaps) > 1:
        widest = (
            f"; the difference is largest on {display_name(gaps.idxmax())} ({100 * gaps.max():.1f})"
        )
    alarms, verdict = cells["false_alarms"].dropna(), ""
    if len(alarms):
        verdict = (
            f" It outlines defects and is no verdict on images: {alarms.mean():.0%} of the normal "
            f"test images have a pixel beyond it ({count(len(alarms), 'cell')})."
        )
    verdicts = cells["verdicts"].dropna()
    if len(verdicts):
        rejected = sum(v.false_alarms for v in verdicts) / sum(v.normal for v in verdicts)
        passed = sum(v.misses for v in verdicts) / sum(v.anomalous for v in verdicts)
        verdict += (
            f" Calibrated to reject {verdicts.iloc[0].rate:.0%} of good images, it rejects "
            f"{rejected:.0%}, and lets {passed:.0%} of the defective ones pass."
        )
    return Note(
        Strong("A threshold without test labels."),
        f" At the explicit boundary, fixed on normal training "
        f"images, {_PIXEL_F1} is {boundary:.3f}, where the best threshold on test reaches "
        f"{oracle:.3f} ({_points(boundary - oracle)}, "
        f"{count(cells['shots'].max(), 'known anomaly')}, mean of {count(len(both), 'category')})"
        f"{widest}.{verdict}",
    )


def _in_all_shots(general: pd.DataFrame) -> pd.DataFrame:
    """Cells of the categories and seeds that every number of shots has."""
    shots = general["shots"].nunique()
    counts = general.groupby(["category", "seed"])["shots"].transform("nunique")
    return general[counts == shots]


def _points(difference: float) -> str:
    return f"{_signed(100 * difference)} points"


def _signed(value: float) -> str:
    return str(Quantity(value, spec="+.1f"))
