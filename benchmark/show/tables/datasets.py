"""The data sets that the project knows: whose they are, and on which terms."""

from benchmark.show.document import Code, Section, Table
from bgad.data.registry import DATASETS

__all__ = ["section"]


def section() -> Section:
    """Table of data sets, a row each."""
    rows = [
        {
            "Data set": dataset.label,
            "Name": Code(name),
            "Categories": len(dataset.categories),
            "Licence": dataset.licence,
            "Please cite": dataset.citation,
        }
        for name, dataset in DATASETS.items()
    ]
    return Section("Data sets", (Table.of(rows),))
