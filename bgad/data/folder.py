"""A folder of images as categories of samples, validated before any work starts.

The MVTec layout, for each category (a folder name of the user's choice)::

    ROOT/CATEGORY/train/good/NAME.png
    ROOT/CATEGORY/test/good/NAME.png
    ROOT/CATEGORY/test/TYPE/NAME.png
    ROOT/CATEGORY/ground_truth/TYPE/NAME_mask.png

The plain layout::

    ROOT/CATEGORY/good/NAME.png
    ROOT/CATEGORY/TYPE/NAME.png
    ROOT/CATEGORY/ground_truth/TYPE/NAME_mask.png

TYPE is any name, such as ``bad``; ``ok`` and ``normal``, in any case of letters, mean ``good``. Of
a plain layout's good images every fifth is a test image, by the hashes of their names. Without the
folder ``ground_truth`` there are labels alone. A mask may also be called ``NAME.png``; several
masks of one image, ``NAME_*.png`` or all files of a folder ``NAME``, are joined.

Images and masks may have any suffix of `IMAGE_SUFFIXES`, in any case of letters. Hidden files and
folders are skipped; other files among the images are skipped with a warning; links that lead out of
ROOT, and files that are no regular files, are refused.
"""

import hashlib
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np

from bgad.data.images import IMAGE_SUFFIXES, Size, as_shape, image_size, images_in, warn_skipped
from bgad.data.masks import read_mask, reduce_mask
from bgad.errors import InputError, did_you_mean

__all__ = [
    "Category",
    "Sample",
    "is_normal",
    "known_anomalies",
    "list_categories",
    "load_category",
    "match_masks",
    "scan_category",
]

_SUFFIXES = ", ".join(IMAGE_SUFFIXES)
_NORMAL_NAMES = ("good", "normal", "ok")
_TRUTH = "ground_truth"
_TEST_SHARE = 5  # of a plain layout's good images, every fifth


@dataclass(frozen=True)
class Sample:
    """One image of a category.

    Attributes
    ----------
    path
        The image file.
    name
        Its path relative to the category's folder, with forward slashes and in Unicode NFC, so
        that it is the same on every machine: ``test/crack/003.png``.
    split
        ``train`` or ``test``.
    type
        ``good``, or the anomaly type.
    mask_paths
        The files that together are an anomalous image's ground truth; none of a normal image, nor
        where only labels are known.
    """

    path: Path
    name: str
    split: str
    type: str
    mask_paths: tuple[Path, ...] = ()

    @property
    def is_anomalous(self) -> bool:
        """Whether the image shows an anomaly."""
        return self.type != "good"

    def truth(self, size: Size | None = None, rule: str = "nearest") -> np.ndarray:
        """Which pixels are anomalous, of a normal image none: bool, (H, W).

        Parameters
        ----------
        size, rule
            As in `bgad.data.masks.read_mask`.

        Raises
        ------
        InputError
            If an anomalous image has no mask, or a mask cannot be read.
        """
        if not self.is_anomalous:
            return np.zeros(as_shape(size) if size else image_size(self.path), bool)
        if not self.mask_paths:
            raise InputError(f"{self.path}: has no mask, which this needs: add one")
        masks = [read_mask(path) for path in self.mask_paths]
        if len({mask.shape for mask in masks}) > 1:
            raise InputError(f"{self.path}: its masks differ in size: give them the image's")
        joined = np.logical_or.reduce(masks)
        return joined if size is None else reduce_mask(joined, size, rule)


