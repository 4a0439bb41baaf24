"""A folder in MVTec layout as categories of samples, validated before any work starts.

The layout, for each category (a folder name of the user's choice)::

    ROOT/CATEGORY/train/good/NAME.png
    ROOT/CATEGORY/test/good/NAME.png
    ROOT/CATEGORY/test/TYPE/NAME.png
    ROOT/CATEGORY/ground_truth/TYPE/NAME_mask.png    (or NAME.png)

Images and masks are ``.png``, ``.jpg``, ``.jpeg`` or ``.bmp``, in any case of letters. Hidden files
and folders are skipped; other files among the images are skipped with a warning; links that lead
out of ROOT, and files that are no regular files, are refused.
"""

import hashlib
import unicodedata
import warnings
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

from bgad.data.images import IMAGE_SUFFIXES, image_size
from bgad.errors import InputError

__all__ = ["Category", "Sample", "list_categories", "load_category", "scan_category"]

_SUFFIXES = ", ".join(IMAGE_SUFFIXES)


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
    mask_path
        The ground truth of an anomalous image; None for a normal one.
    """

    path: Path
    name: str
    split: str
    type: str
    mask_path: Path | None = None

    @property
    def is_anomalous(self) -> bool:
        """Whether the image shows an anomaly."""
        return self.type != "good"


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
            f"mask of {sample.name}": _file_hash(sample.mask_path)
            for sample in self.anomalies
            if sample.mask_path is not None
        }


def list_categories(data_root: Path | str) -> tuple[str, ...]:
    """Names of the categories in a data root, sorted: its folders that contain ``train``.

    Raises
    ------
    InputError
        If the data root is missing, or holds no category.
    """
    root = Path(data_root)
    if not root.is_dir():
        raise InputError(f"{root}: no such folder: give the one that holds the categories")
    names = sorted(entry.name for entry in _entries(root) if (entry / "train").is_dir())
    if names:
        return tuple(names)
    hint = (
        f"it looks like a category itself: give its parent, {root.absolute().parent}"
        if (root / "train").is_dir()
        else f"expected {root / 'CATEGORY' / 'train' / 'good'}"
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
        image or mask whose header cannot be read; an anomalous image without mask, or with one of
        another size; a link out of `data_root`; a file name that is no valid Unicode.
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
        raise InputError(f"unknown category {name!r}: {data_root} holds {', '.join(known)}")
    scan = _Scan(Path(data_root) / name, boundary=Path(data_root).resolve())
    foreign = [folder.name for folder in scan.folders("train") if folder.name != "good"]
    if foreign:
        scan.problems.append(
            f"{scan.root / 'train'}: may hold the folder 'good' alone, found {', '.join(foreign)}: "
            "move anomalous images into 'test', from where the known ones are drawn"
        )
    train = scan.samples("train", scan.root / "train" / "good")
    test = [sample for folder in scan.folders("test") for sample in scan.samples("test", folder)]
    if not test:
        scan.problems.append(
            f"{scan.root / 'test'}: holds no images: add test/good and a folder per anomaly type"
        )
    return Category(scan.root, name, scan.sort(train), scan.sort(test)), tuple(scan.problems)


class _Scan:
    """Reads a category's folders and collects what is wrong with them."""

    def __init__(self, root: Path, boundary: Path) -> None:
        self.root = root
        self.boundary = boundary
        self.problems: list[str] = []

    def folders(self, name: str) -> list[Path]:
        return [entry for entry in self.entries(self.root / name) if entry.is_dir()]

    def entries(self, folder: Path) -> list[Path]:
        try:
            return _entries(folder)
        except InputError as error:
            self.problems.append(str(error))
            return []

    def samples(self, split: str, folder: Path) -> list[Sample]:
        """All samples of one folder, each checked for itself and against its mask."""
        images = self.image_files(folder)
        if not images:
            self.problems.append(
                f"{folder}: holds no image ({_SUFFIXES}): add some, or remove the folder"
            )
        masks = self.masks(folder.name) if split == "test" and folder.name != "good" else None
        return [self.sample(split, path, masks) for path in images]

    def masks(self, type_: str) -> dict[str, list[Path]] | None:
        """The masks of an anomaly type by file stem; None without their folder, said once."""
        folder = self.root / "ground_truth" / type_
        if not folder.is_dir():
            self.problems.append(
                f"{folder}: no such folder: every image of {self.root / 'test' / type_} needs a "
                "mask there"
            )
            return None
        masks: dict[str, list[Path]] = {}
        for path in self.image_files(folder):
            masks.setdefault(path.stem, []).append(path)
        return masks

    def sample(self, split: str, path: Path, masks: dict[str, list[Path]] | None) -> Sample:
        size = self.size(path)
        mask = None if masks is None else self.mask(path, masks)
        mask_size = None if mask is None else self.size(mask)
        if size and mask_size and size != mask_size:
            self.problems.append(
                f"{mask}: the mask has {_times(mask_size)} pixels, its image {path} "
                f"{_times(size)}: give the mask its image's size"
            )
        name = unicodedata.normalize("NFC", path.relative_to(self.root).as_posix())
        return Sample(path, name, split, name.split("/")[1], mask)

    def mask(self, image: Path, masks: dict[str, list[Path]]) -> Path | None:
        found = masks.get(f"{image.stem}_mask", []) + masks.get(image.stem, [])
        if len(found) == 1:
            return found[0]
        if found:
            names = " and ".join(path.name for path in found)
            self.problems.append(f"{image}: has several masks, {names}: keep one")
        else:
            expected = self.root / "ground_truth" / image.parent.name / f"{image.stem}_mask.png"
            self.problems.append(
                f"{image}: has no mask: expected {expected}; add it, or remove the image"
            )
        return None

    def size(self, path: Path) -> tuple[int, int] | None:
        try:
            return image_size(path)
        except InputError as error:
            self.problems.append(str(error))
            return None

    def image_files(self, folder: Path) -> list[Path]:
        """The image files of a folder, each a regular file inside the boundary."""
        images, skipped = [], []
        for path in self.entries(folder):
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
        if skipped:
            warnings.warn(
                f"{folder}: skipped {len(skipped)} entries that are no images ({_SUFFIXES}), "
                f"such as {skipped[0]}",
                stacklevel=2,
            )
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
