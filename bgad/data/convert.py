"""Bring data sets from the layout in which their archives come into the MVTec layout.

Images are copied byte by byte; masks become one black and white PNG an image. BTAD, MPDD and MVTec
LOCO AD come close enough to the MVTec layout for `load_category` to read them (``ok`` for ``good``,
a folder of masks for an image; LOCO's ``validation`` is left out, as published figures do).
"""

import csv
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from bgad.data.folder import Sample, list_categories, load_category
from bgad.data.masks import read_mask
from bgad.data.registry import DATASETS
from bgad.errors import InputError

__all__ = ["LAYOUTS", "convert"]

_VISA_COLUMNS = ("object", "split", "label", "image", "mask")
_VISA_TYPES = {"normal": "good", "anomaly": "bad"}
_KOLEKTOR_TRAIN_ITEMS = 40  # good surfaces of the items behind these are test/good: our split


@dataclass(frozen=True)
class _Item:
    """A sample of a data set, and what it is called in the MVTec layout."""

    category: str
    sample: Sample
    stem: str


def convert(layout: str, source: Path | str, root: Path | str) -> Path:
    """Write a data set in MVTec layout, wholly or not at all.

    Parameters
    ----------
    layout
        One of `LAYOUTS`.
    source
        The unpacked archive.
    root
        The folder to create. It must not exist yet, or be empty.

    Returns
    -------
    Path
        `root`.

    Raises
    ------
    InputError
        If there is no such layout, `source` is not in it, one of its files can't be read, or `root`
        is in use.
    """
    if layout not in LAYOUTS:
        raise InputError(f"unknown layout {layout!r}: choose among {', '.join(LAYOUTS)}")
    source, root = Path(source), Path(root).absolute()
    if not source.is_dir():
        raise InputError(f"{source}: no such folder: give the unpacked archive")
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise InputError(f"{root}: is not empty: give a new folder")
    scratch = root.with_name(f".{root.name}.converting")
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        for item in LAYOUTS[layout](source):
            _write(item, scratch / item.category)
        if not scratch.is_dir():
            raise InputError(f"{source}: holds no image in the layout of {layout}")
        if root.exists():
            root.rmdir()
        scratch.rename(root)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return root


def _write(item: _Item, folder: Path) -> None:
    sample = item.sample
    image = folder / sample.split / sample.type / f"{item.stem}{sample.path.suffix}"
    image.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copyfile(sample.path, image)
    except OSError as error:
        raise InputError(f"{sample.path}: cannot be copied: {error.strerror}") from error
    if sample.mask_paths:
        mask = folder / "ground_truth" / sample.type / f"{item.stem}_mask.png"
        mask.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(sample.truth()).convert("L").save(mask)


def _mvtec(source: Path) -> Iterator[_Item]:
    """A layout that `load_category` reads."""
    for name in list_categories(source):
        for sample in load_category(source, name).samples:
            yield _Item(name, sample, sample.path.stem)


def _visa(source: Path) -> Iterator[_Item]:
    """``split_csv/1cls.csv`` names each image's object, split, label, file and mask."""
    table = source / "split_csv" / "1cls.csv"
    if not table.is_file():
        raise InputError(f"{table}: no such file: give the folder that holds 'split_csv'")
    with table.open(encoding="utf-8", newline="") as file:
        for line, row in enumerate(csv.DictReader(file), 2):
            category, split, label, *paths = (row.get(name) or "" for name in _VISA_COLUMNS)
            named = split in ("train", "test") and label in _VISA_TYPES and paths[0]
            inside = all((source / p).resolve().is_relative_to(source.resolve()) for p in paths)
            if not (named and inside and re.fullmatch(r"\w+", category)):
                raise InputError(f"{table}, line {line}: is no row of VisA's: {dict(row)}")
            image, *masks = (source / path for path in paths if path)
            sample = Sample(image, image.name, split, _VISA_TYPES[label], tuple(masks))
            yield _Item(category, sample, image.stem)


def _kolektorsdd(source: Path) -> Iterator[_Item]:
    """``kosNN/PartM.jpg`` beside ``kosNN/PartM_label.bmp``, which is black for a good surface."""
    for path in sorted(source.glob("kos*/Part*.jpg")):
        item, label = path.parent.name, path.with_name(f"{path.stem}_label.bmp")
        number = re.fullmatch(r"kos(\d+)", item)
        if not number:
            raise InputError(f"{path.parent}: expected folders kos01 to kos50")
        if read_mask(label).any():
            split, type_, masks = "test", "defective", (label,)
        else:
            split = "train" if int(number[1]) <= _KOLEKTOR_TRAIN_ITEMS else "test"
            type_, masks = "good", ()
        sample = Sample(path, path.name, split, type_, masks)
        yield _Item("kolektorsdd", sample, f"{item}_{path.stem}")


_READERS = {"visa": _visa, "kolektorsdd": _kolektorsdd}
LAYOUTS: dict[str, Callable[[Path], Iterator[_Item]]] = {
    dataset.layout: _READERS.get(dataset.layout, _mvtec)
    for dataset in DATASETS.values()
    if dataset.layout != "mvtec"
}
"""What reads each layout."""
