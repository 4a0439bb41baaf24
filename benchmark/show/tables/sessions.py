"""Are new normal images like the training ones? Without that no threshold keeps its promise."""

from collections.abc import Mapping
from typing import Any

from benchmark.show.document import Quantity, Section, Table
from benchmark.show.labels import dataset_label, display_name
from benchmark.show.tables.unmeasured import unmeasured

__all__ = ["section"]

_TITLE = "Photo sessions"


def section(data: Mapping[str, Any] | None) -> Section:
    """Table of categories, from the content of ``data.json`` (`benchmark.measure.data`)."""
    if data is None:
        return unmeasured(_TITLE, "python -m benchmark measure data")
    rows = []
    for row in data["categories"]:
        found = row["session"]
        rows.append(
            {
                "Data set": dataset_label(row["dataset"]),
                "Category": display_name(row["category"]),
                "Training normals": found["train"],
                "Test normals": found["test"],
                "AUROC": Quantity(found["auroc"]),
                "By chance (95 %)": "{:.2f} to {:.2f}".format(*found["by_chance"]),
                "p": Quantity(found["p_value"]),
            }
        )
    return Section(_TITLE, (Table.of(rows),))
