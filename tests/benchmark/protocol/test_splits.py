"""Splits: nested, disjoint, a function of names alone."""

import random
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.__main__ import main
from benchmark.paths import PUBLISHED, SPLITS
from benchmark.protocol.cells import Cell
from benchmark.protocol.splits import (
    FEW,
    Split,
    check_disjoint,
    covering_seeds,
    make_split,
    manifest,
)
from benchmark.results.store import load_all
from bgad.data.folder import Category, Sample, load_category
from bgad.errors import InputError


def build(counts: dict[str, int], normals: int = 4, name: str = "widget") -> Category:
    root = Path("data") / name

    def samples(split: str, type_: str, n: int) -> list[Sample]:
        names = [f"{split}/{type_}/{index:03d}.png" for index in range(n)]
        return [Sample(root / file, file, split, type_) for file in names]

    test = [s for type_, n in counts.items() for s in samples("test", type_, n)]
    test += samples("test", "good", normals)
    return Category(
        root, name, tuple(samples("train", "good", 5)), tuple(sorted(test, key=lambda s: s.name))
    )


categories = st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 15), min_size=1).map(build)
seeds = st.integers(0, 1000)


@given(categories, seeds)
def test_general_splits_are_nested_even_and_disjoint(category, seed):
    n = len(category.anomalies)
    splits = [make_split(category, "d", "general", shots, seed) for shots in range(n + 1)]
    everything = {s.name for s in category.test}
    types = {s.name: s.type for s in category.test}
    for shots, split in enumerate(splits):
        assert len(split.known) == shots
        assert split.known == splits[-1].known[:shots]
        assert set(split.paper_test) == everything - set(split.known)
        assert set(split.common_test) == everything - set(splits[min(n, max(10, shots))].known)
        counts = [sum(types[k] == t for k in split.known) for t in category.types]
        sizes = [sum(s.type == t for s in category.anomalies) for t in category.types]
        assert all(
            count >= min(size, max(counts) - 1) for count, size in zip(counts, sizes, strict=True)
        )


@given(st.lists(categories, min_size=1, max_size=3), st.integers(0, 12))
def test_covering_seeds_test_each_of_few_anomalies(found, pool):
    named = [replace(category, name=str(i)) for i, category in enumerate(found)]
    contents = {c.name: {s.name: s.name for s in c.samples} for c in named}
    chosen = covering_seeds(named, "mine", pool, contents)
    assert chosen == sorted(set(chosen)) and chosen[0] == 0
    few = [c for c in named if 0 < len(c.anomalies) - pool < FEW]
    for category in few:
        sizes = {t: sum(s.type == t for s in category.anomalies) for t in category.types}
        tested = set().union(
            *(
                make_split(category, "mine", "general", pool, seed, pool=pool).common_test
                for seed in chosen
            )
        )
        for sample in category.anomalies:
            size = sizes[sample.type]  # whose last may come after so many of the others
            before = size - 1 + sum(min(n, size) for t, n in sizes.items() if t != sample.type)
            assert (sample.name in tested) == (before >= pool)
    if not few:
        assert chosen == [0]


@given(categories, seeds)
def test_directory_order_does_not_matter(category, seed):
    shuffled = list(category.test)
    random.Random(seed).shuffle(shuffled)
    other = replace(category, test=tuple(sorted(shuffled, key=lambda s: s.name)))
    reordered = replace(category, test=tuple(shuffled))
    assert make_split(other, "d", "general", 1, seed) == make_split(
        category, "d", "general", 1, seed
    )
    assert (
        make_split(reordered, "d", "general", 1, seed).known
        == make_split(category, "d", "general", 1, seed).known
    )


@given(categories, seeds, st.integers(0, 20))
def test_the_hard_setting_knows_one_type_and_tests_the_others(category, seed, shots):
    for known_type in category.types:
        split = make_split(category, "d", "hard", shots, seed, known_type)
        of_type = {s.name for s in category.anomalies if s.type == known_type}
        assert set(split.known) <= of_type
        assert len(split.known) == min(shots, len(of_type))
        assert split.common_test == split.paper_test
        assert set(split.common_test) == {s.name for s in category.test} - of_type


def test_the_choice_depends_on_seed_dataset_and_category():
    many = {"a": 30, "b": 30}
    choices = {
        make_split(build(many, name=name), dataset, "general", 6, seed).known
        for name in ("widget", "gadget")
        for dataset in ("d", "e")
        for seed in range(3)
    }
    assert len(choices) == 12


def test_the_choice_is_the_documented_hash():
    """Fixed forever: published results depend on it."""
    split = make_split(build({"crack": 4, "hole": 3}), "d", "general", 5, 0)
    expected = sorted(
        (
            (turn, digest, name)
            for type_, n in (("crack", 4), ("hole", 3))
            for turn, (digest, name) in enumerate(
                sorted(
                    (sha(f"d/widget/{type_}/{i:03d}.png|0"), f"test/{type_}/{i:03d}.png")
                    for i in range(n)
                )
            )
        )
    )
    assert split.known == tuple(name for _, _, name in expected[:5])


def sha(text: str) -> str:
    import hashlib

    return hashlib.sha256(text.encode()).hexdigest()


def test_more_shots_than_anomalies_are_refused():
    with pytest.raises(InputError, match="8 shots are more than its 7 anomalies"):
        make_split(build({"crack": 4, "hole": 3}), "d", "general", 8, 0)


def test_an_unknown_type_is_refused():
    with pytest.raises(InputError, match="no anomaly type 'dent': it has crack"):
        make_split(build({"crack": 4}), "d", "hard", 1, 0, "dent")


