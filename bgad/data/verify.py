"""Check an MVTec-layout category file by file: counts, readability, masks, duplicates."""

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from bgad.data.folder import Category, Sample, scan_category
from bgad.data.images import IMAGE_SUFFIXES, read_image, read_mask
from bgad.data.registry import find_dataset
from bgad.errors import InputError

__all__ = ["NEAR_DUPLICATE", "FolderCount", "Verification", "verify_category"]

NEAR_DUPLICATE = 0.97
_THUMBNAIL = 32


@dataclass(frozen=True)
class FolderCount:
    """Images and usable masks in one folder, beside the official number of images.

    `folder` is relative to the category, such as ``test/crack`` (``test/*``: all anomaly types);
    `official` is None where no number is stated, and 0 for a folder that the data set does not
    have; `masks` is None where no masks belong.
    """

    folder: str
    images: int
    official: int | None
    masks: int | None


@dataclass(frozen=True)
class Verification:
    """What was found in one category.

    `problems` are reasons not to use the data as they are; `notes` are worth a look. Both are
    sentences that name the files.
    """

    category: str
    counts: tuple[FolderCount, ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...]


def verify_category(data_root: Path | str, name: str, dataset: str = "mvtec_ad") -> Verification:
    """Read every image and mask of a category and say what is wrong.

    Problems are whatever `load_category` refuses; images and masks that do not decode; masks that
    are empty, of another size than their image, or without image; identical files (a known anomaly
    could then be tested again); and numbers of images other than the official ones. Notes are
    near-duplicates with a test image in the pair, and skipped files.

    Near-duplicates: 32x32 grey thumbnails, their horizontal and vertical differences, less the
    category's mean; a pair whose correlation exceeds `NEAR_DUPLICATE`. An image of MVTec AD
    compressed anew (JPEG, quality 50), resized or brightened by 3 % has at least 0.97 with the
    original; different images of bottle, pill, screw and transistor stay below it.

    Parameters
    ----------
    data_root
        The folder that holds the categories.
    name
        The category's folder name.
    dataset
        The registered data set with whose official counts a category of the same name is compared.

    Raises
    ------
    InputError
        If `data_root` or the category does not exist.
    """
    with warnings.catch_warnings(record=True) as skipped:
        warnings.simplefilter("always")
        category, found = scan_category(data_root, name)
    problems = list(found)
    thumbnails, usable_masks = _decode(category, problems)
    problems += _orphan_masks(category) + _identical_files(category)
    known = find_dataset(dataset)
    counts = _count(category, usable_masks, known.counts.get(name, {}))
    problems += [
        f"{category.root / count.folder}: {count.images} images, {known.label} has "
        f"{count.official or 'no such folder'}: complete the data, or say with --dataset NAME "
        "which other data set this is"
        for count in counts
        if count.official not in (None, count.images)
    ]
    notes = [str(warning.message) for warning in skipped] + _near_duplicates(category, thumbnails)
    return Verification(name, counts, tuple(dict.fromkeys(problems)), tuple(notes))


def _decode(category: Category, problems: list[str]) -> tuple[dict[str, np.ndarray], set[str]]:
    """Thumbnails by sample name, and the names of the samples whose mask is usable."""
    thumbnails, usable_masks = {}, set()
    for sample in category.samples:
        try:
            image = read_image(sample.path)
            thumbnails[sample.name] = _thumbnail(image)
            if sample.mask_path is None:
                continue
            mask = read_mask(sample.mask_path)
        except InputError as error:
            problems.append(str(error))
            continue
        if not mask.any():
            problems.append(
                f"{sample.mask_path}: the mask is empty: mark the anomaly, or move the image to "
                "test/good"
            )
        elif mask.shape == image.shape[:2]:
            usable_masks.add(sample.name)
    return thumbnails, usable_masks


def _count(
    category: Category, usable_masks: set[str], expected: dict[str, int]
) -> tuple[FolderCount, ...]:
    folders: dict[str, list[Sample]] = {folder: [] for folder in expected}
    for sample in category.samples:
        folders.setdefault(f"{sample.split}/{sample.type}", []).append(sample)
    if "test/*" in folders:
        folders["test/*"] = list(category.anomalies)
    unlisted = 0 if expected and "test/*" not in expected else None
    return tuple(
        FolderCount(
            folder,
            images=len(samples),
            official=expected.get(folder, unlisted),
            masks=None
            if folder.endswith("/good")
            else sum(sample.name in usable_masks for sample in samples),
        )
        for folder, samples in sorted(folders.items(), key=lambda item: _reading_order(item[0]))
    )


def _reading_order(folder: str) -> tuple[bool, bool, str]:
    """Training images first, then normal test images, then the anomaly types."""
    return not folder.startswith("train/"), not folder.endswith("/good"), folder


def _orphan_masks(category: Category) -> list[str]:
    used = {sample.mask_path for sample in category.anomalies}
    return [
        f"{path}: a mask without an image: add the image, or remove the mask"
        for type_ in category.types
        for path in sorted((category.root / "ground_truth" / type_).glob("[!.]*"))
        if path.suffix.lower() in IMAGE_SUFFIXES and path not in used
    ]


def _identical_files(category: Category) -> list[str]:
    names: dict[str, list[str]] = {}
    for name, content in category.content_hashes().items():
        names.setdefault(content, []).append(name)
    return [
        f"{category.root}: {' and '.join(same)} are the same file: keep one"
        for same in names.values()
        if len(same) > 1
    ]


def _thumbnail(image: np.ndarray) -> np.ndarray:
    """Horizontal and vertical differences of a small grey version, as one vector."""
    grey = Image.fromarray(image).convert("L")
    small = grey.resize((_THUMBNAIL, _THUMBNAIL), Image.Resampling.LANCZOS)
    values = np.asarray(small, dtype=np.float32)
    return np.concatenate([np.diff(values, axis=axis).ravel() for axis in (0, 1)])


def _near_duplicates(category: Category, thumbnails: dict[str, np.ndarray]) -> list[str]:
    if len(thumbnails) < 2:
        return []
    names, content = list(thumbnails), category.content_hashes()
    vectors = np.stack(list(thumbnails.values()))
    vectors -= vectors.mean(axis=0)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)
    correlation = vectors @ vectors.T
    return [
        f"{category.root}: {names[first]} and {names[second]} look nearly the same "
        f"(correlation {correlation[first, second]:.3f})"
        for first, second in np.argwhere(np.triu(correlation > NEAR_DUPLICATE, k=1))
        if names[second].startswith("test/") and content[names[first]] != content[names[second]]
    ]