@dataclass(frozen=True)
class Category:
    """One category: normal training images, and normal and anomalous test images.

    Attributes
    ----------
    root
        The category's own folder.
    name
        Its name.
    train, test
        The samples, sorted by name.
    """

    root: Path
    name: str
    train: tuple[Sample, ...]
    test: tuple[Sample, ...]

    @property
    def samples(self) -> tuple[Sample, ...]:
        """All samples: `train`, then `test`."""
        return self.train + self.test

    @property
    def anomalies(self) -> tuple[Sample, ...]:
        """The anomalous test samples."""
        return tuple(sample for sample in self.test if sample.is_anomalous)

    @property
    def test_normals(self) -> tuple[Sample, ...]:
        """The normal test samples."""
        return tuple(sample for sample in self.test if not sample.is_anomalous)

    @property
    def has_masks(self) -> bool:
        """Whether the truth of every pixel is known, not of images alone."""
        return all(sample.mask_paths for sample in self.anomalies)

    @property
    def types(self) -> tuple[str, ...]:
        """The anomaly types, sorted."""
        return tuple(sorted({sample.type for sample in self.anomalies}))

    def content_hashes(self) -> dict[str, str]:
        """SHA-256 (hex) of each image file's bytes, by sample name."""
        return dict(self._image_hashes)

    def fingerprint(self) -> str:
        """SHA-256 (hex) over names and file bytes of all images and masks.

        It changes when an image is added, removed, renamed or altered, or a mask altered, and with
        nothing else: not with the category's name or place. Masks count by their files' bytes, as
        images do: a mask stored anew in other bytes is another data set, even where it decodes to
        the same truth.
        """
        digest = hashlib.sha256()
        for name, content in sorted({**self._image_hashes, **self._mask_hashes}.items()):
            digest.update(f"{name}\0{content}\n".encode())
        return digest.hexdigest()

    @cached_property
    def _image_hashes(self) -> dict[str, str]:
        return {sample.name: _file_hash(sample.path) for sample in self.samples}

    @cached_property
    def _mask_hashes(self) -> dict[str, str]:
        # Keyed by the image's name: whether a mask is called 003_mask.png or 003.png is no content.
        return {
            f"mask of {sample.name}": "+".join(map(_file_hash, sample.mask_paths))
            for sample in self.anomalies
            if sample.mask_paths
        }


def list_categories(data_root: Path | str) -> tuple[str, ...]:
    """Names of the categories in a data root, sorted: its folders in one of the two layouts.

    Raises
    ------
    InputError
        If the data root is missing, or holds no category.
    """
    root = Path(data_root)
    if not root.is_dir():
        raise InputError(f"{root}: no such folder: give the one that holds the categories")
    parts = ("train", "test", _TRUTH)  # of a category that was given as the data root
    entries = [entry for entry in _entries(root) if entry.name not in parts]
    names = sorted(entry.name for entry in entries if _is_category(entry))
    if names:
        return tuple(names)
    hint = (
        f"it looks like a category itself: give its parent, {root.absolute().parent}"
        if _is_category(root)
        else f"expected {root / 'CATEGORY' / 'train' / 'good'}, or {root / 'CATEGORY' / 'good'}"
    )
    raise InputError(f"{root}: holds no category: {hint}")


def load_category(data_root: Path | str, name: str) -> Category:
    """Read one category's file list and validate it, without decoding any image.

    Parameters
    ----------
    data_root
        The folder that holds the categories.
    name
        The category's folder name.

    Raises
    ------
    InputError
        Naming the file or folder and the way out: unknown category; missing or empty folder; an
        image or mask whose header cannot be read; an anomalous image without mask where others have
        one, or with one of another size; a link out of `data_root`; a file name that is no valid
        Unicode.
    """
    category, problems = scan_category(data_root, name)
    if problems:
        others = len(problems) - 1
        more = f" ({others} more: python -m bgad.data verify --root {data_root} lists all)"
        raise InputError(problems[0] + (more if others else ""))
    return category


def scan_category(data_root: Path | str, name: str) -> tuple[Category, tuple[str, ...]]:
    """Read one category's file list as far as possible, with every problem found on the way.

    What `load_category` refuses at its first problem; here the category may hold unreadable images
    and anomalous ones without a (usable) mask.

    Raises
    ------
    InputError
        If `data_root` or the category does not exist.
    """
    known = list_categories(data_root)
    if name not in known:
        raise InputError(
            f"unknown category {name!r}{did_you_mean(name, known)}: {data_root} holds "
            f"{', '.join(known)}"
        )
    scan = _Scan(Path(data_root) / name, boundary=Path(data_root).resolve())
    train, test = scan.split() if (scan.root / "train").is_dir() else scan.plain()
    return Category(scan.root, name, scan.sort(train), scan.sort(test)), tuple(scan.problems)


