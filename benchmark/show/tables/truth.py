"""What is left of masks at a model's size and at its levels' grids, and what the rule is worth."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmark.protocol.metrics import METRICS
from benchmark.show.document import Block, Code, Note, Quantity, Section, Table
from benchmark.show.labels import dataset_label, display_name
from benchmark.show.tables.measured import section_of

__all__ = ["section"]


def section(data: Mapping[str, Any] | None) -> Section:
    """Tables of categories, from the content of ``data.json`` (`benchmark.measure.data`)."""
    command = "python -m benchmark measure data"
    return section_of("What masks lose", "data.json", command, data, _blocks)


def _blocks(data: Mapping[str, Any]) -> Sequence[Block]:
    return (
        Note(
            "Masks at 256 px by each rule: anomalous pixels, those that differ from nearest, "
            "images that lose all of them, and figures of PaDiM on all test images. Figures of "
            "images do not depend on the rule, and masks of 256 px on none."
        ),
        Table.of(list(_rules(data))),
        Note(
            "On the grids of features: anomalous cells by nearest neighbour (what is learnt "
            "from) + those that any anomalous pixel would add, and images without a single "
            "cell."
        ),
        Table.of([_named(row) | dict(_grids(row)) for row in data["categories"]]),
    )


def _named(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "Data set": dataset_label(row["dataset"]),
        "Category": display_name(row["category"]),
    }


def _rules(data: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for row in data["categories"]:
        for rule, found in row["masks"]["rules"].items():
            if rule != "nearest" and not found["changed"]:  # masks of the model's own size
                continue
            yield _named(row) | {
                "Masks": "{} x {}".format(*reversed(row["masks"]["size"])),
                "Rule": Code(rule),
                "Pixels": f"{found['pixels']:,}",
                "Changed": f"{found['changed']:,}",
                "Vanished": found["vanished"],
                **{METRICS[k].title: Quantity(v) for k, v in found["figures"].items()},
            }


def _grids(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for grid in row["grids"]:
        side = grid["side"]
        yield f"{side} x {side}", f"{grid['cells']:,} + {grid['touched']:,}, {grid['lost']}"
