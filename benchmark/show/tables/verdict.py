"""Whether a run of one's own reproduces the published one, as a person reads it."""

import pandas as pd

from benchmark.results.verdict import Verdict
from benchmark.show.document import Note, Quantity, Section, Strong, Table
from benchmark.show.labels import SHORT_TITLES

__all__ = ["section"]


def section(verdict: Verdict) -> Section:
    """Write a verdict; see `benchmark.results.verdict.judge`."""
    blocks: list[Note | Table] = [
        Note(
            "Reproduction of the published results: ",
            Strong(verdict.word),
            f", cells: {verdict.compared}.",
        )
    ]
    if verdict.other_settings:
        blocks.append(
            Note(
                "Left out, as their profile or split is not the published one: "
                f"cells: {verdict.other_settings}."
            )
        )
    if verdict.other_images:
        blocks.append(
            Note(
                "Computed from other image files than the published ones (such as another size), "
                f"which changes figures: cells: {verdict.other_images}."
            )
        )
    if verdict.compared:
        blocks.append(_table(verdict.metrics, "Differences from the published results"))
    if len(verdict.beyond):
        blocks.append(_table(verdict.beyond, "Beyond tolerance"))
    return Section("Reproduction", blocks)


def _table(figures: pd.DataFrame, title: str) -> Table:
    texts = figures.assign(metric=figures["metric"].map(SHORT_TITLES))
    if "within" in texts:
        texts["within"] = texts["within"].map({True: "yes", False: "no"})
    columns = [
        [Quantity(value, spec=".4f") for value in values]
        if pd.api.types.is_float_dtype(values)
        else ["" if pd.isna(value) else value for value in values]
        for _, values in texts.items()
    ]
    heads = [name.replace("_", " ") for name in texts]
    return Table(heads, list(zip(*columns, strict=True)), title)