def match_masks(images: Iterable[Path], masks: Iterable[Path]) -> dict[Path, list[Path]]:
    """Give each mask to the image with the longest name that it continues.

    Parameters
    ----------
    images
        Image files with different stems.
    masks
        Mask files, or folders of the masks of one image; stems NAME, NAME_mask or NAME_*, for the
        image NAME.

    Returns
    -------
    dict
        The masks of each image that has one.
    """
    by_stem = {image.stem: image for image in images}
    found: dict[Path, list[Path]] = {}
    for mask in masks:
        stem = mask.stem
        while stem not in by_stem and "_" in stem:
            stem = stem.rpartition("_")[0]
        if stem in by_stem:
            found.setdefault(by_stem[stem], []).append(mask)
    return found


def known_anomalies(images: Iterable[Path], masks: Path | None = None) -> list[Sample]:
    """Make samples of anomalous images, with their masks by name.

    Parameters
    ----------
    images
        Image files with different stems.
    masks
        A folder of their masks, as of `match_masks`; of a folder in it, all images are one's masks.

    Raises
    ------
    InputError
        There is no such folder, or an image has no mask in it, or one of another size.
    """
    found: dict[Path, list[Path]] = {}
    if masks is not None:
        if not masks.is_dir():
            raise InputError(f"{masks}: no such folder")
        nested = [path for path in sorted(masks.glob("[!.]*")) if path.is_dir()]
        found = match_masks(images, nested + images_in(masks))
    samples = []
    for path in images:
        parts = [images_in(mask) if mask.is_dir() else [mask] for mask in found.get(path, ())]
        files = tuple(file for part in parts for file in part)
        if masks is not None and not files:
            raise InputError(
                f"{masks}: no mask for {path.name}, expected {path.stem}_mask.png, "
                f"{path.stem}_*.png or a folder {path.stem}: add it, or leave the image out"
            )
        for file in files:
            if image_size(file) != image_size(path):
                raise InputError(f"{file}: differs in size from its image {path}")
        samples.append(Sample(path, path.name, "test", "bad", files))
    return samples


