"""Are new normal images like the training ones? Without that no threshold keeps its promise."""

from collections.abc import Mapping
from typing import Any

from benchmark.show.document import Quantity, Section, Table
from benchmark.show.labels import dataset_label, display_name
from benchmark.show.tables.measured import section_of

__all__ = ["section"]


def section(data: Mapping[str, Any] | None) -> Section:
    """Table of categories, from the content of ``data.json`` (`benchmark.measure.data`)."""
    return section_of(
        "Photo sessions",
        "data.json",
        "python -m benchmark measure data",
        data,
        lambda data: [Table.of([_row(category) for category in data["categories"]])],
    )


def _row(category: Mapping[str, Any]) -> dict[str, Any]:
    found = category["session"]
    return {
        "Data set": dataset_label(category["dataset"]),
        "Category": display_name(category["category"]),
        "Training normals": found["train"],
        "Test normals": found["test"],
        "AUROC": Quantity(found["auroc"]),
        "By chance (95 %)": "{:.2f} to {:.2f}".format(*found["by_chance"]),
        "p": Quantity(found["p_value"]),
    }
