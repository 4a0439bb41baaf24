"""Negative controls: what must come of each, what came, and whether it was met."""

import pandas as pd

from benchmark.protocol.cells import CONTROLS
from benchmark.results.controls import CONTROLLED, judge_controls
from benchmark.show.document import Note, Score, Section, Strong, Table
from benchmark.show.labels import SHORT_TITLES, dataset_label, display_name
from benchmark.show.tables.caveats import caveats
from bgad.data.registry import find_dataset

__all__ = ["section"]

_TITLE = "Negative controls"
_EXPECTED = {
    "shuffled_labels": "no more than {} (0 shots)",
    "random_weights": "less than {}",
    "swapped_labels": "{}",
    "constant_maps": "{}",
}
"""Control -> what it must give, by a bound."""


def section(frame: pd.DataFrame) -> Section:
    """Table of the negative controls, a row for each control and category, and what was not met.

    Parameters
    ----------
    frame
        See `benchmark.results.frame.results_frame`.
    """
    judged = judge_controls(frame)
    if judged.empty:
        return Section(_TITLE)
    rows = []
    for (dataset, profile, shots), group in judged.groupby(["dataset", "profile", "shots"]):
        for control in CONTROLS:
            of_control = group[group["control"] == control]
            for category in find_dataset(dataset).ordered(of_control["category"]):
                entries = of_control[of_control["category"] == category].set_index("metric")
                row = {
                    "Data set": dataset_label(dataset),
                    "Profile": profile,
                    "Shots": shots,
                    "Control": _words(control),
                    "Category": display_name(category),
                    "Seeds": int(entries["seeds"].max()),
                }
                for metric in CONTROLLED:
                    title, entry = SHORT_TITLES[metric], entries.loc[metric]
                    row[title] = Score(entry["found"])
                    row[f"expected {title}"] = _EXPECTED[control].format(Score(entry["bound"]).main)
                    row[f"{title}: met"] = "yes" if entry["met"] else Strong("no")
                rows.append(row)
    return Section(
        _TITLE, (_verdict(judged), Table.of(rows), *caveats(frame[frame["control"].notna()]))
    )


def _verdict(judged: pd.DataFrame) -> Note:
    failed = [
        f"{_words(row.control)} on {display_name(row.category)} ({SHORT_TITLES[row.metric]})"
        for row in judged[~judged["met"]].itertuples()
    ]
    if failed:
        named = f": {len(failed)} of {len(judged)} expectations: {'; '.join(failed)}."
        return Note(Strong("Not met"), named)
    return Note(Strong("All met"), f": {len(judged)} expectations.")


def _words(control: str) -> str:
    return control.replace("_", " ")