def test_split_hash_changes_with_any_list():
    split = Split(("a",), ("b", "c"), ("b", "c"), ("d",))
    others = [
        replace(split, known=("e",)),
        replace(split, common_test=("b",)),
        replace(split, paper_test=("c", "b")),
        replace(split, train_normal=()),
    ]
    assert len({s.sha256 for s in (split, *others)}) == 5


def test_a_planted_leak_is_caught_by_name_and_by_content(data_root, category):
    loaded = load_category(data_root, "widget")
    split = make_split(loaded, "d", "general", 1, 0)
    check_disjoint(split, loaded.content_hashes())

    leaked = replace(split, paper_test=(*split.paper_test, split.known[0]))
    with pytest.raises(InputError, match="is also in the test set"):
        check_disjoint(leaked, loaded.content_hashes())

    shutil.copy(category / split.known[0], category / "test/good/copy.png")
    loaded = load_category(data_root, "widget")
    split = make_split(loaded, "d", "general", 1, 0)
    with pytest.raises(InputError, match=r"as test/good/copy\.png"):
        check_disjoint(split, loaded.content_hashes())

    shutil.copy(category / "train/good/000.png", category / "test/good/copy.png")
    loaded = load_category(data_root, "widget")
    with pytest.raises(InputError, match=r"training image train/good/000\.png .*copy\.png"):
        check_disjoint(make_split(loaded, "d", "general", 0, 0), loaded.content_hashes())


def test_copies_leave_the_test_sets_with_the_known_anomaly(data_root, category):
    shutil.copy(category / "test/crack/000.png", category / "test/crack/copy.png")
    masks = category / "ground_truth/crack"
    shutil.copy(masks / "000_mask.png", masks / "copy_mask.png")
    loaded = load_category(data_root, "widget")
    pair, contents = {"test/crack/000.png", "test/crack/copy.png"}, loaded.content_hashes()
    for seed in range(9):
        split = make_split(loaded, "d", "general", 1, seed, pool=1, contents=contents)
        check_disjoint(split, contents)
        gone = {sample.name for sample in loaded.test} - set(split.paper_test)
        assert gone == (pair if split.known[0] in pair else set(split.known))
        assert split.common_test == split.paper_test


def test_manifest_accounts_for_each_image_once_and_is_sealed():
    category = build({"a": 9, "b": 9})
    text = manifest(category, "mvtec_ad", "general", [0, 1, 5], 3)
    lines = text.splitlines()
    listed = [
        line.split(" ", 2)[-1] if line.startswith("known ") else line.split(" ", 1)[1]
        for line in lines
        if line.startswith(("known ", "untested ", "test ", "train "))
    ]
    assert sorted(listed) == sorted(s.name for s in category.samples)
    assert lines[-1] == f"sha256 {sha(''.join(f'{line}' + chr(10) for line in lines[:-1]))}"
    split = make_split(category, "mvtec_ad", "general", 5, 3)
    assert f"split_sha256 5 shots {split.sha256}" in lines
    assert [line for line in lines if line.startswith("known ")] == [
        f"known {rank} {name}" for rank, name in enumerate(split.known, 1)
    ]


def test_a_manifest_of_data_of_ones_own_has_the_pool_of_its_runs():
    category = build({"a": 9, "b": 9})
    lines = manifest(category, "castings", "general", [0, 5], 3).splitlines()
    split = make_split(category, "castings", "general", 5, 3, pool=5)
    assert f"split_sha256 5 shots {split.sha256}" in lines
    assert (
        sum(line.startswith("test test/a") or line.startswith("test test/b") for line in lines)
        == 13
    )
    with pytest.raises(InputError, match="shots must be at least 0"):
        manifest(category, "castings", "general", [-1], 3)


def committed(cell: Cell) -> str:
    setting = f"hard-{cell.known_type}" if cell.known_type else "general"
    name = f"{setting}_seed-{cell.split_seed}.txt"
    return (SPLITS / cell.dataset / cell.category / name).read_text()


def test_committed_manifests_are_as_they_were_written():
    paths = sorted(SPLITS.rglob("*.txt"))
    assert len(paths) >= 46
    for path in paths:
        text, _, seal = path.read_text().rpartition("sha256 ")
        assert seal == f"{sha(text)}\n", path


def test_published_cells_have_the_splits_of_the_committed_manifests():
    cells = [
        result for result in load_all([PUBLISHED]) if not result.config.evaluation.get("test_known")
    ]
    assert cells
    for result in cells:
        lines = committed(result.cell).splitlines()
        assert f"split_sha256 {result.cell.shots} shots {result.split.sha256}" in lines
        known = [line.split(" ", 2)[2] for line in lines if line.startswith("known ")]
        assert result.split.known == known[: len(result.split.known)]


@pytest.mark.real_data
def test_committed_manifests_of_real_data_are_those_written_anew(real_data_root):
    options = ["splits", "--dataset", "mvtec_ad", "--data-root", str(real_data_root)]
    options += ["--categories", "bottle", "pill", "screw", "transistor", "--check"]
    assert main(options) == 0
    assert main([*options, "--setting", "hard", "--shots", "10", "--seeds", "0"]) == 0


@pytest.mark.real_data
@pytest.mark.parametrize("category", ["bottle", "pill", "screw", "transistor"])
def test_real_known_anomalies_are_nowhere_in_the_test_set(real_data_root, category):
    loaded = load_category(real_data_root, category)
    hashes = loaded.content_hashes()
    for shots in (1, 10):
        check_disjoint(make_split(loaded, "mvtec_ad", "general", shots, 0), hashes)
    for known_type in loaded.types:
        check_disjoint(make_split(loaded, "mvtec_ad", "hard", 10, 0, known_type), hashes)
