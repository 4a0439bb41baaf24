"""As an inspector would use it: good parts rejected and bad ones passed, at a promised rate."""

import pandas as pd

from benchmark.results.comparison import compared_cells
from benchmark.show.document import Entry, Note, Quantity, Section, Table
from benchmark.show.labels import dataset_label, display_name
from benchmark.show.tables.caveats import caveats
from bgad.data.registry import find_dataset
from bgad.metrics import proportion_interval

__all__ = ["section"]

_LEGEND = Note(
    "An image is rejected if split-conformal calibration on normal training images says so, at a "
    "nominal share of false alarms: a promise that holds where new normal images are like those of "
    "training. Shares in percent, over the test images of all seeds; in brackets the exact 95 % "
    "interval (Clopper and Pearson) for the images of one seed, as seeds share their normal ones. "
    "The setting is general, with the fewest and the most known anomalies."
)


def section(frame: pd.DataFrame) -> Section:
    """Table of false alarms and misses, a row for each category, number of shots and profile.

    Parameters
    ----------
    frame
        See `benchmark.results.frame.results_frame`; cells without calibration are left out.
    """
    rows = []
    for dataset in sorted(frame["dataset"].unique()):
        cells = compared_cells(frame, dataset)
        cells = cells[(cells["setting"] == "general") & cells["verdicts"].notna()]
        cells = cells[cells["shots"].isin([cells["shots"].min(), cells["shots"].max()])]
        for name in find_dataset(dataset).ordered(cells["category"]):
            group = cells[cells["category"] == name].groupby(["shots", "profile"])
            rows += [
                {"Data set": dataset_label(dataset), "Category": display_name(name)}
                | {"Shots": shots, "Profile": profile}
                | _figures(part["verdicts"].tolist())
                for (shots, profile), part in group
            ]
    title = "As an inspector would use it"
    notes = caveats(frame[frame["verdicts"].notna()])
    return Section(title, (_LEGEND, Table.of(rows), *notes) if rows else ())


def _figures(verdicts: list) -> dict[str, Entry]:
    rate = verdicts[0].rate
    alarms = [(verdict.false_alarms, verdict.normal) for verdict in verdicts]
    misses = [(verdict.misses, verdict.anomalous) for verdict in verdicts]
    return {
        "Seeds": len(verdicts),
        "Calibrated on": round(sum(v.calibration for v in verdicts) / len(verdicts)),
        f"Good parts rejected (nominal {rate:.0%})": _share(alarms),
        "Defective parts passed": _share(misses),
    }


def _share(counts: list[tuple[int, int]]) -> Quantity:
    count, total = (sum(parts) for parts in zip(*counts, strict=True))
    if not total:
        return Quantity(float("nan"))
    images = round(total / len(counts))
    low, high = proportion_interval(round(images * count / total), images)
    limits = (100 * low, 100 * high)
    return Quantity(100 * count / total, spec=".1f", unit=" %", interval=limits)
