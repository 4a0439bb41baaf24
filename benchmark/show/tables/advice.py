"""Does it work on these parts, and what may help? Of a user's own data."""

from collections.abc import Iterator

import pandas as pd

from benchmark.results.frame import column, grid_cells
from benchmark.show.document import Code, Items, Note, Quantity, Section, Strong, count
from benchmark.show.labels import SHORT_TITLES, display_name
from bgad.data.registry import find_dataset
from bgad.metrics import proportion_interval

__all__ = ["section"]

_IMAGE, _TITLE = column("image_auroc"), SHORT_TITLES["image_auroc"]
_MANY = 200  # good images, as nearly every category of MVTec AD has for training
_SHRUNK = 2  # times, in either direction, from which on small defects may be lost
_SQUASHED = 1.5  # times that height and width are shrunk differently


def section(frame: pd.DataFrame, dataset: str) -> Section:
    """Say of each category and profile what an inspector would meet, and what may help.

    Parameters
    ----------
    frame
        See `benchmark.results.frame.results_frame`.
    dataset
        What it is about, in the general setting; the cells with most shots count.
    """
    cells = grid_cells(frame, dataset)
    cells = cells[cells["setting"] == "general"]
    notes = []
    for name in find_dataset(dataset).ordered(cells["category"]):
        for profile, group in cells[cells["category"] == name].groupby("profile"):
            most = group[group["shots"] == group["shots"].max()]
            head = Note(Strong(display_name(name)), ", ", Code(profile), f". {_met(most)}")
            notes.append(head + Note("".join(f" {sentence}" for sentence in _advice(group, most))))
    return Section("Does it work on these parts?", (Items(notes),) if notes else ())


def _met(cells: pd.DataFrame) -> str:
    """What happens at the nominal rate of false alarms, over all splits."""
    known = count(int(cells["shots"].iloc[0]), "known anomaly")
    auc = cells[_IMAGE].mean(skipna=False)
    if pd.isna(auc):
        return f"With {known}, no defective image is left to test: ask for fewer --shots."
    ranks = f"{_TITLE} is {auc:.3f}"
    verdicts = list(cells["verdicts"].dropna())
    if not verdicts:
        return f"With {known}, {ranks}; no false-alarm rate is promised."
    alarms, good = sum(v.false_alarms for v in verdicts), sum(v.normal for v in verdicts)
    misses, bad = sum(v.misses for v in verdicts), sum(v.anomalous for v in verdicts)
    splits = f" ({len(cells)} splits, an image counts in each)" if len(cells) > 1 else ""
    return (
        f"With {known}, {ranks}. Of {good} good images it rejects {alarms}, where "
        f"{verdicts[0].rate:.0%} were promised, and of {bad} defective ones it passes {misses}"
        f"{splits}."
    )


def _advice(group: pd.DataFrame, most: pd.DataFrame) -> Iterator[str]:
    """Sentences, each for what the cells themselves show."""
    verdicts = list(most["verdicts"].dropna())
    if verdicts:
        images = verdicts[0].normal  # the same in all splits
        alarms = sum(verdict.false_alarms for verdict in verdicts) / len(verdicts)
        if proportion_interval(round(alarms), images)[0] > verdicts[0].rate:
            yield (
                "That is more than chance allows: new good images differ from those of training. "
                "Train on good images from the same line, light and camera as those to be judged."
            )
    else:
        yield "That takes 19 good training images at 5 %, and a method that keeps some aside."
    if most["train_normal"].max() < _MANY:
        images = count(int(most["train_normal"].max()), "good image")
        yield f"It learnt from {images}: more of them need no labels, and are the first to try."
    if group["shots"].max() == 0:
        yield "None of the defective images was learnt from: --shots 0 5 tells what that is worth."
    elif group["shots"].min() == 0:
        sides = group.pivot_table(_IMAGE, "seed", "shots").dropna()
        change = 100 * (sides[sides.columns[-1]] - sides[0])
        if len(change):
            mean, least, greatest = (
                str(Quantity(points, spec="+.1f"))
                for points in (change.mean(), change.min(), change.max())
            )
            yield (
                f"Known anomalies change {_TITLE} by {mean} points"
                + (f" ({least} to {greatest})" if len(change) > 1 else "")
                + (", so that more of them may help." if change.min() > 0 else ".")
            )
    if most[column("pixel_auroc")].isna().all() and most["test_anomalous"].max() > 0:
        yield "There are no masks: with them, most methods can learn from known anomalies."
    if most["without_truth"].max() > 0:
        yield "Some defects are smaller than a pixel at this image size: take a larger one."
    yield from _of_size(most.iloc[0])


def _of_size(cell: pd.Series) -> Iterator[str]:
    height, width = cell["height"], cell["width"]
    size = str(cell["image_size"]).split(" x ")
    if pd.isna(height) or not size[0].isdigit():
        return
    down, across = height / int(size[0]), width / int(size[-1])
    what = f"Images of {height:.0f} x {width:.0f} pixels are seen at {' x '.join(size)}"
    if max(down / across, across / down) >= _SQUASHED:
        yield f"{what}, out of shape: give image_size their own."
    elif max(down, across) >= _SHRUNK:
        yield f"{what}: if what is missed is small, try a larger image_size."
