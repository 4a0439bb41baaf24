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
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bgad.data.images import IMAGE_SUFFIXES, image_size
from bgad.errors import InputError

__all__ = ["Category", "Sample", "list_categories", "load_category"]

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

        It changes when an image or mask is added, removed, renamed or altered, and with nothing
        else. Masks count by their files' bytes, as images do: a mask stored anew in other bytes
        is another data set, even where it decodes to the same truth.
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
    known = list_categories(data_root)
    if name not in known:
        raise InputError(f"unknown category {name!r}: {data_root} holds {', '.join(known)}")
    boundary = Path(data_root).resolve()
    root = Path(data_root) / name
    foreign = [entry.name for entry in _entries(root / "train") if entry.name != "good"]
    if any((root / "train" / entry).is_dir() for entry in foreign):
        raise InputError(
            f"{root / 'train'}: may hold the folder 'good' alone, found {', '.join(foreign)}: "
            "anomalous images belong into 'test', known ones are drawn from there"
        )
    train = _read_samples(root, "train", "good", boundary)
    if not (root / "test").is_dir():
        raise InputError(f"{root / 'test'}: no such folder: a category needs test images")
    types = [entry.name for entry in _entries(root / "test") if entry.is_dir()]
    test = [sample for type_ in types for sample in _read_samples(root, "test", type_, boundary)]
    if not test:
        raise InputError(f"{root / 'test'}: holds no folder of images, such as 'good' or 'crack'")
    return Category(root, name, _sorted(train), _sorted(test))


def _read_samples(root: Path, split: str, type_: str, boundary: Path) -> list[Sample]:
    """All samples of one folder, each checked for itself and against its mask."""
    folder = root / split / type_
    images = list(_image_files(folder, boundary))
    if not images:
        raise InputError(f"{folder}: holds no image ({_SUFFIXES}): add some or remove the folder")
    masks: dict[str, list[Path]] = {}
    if split == "test" and type_ != "good":
        truth = root / "ground_truth" / type_
        if not truth.is_dir():
            raise InputError(
                f"{truth}: no such folder: every image of {folder} needs a mask there, named as "
                f"the image or as {images[0].stem}_mask.png"
            )
        for path in _image_files(truth, boundary):
            masks.setdefault(path.stem, []).append(path)
    samples = []
    for path in images:
        name = unicodedata.normalize("NFC", path.relative_to(root).as_posix())
        size = image_size(path)
        mask = None
        if split == "test" and type_ != "good":
            mask = _mask_of(path, truth, masks)
            mask_size = image_size(mask)
            if mask_size != size:
                raise InputError(
                    f"{mask}: the mask has {_times(mask_size)} pixels, its image {path} "
                    f"{_times(size)}: a mask must have its image's size"
                )
        samples.append(Sample(path, name, split, unicodedata.normalize("NFC", type_), mask))
    return samples


def _mask_of(image: Path, truth: Path, masks: dict[str, list[Path]]) -> Path:
    found = masks.get(f"{image.stem}_mask", []) + masks.get(image.stem, [])
    if not found:
        raise InputError(
            f"{image}: has no mask: expected {truth / image.stem}_mask.png; "
            "add it, or remove the image"
        )
    if len(found) > 1:
        raise InputError(
            f"{image}: has several masks, {' and '.join(path.name for path in found)} in {truth}: "
            "keep one"
        )
    return found[0]


def _image_files(folder: Path, boundary: Path) -> Iterator[Path]:
    """The image files of a folder, each a regular file inside the boundary."""
    skipped = []
    for path in _entries(folder):
        if path.suffix.lower() not in IMAGE_SUFFIXES:
            skipped.append(path.name)
            continue
        if not path.is_file():
            raise InputError(f"{path}: is a broken link, or no regular file: remove it")
        if not path.resolve().is_relative_to(boundary):
            raise InputError(
                f"{path}: is reached by a link that leads out of the data root {boundary}: "
                "copy the file, or give the data root that holds it"
            )
        yield path
    if skipped:
        warnings.warn(
            f"{folder}: skipped {len(skipped)} entries that are no images ({_SUFFIXES}), "
            f"such as {skipped[0]}",
            stacklevel=2,
        )


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


def _sorted(samples: list[Sample]) -> tuple[Sample, ...]:
    samples = sorted(samples, key=lambda sample: sample.name)
    for first, second in zip(samples, samples[1:], strict=False):
        if first.name == second.name:
            raise InputError(
                f"{second.path}: another file's name differs in its Unicode form alone: rename one"
            )
    return tuple(samples)


def _file_hash(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error


def _times(size: tuple[int, int]) -> str:
    height, width = size
    return f"{width}x{height}"
