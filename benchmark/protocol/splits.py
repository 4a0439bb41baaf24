"""Few-shot splits as a pure function of file names."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from benchmark.protocol.cells import POOL, Cell
from bgad.data.folder import Category, Sample
from bgad.data.registry import DATASETS
from bgad.errors import InputError, did_you_mean

__all__ = [
    "FEW",
    "Split",
    "cell_split",
    "check_disjoint",
    "covering_seeds",
    "make_split",
    "manifest",
    "pool_size",
]

FEW = 10
"""Tested images below which little can be told from one split."""

_SEEDS = 1000  # after which what no seed has tested is given up


@dataclass(frozen=True)
class Split:
    """Which images of a category are trained on and tested, by `Sample.name`.

    Attributes
    ----------
    known
        The known anomalies, in the order in which they become known.
    common_test
        Test images but the first anomalies of the pool: the same for all numbers of shots up to
        its size.
    paper_test
        Test images but `known`.
    train_normal
        All normal training images.
    """

    known: tuple[str, ...]
    common_test: tuple[str, ...]
    paper_test: tuple[str, ...]
    train_normal: tuple[str, ...]

    @property
    def sha256(self) -> str:
        """Hash (hex) of the four lists of names."""
        lists = [self.known, self.common_test, self.paper_test, self.train_normal]
        return hashlib.sha256(json.dumps(lists).encode()).hexdigest()


def make_split(
    category: Category,
    dataset: str,
    setting: str,
    shots: int,
    split_seed: int,
    known_type: str | None = None,
    pool: int = POOL,
    contents: Mapping[str, str] | None = None,
) -> Split:
    """Choose the known anomalies of a category by the hashes of their names.

    An anomaly's rank among those of its type is that of the SHA-256 of
    ``dataset/category/type/file|split_seed``; the types take turns, those first whose anomaly has
    the smaller hash. There is no random number generator and no directory order, and each choice
    contains those of fewer shots.

    Parameters
    ----------
    category : Category
    dataset, setting, shots, split_seed, known_type
        As in `benchmark.protocol.cells.Cell`. In the hard setting both test sets lack the known
        type as a whole, and all its anomalies are known where it has fewer than `shots`.
    pool : int
        Anomalies that ``common_test`` lacks, if these are more than `shots`.
    contents : mapping of str to str
        Hashes of images by name, see `bgad.features.FeatureCache.pixel_hashes`. Where an anomaly
        leaves a test set, those of the same content leave it too: KolektorSDD shows two of its
        defective surfaces twice.

    Raises
    ------
    InputError
        If there are fewer anomalies than `shots`, but in the hard setting, or no such type.
    """
    if shots < 0:
        raise InputError(f"shots must be at least 0, got {shots}")
    if known_type is not None and known_type not in category.types:
        types = ", ".join(category.types) or "none"
        raise InputError(
            f"{category.root}: no anomaly type {known_type!r}"
            f"{did_you_mean(known_type, category.types)}: it has {types}"
        )
    candidates = [s for s in category.anomalies if known_type in (None, s.type)]
    if setting != "hard" and shots > len(candidates):
        raise InputError(
            f"{category.root}: {shots} shots are more than its {len(candidates)} anomalies: "
            "ask for fewer, or leave the category out"
        )
    ranked = _rank(candidates, f"{dataset}/{category.name}", split_seed)
    known = ranked[:shots]
    if setting == "hard":
        pooled = excluded = set(ranked)
    else:
        pooled, excluded = set(ranked[: max(pool, shots)]), set(known)
    if contents:
        pooled, excluded = (_with_copies(names, category, contents) for names in (pooled, excluded))
    test = tuple(sample.name for sample in category.test)
    return Split(
        known=tuple(known),
        common_test=tuple(name for name in test if name not in pooled),
        paper_test=tuple(name for name in test if name not in excluded),
        train_normal=tuple(sample.name for sample in category.train),
    )


def pool_size(dataset: str, shots: Sequence[int]) -> int:
    """How many anomalies ``common_test`` lacks: of data of one's own, the most that are known."""
    return POOL if dataset in DATASETS else max(shots, default=0)


def covering_seeds(
    categories: Sequence[Category],
    dataset: str,
    pool: int,
    contents: Mapping[str, Mapping[str, str]],
) -> list[int]:
    """Choose split seeds such that each anomaly is tested in ``common`` by one of them.

    Parameters
    ----------
    categories, dataset, pool
        As in `make_split`, in the general setting with `pool` shots.
    contents
        Of each category, see `make_split`.

    Returns
    -------
    list of int
        From 0 on, those that test an anomaly which the ones before do not. Only 0 where it leaves
        `FEW` or more to test in every category, or none in any.

    Notes
    -----
    Types take turns, so that an anomaly of a rare type may be known at every seed: no number of
    them tests it.
    """
    few = [category for category in categories if 0 < len(category.anomalies) - pool < FEW]
    untested = {(c.name, sample.name) for c in few for sample in c.anomalies}
    seeds = [0]
    untested -= _tested(few, dataset, pool, contents, 0)
    for seed in range(1, _SEEDS):
        if not untested:
            break
        if tested := untested & _tested(few, dataset, pool, contents, seed):
            seeds.append(seed)
            untested -= tested
    return seeds


