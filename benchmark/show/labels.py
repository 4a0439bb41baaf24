"""How categories, data sets and metrics are called where people read of them."""

from collections.abc import Iterable

from benchmark.protocol.metrics import METRICS
from bgad.data.registry import find_dataset

__all__ = [
    "HEADLINE",
    "SHORT_TITLES",
    "TITLES",
    "dataset_label",
    "display_name",
    "not_run",
    "results_title",
    "synthetic_label",
]

SHORT_TITLES = {name: metric.title for name, metric in METRICS.items()}
"""Metric -> its name in a table."""

TITLES = {name: metric.heading for name, metric in METRICS.items()}
"""Metric -> heading of its table."""

HEADLINE = ("image_auroc", "pixel_auroc", "pixel_f1_max")
"""The three tables that come first."""


def not_run(dataset: str, categories: Iterable[str]) -> tuple[str, ...]:
    """Official categories of a data set that are not among those given."""
    present = set(categories)
    return tuple(name for name in find_dataset(dataset).categories if name not in present)


def dataset_label(dataset: str) -> str:
    """Name of a data set for a person: drawn pictures are never taken for photographs."""
    return find_dataset(dataset).label


def results_title(dataset: str) -> str:
    """Title of a data set's tables."""
    return f"Results on {'the ' * find_dataset(dataset).is_synthetic}{dataset_label(dataset)}"


def synthetic_label(dataset: str) -> str:
    """What every title says of figures of drawn images; nothing of others."""
    return f", {dataset_label(dataset)}" if find_dataset(dataset).is_synthetic else ""


def display_name(category: str) -> str:
    """Category as a heading: ``metal_nut`` is Metal Nut."""
    return " ".join(word[:1].upper() + word[1:] for word in category.split("_") if word) or category