class _Scan:
    """Reads a category's folders and collects what is wrong with them."""

    def __init__(self, root: Path, boundary: Path) -> None:
        self.root = root
        self.boundary = boundary
        self.problems: list[str] = []

    def split(self) -> tuple[list[Sample], list[Sample]]:
        """Training and test samples of the MVTec layout."""
        folders = self.folders(self.root / "train")
        foreign = [folder.name for folder in folders if not is_normal(folder)]
        if foreign:
            self.problems.append(
                f"{self.root / 'train'}: may hold the folder 'good' alone, found "
                f"{', '.join(foreign)}: move anomalous images into 'test', from where the known "
                "ones are drawn"
            )
        normal = [folder for folder in folders if is_normal(folder)]
        train = self.samples("train", normal or [self.root / "train" / "good"])
        test = self.samples("test", self.folders(self.root / "test"))
        if not test:
            self.problems.append(
                f"{self.root / 'test'}: holds no images: add test/good and a folder per anomaly "
                "type"
            )
        return train, test

    def plain(self) -> tuple[list[Sample], list[Sample]]:
        """Training and test samples of the plain layout."""
        folders = [folder for folder in self.folders(self.root) if folder.name != _TRUTH]
        normal = self.samples("train", filter(is_normal, folders))
        anomalous = self.samples("test", [f for f in folders if not is_normal(f)])
        ranked = sorted(normal, key=lambda s: hashlib.sha256(s.name.encode()).digest())
        n = len(ranked) // _TEST_SHARE
        return ranked[n:], [replace(s, split="test") for s in ranked[:n]] + anomalous

    def folders(self, folder: Path) -> list[Path]:
        return [entry for entry in self.entries(folder) if entry.is_dir()]

    def entries(self, folder: Path) -> list[Path]:
        try:
            return _entries(folder)
        except InputError as error:
            self.problems.append(str(error))
            return []

    def samples(self, split: str, folders: Iterable[Path]) -> list[Sample]:
        """All samples of some folders, each checked for itself and against its masks."""
        samples = []
        for folder in folders:
            images = self.image_files(folder)
            if not images:
                self.problems.append(
                    f"{folder}: holds no image ({_SUFFIXES}): add some, or remove the folder"
                )
            type_ = "good" if is_normal(folder) else folder.name
            masks = {} if type_ == "good" else self.masks(type_, images)
            samples += [
                self.sample(split, type_, path, tuple(masks.get(path, ()))) for path in images
            ]
        return samples

    def masks(self, type_: str, images: list[Path]) -> dict[Path, list[Path]]:
        """The mask files of an anomaly type's images; none where there are labels alone."""
        truth = self.root / _TRUTH
        if not truth.is_dir():
            return {}
        folder = truth / type_
        if not folder.is_dir():
            self.problems.append(
                f"{folder}: no such folder: every image of type {type_} needs a mask there (or "
                f"remove {truth}, for labels without masks)"
            )
            return {}
        for first, second in pairwise(sorted(images, key=lambda path: path.stem)):
            if first.stem == second.stem:
                self.problems.append(
                    f"{second}: differs from {first.name} in its suffix alone, so that both have "
                    "the same mask: rename one of them"
                )
        nested = self.folders(folder)
        found = match_masks(images, nested + self.image_files(folder, but=nested))
        for image in images:
            stems = [path.stem for path in found.get(image, ())]
            if not stems:
                self.problems.append(
                    f"{image}: has no mask: expected {folder / image.stem}_mask.png; add it, or "
                    "remove the image"
                )
            elif {image.stem, f"{image.stem}_mask"} <= set(stems):
                self.problems.append(
                    f"{image}: has several masks, {image.stem} and {image.stem}_mask in {folder}: "
                    "keep one"
                )
        return {
            image: [
                file
                for path in paths
                for file in (self.image_files(path) if path in nested else [path])
            ]
            for image, paths in found.items()
        }

    def sample(self, split: str, type_: str, path: Path, masks: tuple[Path, ...]) -> Sample:
        size = self.size(path)
        for mask in masks:
            mask_size = self.size(mask)
            if size and mask_size and size != mask_size:
                self.problems.append(
                    f"{mask}: the mask has {_times(mask_size)} pixels, its image {path} "
                    f"{_times(size)}: give the mask its image's size"
                )
        name = unicodedata.normalize("NFC", path.relative_to(self.root).as_posix())
        return Sample(path, name, split, unicodedata.normalize("NFC", type_), masks)

    def size(self, path: Path) -> tuple[int, int] | None:
        try:
            return image_size(path)
        except InputError as error:
            self.problems.append(str(error))
            return None

    def image_files(self, folder: Path, but: Collection[Path] = ()) -> list[Path]:
        """The image files of a folder, each a regular file inside the boundary."""
        images, skipped = [], []
        for path in self.entries(folder):
            if path in but:
                continue
            if path.suffix.lower() not in IMAGE_SUFFIXES:
                skipped.append(path.name)
            elif not path.is_file():
                self.problems.append(
                    f"{path}: is a broken link, or no regular file: replace or remove it"
                )
            elif not path.resolve().is_relative_to(self.boundary):
                self.problems.append(
                    f"{path}: is reached by a link that leads out of the data root "
                    f"{self.boundary}: copy the file, or give the data root that holds it"
                )
            else:
                images.append(path)
        warn_skipped(folder, skipped)
        return images

    def sort(self, samples: list[Sample]) -> tuple[Sample, ...]:
        samples = sorted(samples, key=lambda sample: sample.name)
        for first, second in pairwise(samples):
            if first.name == second.name:
                self.problems.append(
                    f"{second.path}: its name differs from another one's in Unicode form alone: "
                    "rename one of the two files"
                )
        return tuple(samples)


def is_normal(folder: Path) -> bool:
    """Whether a folder's name says that its images are good."""
    return folder.name.strip().casefold() in _NORMAL_NAMES


def _is_category(folder: Path) -> bool:
    entries = _entries(folder) if folder.is_dir() else []
    return any(entry.is_dir() and (entry.name == "train" or is_normal(entry)) for entry in entries)


def _entries(folder: Path) -> list[Path]:
    """The folder's entries but hidden ones, sorted; none if there is no such folder."""
    if not folder.is_dir():
        return []
    try:
        entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise InputError(f"{folder}: cannot be listed: {error.strerror}") from error
    for entry in entries:
        try:
            entry.name.encode()
        except UnicodeEncodeError as error:
            raise InputError(f"{str(entry)!a}: the name is no valid Unicode: rename it") from error
    return entries


def _file_hash(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error


def _times(size: tuple[int, int]) -> str:
    height, width = size
    return f"{width}x{height}"