def _tested(
    categories: Sequence[Category],
    dataset: str,
    pool: int,
    contents: Mapping[str, Mapping[str, str]],
    seed: int,
) -> set[tuple[str, str]]:
    return {
        (c.name, name)
        for c in categories
        for name in make_split(
            c, dataset, "general", pool, seed, pool=pool, contents=contents[c.name]
        ).common_test
    }


def cell_split(
    cell: Cell, category: Category, contents: Mapping[str, str], test_known: bool = False
) -> Split:
    """Choose the split of a cell, see `make_split`.

    Parameters
    ----------
    cell : Cell
    category : Category
    contents : mapping of str to str
        See `make_split`.
    test_known : bool
        Leave the known anomalies in both test sets, see `benchmark.protocol.fidelity.Evaluation`.
    """
    split = make_split(
        category,
        cell.dataset,
        cell.setting,
        cell.shots,
        cell.split_seed,
        cell.known_type,
        cell.pool,
        contents,
    )
    if not test_known:
        return split
    return replace(
        split,
        common_test=_with_known(split.common_test, split, category),
        paper_test=_with_known(split.paper_test, split, category),
    )


def check_disjoint(split: Split, contents: Mapping[str, str]) -> None:
    """Make sure that no training image is tested, under its own or another name.

    Parameters
    ----------
    split : Split
    contents : mapping of str to str
        Of all its images, see `bgad.features.FeatureCache.pixel_hashes`.

    Raises
    ------
    InputError
        Naming the training image, and its copy in a test set.
    """
    trained = {contents[name]: name for name in (*split.train_normal, *split.known)}
    for name in (*split.common_test, *split.paper_test):
        if other := trained.get(contents[name]):
            what = "known anomaly" if other in split.known else "training image"
            raise InputError(
                f"the {what} {other} is also in the test set, as {name}: remove one of the two "
                "images from the data"
            )


def manifest(
    category: Category,
    dataset: str,
    setting: str,
    shots: Iterable[int],
    split_seed: int,
    known_type: str | None = None,
    contents: Mapping[str, str] | None = None,
) -> str:
    """Write out the splits of one seed as text, a line for each fact, to be compared by ``diff``.

    Parameters
    ----------
    category, dataset, setting, split_seed, known_type, contents
        As in `make_split`.
    shots
        The numbers of shots whose splits are hashed; the known anomalies of the largest one are
        listed in order, so that the first k are those of k shots.

    Returns
    -------
    str
        Ends with the SHA-256 of all lines before.
    """
    pool = pool_size(dataset, shots)
    splits = {
        n: make_split(category, dataset, setting, n, split_seed, known_type, pool, contents)
        for n in sorted(set(shots))
    }
    largest = splits[max(splits)]
    ranks = make_split(category, dataset, setting, len(category.anomalies), split_seed, known_type)
    lines = [f"dataset {dataset}", f"category {category.name}", f"setting {setting}"]
    lines += [f"known_type {known_type}"] if known_type else []
    lines += [f"split_seed {split_seed}"]
    lines += [f"split_sha256 {n} shots {split.sha256}" for n, split in splits.items()]
    lines += [f"known {rank} {name}" for rank, name in enumerate(largest.known, 1)]
    common = set(largest.common_test)
    lines += [f"untested {n}" for n in ranks.known if n not in common and n not in largest.known]
    lines += [f"test {name}" for name in largest.common_test]
    lines += [f"train {name}" for name in largest.train_normal]
    text = "".join(f"{line}\n" for line in lines)
    return f"{text}sha256 {hashlib.sha256(text.encode()).hexdigest()}\n"


def _with_known(names: tuple[str, ...], split: Split, category: Category) -> tuple[str, ...]:
    tested = {*names, *split.known}
    return tuple(sample.name for sample in category.test if sample.name in tested)


def _with_copies(names: set[str], category: Category, contents: Mapping[str, str]) -> set[str]:
    removed = {contents[name] for name in names}
    return {sample.name for sample in category.anomalies if contents[sample.name] in removed}


def _rank(anomalies: Iterable[Sample], prefix: str, split_seed: int) -> list[str]:
    by_type: dict[str, list[tuple[str, str]]] = {}
    for sample in anomalies:
        file = sample.name.rsplit("/", 1)[-1]
        digest = hashlib.sha256(f"{prefix}/{sample.type}/{file}|{split_seed}".encode()).hexdigest()
        by_type.setdefault(sample.type, []).append((digest, sample.name))
    turns = [
        (turn, digest, name)
        for ranked in by_type.values()
        for turn, (digest, name) in enumerate(sorted(ranked))
    ]
    return [name for _, _, name in sorted(turns)]
