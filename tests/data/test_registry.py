"""The registry agrees with the data sets' papers and with what the project itself draws."""

import re

import pytest

from bgad.data.registry import DATASETS, find_dataset
from bgad.data.synthetic import CATEGORIES


def totals(name: str) -> tuple[int, int, int]:
    """Images in train/good, in test/good, and anomalous ones."""
    counts = DATASETS[name].counts.values()
    anomalies = (n for folders in counts for f, n in folders.items() if not f.endswith("/good"))
    parts = (sum(folders[part] for folders in counts) for part in ("train/good", "test/good"))
    return (*parts, sum(anomalies))


@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("mvtec_ad", (3629, 467, 1258)),
        ("visa", (8659, 962, 1200)),  # 9,621 normal images in all
        ("kolektor", (277, 70, 52)),  # 399 images of 50 items; the split is ours
        ("btad", (1799, 451, 290)),
        ("mpdd", (888, 176, 282)),
        ("loco", (1778, 575, 993)),  # the paper states 1,772 to train, the archive holds 1,778
    ],
)
def test_counts_add_up_to_the_published_totals(name, published):
    assert totals(name) == published
    assert set(DATASETS[name].counts) == set(DATASETS[name].categories)


def test_mvtec_anomalies_are_those_of_the_papers_table_1():
    counts = DATASETS["mvtec_ad"].counts
    anomalies = {
        category: sum(n for folder, n in folders.items() if not folder.endswith("/good"))
        for category, folders in counts.items()
    }
    assert anomalies == {
        "carpet": 89,
        "grid": 57,
        "leather": 92,
        "tile": 84,
        "wood": 60,
        "bottle": 63,
        "cable": 92,
        "capsule": 109,
        "hazelnut": 70,
        "metal_nut": 93,
        "pill": 141,
        "screw": 119,
        "toothbrush": 30,
        "transistor": 40,
        "zipper": 119,
    }
    assert sum(len(folders) - 2 for folders in counts.values()) == 73


def test_the_stand_in_has_the_categories_of_mvtec_ad_and_says_that_it_is_drawn():
    assert DATASETS["synthetic"].categories == CATEGORIES == DATASETS["mvtec_ad"].categories
    assert [name for name, dataset in DATASETS.items() if dataset.is_synthetic] == ["synthetic"]


@pytest.mark.parametrize("dataset", DATASETS.values(), ids=DATASETS)
def test_every_entry_says_whose_it_is(dataset):
    assert dataset.licence and find_dataset(dataset.name) is dataset
    if not dataset.is_synthetic:
        assert re.search(r"(19|20)\d\d", dataset.citation) and dataset.url.startswith("https://")


def test_a_name_of_ones_own_claims_nothing():
    own = find_dataset("my_parts")
    assert (own.label, own.licence, own.categories, own.counts) == ("my_parts", "", (), {})
    assert own.profile == "cpu" and not own.is_synthetic
