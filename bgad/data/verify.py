"""Check a category file by file: counts, readability, masks, duplicates, truth that vanishes."""

import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from bgad.data.folder import Category, Sample, is_normal, scan_category
from bgad.data.images import IMAGE_SUFFIXES, opened, pixel_hash, read_image
from bgad.data.masks import mask_values, read_mask, reduce_mask
from bgad.data.registry import find_dataset
from bgad.errors import InputError

__all__ = ["NEAR_DUPLICATE", "FolderCount", "Verification", "verify_category"]

NEAR_DUPLICATE = 0.97
_THUMBNAIL = 32
_NAMED = 5  # files of each note that are named


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


def verify_category(
    data_root: Path | str, name: str, dataset: str = "mvtec_ad", image_size: int = 256
) -> Verification:
    """Read every image and mask of a category and say what is wrong.

    Problems are whatever `load_category` refuses; images and masks that do not decode; masks that
    are empty, of another size than their image, without image, or mark a good one; images of the
    same pixels, at least one of them tested (one could then be trained on); and numbers of images
    other than the official ones. Notes are training images of the same pixels; near-duplicates with
    a test image in the pair; skipped files; masks that hold several values, that cover more than
    half of their image, or that mark nothing at the model's size.

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
    image_size
        The model's, in pixels.

    Raises
    ------
    InputError
        If `data_root` or the category does not exist.
    """
    with warnings.catch_warnings(record=True) as skipped:
        warnings.simplefilter("always")
        category, found = scan_category(data_root, name)
    problems, looks = list(found), {}
    for sample in category.samples:
        try:
            looks[sample.name] = _look(sample, image_size)
        except InputError as error:
            problems.append(str(error))
    problems += _mask_problems(category, looks)
    same = _same_pixels(category, looks)
    problems += [line for line, is_tested in same if is_tested]
    known = find_dataset(dataset)
    counts = _count(category, looks, known.counts.get(name, {}))
    problems += [
        f"{category.root / count.folder}: {count.images} images, {known.label} has "
        f"{count.official or 'no such folder'}: complete the data, or say with --dataset NAME "
        "which other data set this is"
        for count in counts
        if count.official not in (None, count.images)
    ]
    notes = [str(warning.message) for warning in skipped]
    notes += [line for line, is_tested in same if not is_tested]
    notes += _near_duplicates(category, looks) + _mask_notes(category, looks, image_size)
    return Verification(name, counts, tuple(dict.fromkeys(problems)), tuple(notes))


@dataclass(frozen=True)
class _Look:
    """What is remembered of an image and its masks.

    `marked` is the share of anomalous pixels, `vanishes` whether none is left at the model's size,
    `values` what the masks hold.
    """

    pixels: str
    thumbnail: np.ndarray
    marked: float = 0.0
    vanishes: bool = False
    values: tuple[int, ...] = ()


def _look(sample: Sample, image_size: int) -> _Look:
    image = read_image(sample.path)
    look = _Look(pixel_hash(image), _thumbnail(image))
    if not sample.mask_paths:
        return look
    truth, values = sample.truth(), set()
    for path in sample.mask_paths:
        with opened(path) as mask:
            values.update(mask_values(mask))
    look = replace(look, values=tuple(sorted(values - {0})))
    if truth.shape != image.shape[:2]:  # which the scan has said
        return look
    vanishes = bool(truth.any() and not reduce_mask(truth, image_size).any())
    return replace(look, marked=truth.mean(), vanishes=vanishes)


def _mask_problems(category: Category, looks: dict[str, _Look]) -> list[str]:
    used = {path for sample in category.anomalies for path in sample.mask_paths}
    empty = [
        f"{sample.mask_paths[0]}: the mask is empty: mark the anomaly, or move the image to the "
        "good ones"
        for sample in category.anomalies
        if sample.mask_paths and sample.name in looks and not looks[sample.name].values
    ]
    orphans = [
        f"{path}: a mask without an image: add the image, or remove the mask"
        for type_ in category.types
        for path in sorted((category.root / "ground_truth" / type_).rglob("[!.]*"))
        if path.suffix.lower() in IMAGE_SUFFIXES and path not in used
    ]
    return empty + orphans + _marked_normals(category)


def _marked_normals(category: Category) -> list[str]:
    """Masks that mark an anomaly in what counts as a good image."""
    problems = []
    for folder in category.root.glob("ground_truth/*"):
        if not is_normal(folder):
            continue
        for path in sorted(folder.rglob("[!.]*")):
            try:
                marked = path.suffix.lower() in IMAGE_SUFFIXES and read_mask(path).any()
            except InputError as error:
                problems.append(str(error))
            else:
                if marked:
                    problems.append(
                        f"{path}: marks an anomaly, but its folder is of good images: move mask "
                        "and image to an anomaly type's"
                    )
    return problems


def _mask_notes(category: Category, looks: dict[str, _Look], image_size: int) -> list[str]:
    found: dict[str, list[str]] = {}
    for sample in category.anomalies:
        look = looks.get(sample.name)
        if look is None:
            continue
        folder = f"{category.root / 'ground_truth' / sample.type}"
        if len(look.values) > 1:
            what = "several values, of which all but a ramp's dark half are taken as anomalous"
            values = ", ".join(map(str, look.values[:5])) + ", …" * (len(look.values) > 5)
            found.setdefault(f"{folder}: masks with {what}", []).append(f"{sample.name} ({values})")
        if look.marked > 0.5:
            what = "more than half of the image marked (is black the normal part?)"
            found.setdefault(f"{folder}: masks with {what}", []).append(sample.name)
        if look.vanishes:
            what = f"no pixel left at {image_size} px, so that no figure of pixels counts them"
            found.setdefault(f"{folder}: masks with {what}", []).append(sample.name)
    return [
        f"{what}: {len(names)}, {', '.join(names[:_NAMED])}" + ", …" * (len(names) > _NAMED)
        for what, names in found.items()
    ]


def _count(
    category: Category, looks: dict[str, _Look], expected: dict[str, int]
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
            else sum(s.name in looks and looks[s.name].marked > 0 for s in samples),
        )
        for folder, samples in sorted(folders.items(), key=lambda item: _reading_order(item[0]))
    )


def _reading_order(folder: str) -> tuple[bool, bool, str]:
    """Training images first, then normal test images, then the anomaly types."""
    return not folder.startswith("train/"), not folder.endswith("/good"), folder


def _same_pixels(category: Category, looks: dict[str, _Look]) -> list[tuple[str, bool]]:
    """A line for each picture that is there more than once, and whether it is tested."""
    copies: dict[str, list[Sample]] = {}
    for sample in category.samples:
        if sample.name in looks:
            copies.setdefault(looks[sample.name].pixels, []).append(sample)
    return [
        (
            f"{category.root}: {' and '.join(sample.name for sample in same)} show the same "
            "pixels: keep one",
            any(sample.split == "test" for sample in same),
        )
        for same in copies.values()
        if len(same) > 1
    ]


def _thumbnail(image: np.ndarray) -> np.ndarray:
    """Horizontal and vertical differences of a small grey version, as one vector."""
    grey = Image.fromarray(image).convert("L")
    small = grey.resize((_THUMBNAIL, _THUMBNAIL), Image.Resampling.LANCZOS)
    values = np.asarray(small, dtype=np.float32)
    return np.concatenate([np.diff(values, axis=axis).ravel() for axis in (0, 1)])


def _near_duplicates(category: Category, looks: dict[str, _Look]) -> list[str]:
    samples = [sample for sample in category.samples if sample.name in looks]
    if len(samples) < 2:
        return []
    vectors = np.stack([looks[sample.name].thumbnail for sample in samples])
    vectors -= vectors.mean(axis=0)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)
    correlation = vectors @ vectors.T
    pairs = [
        (samples[first], samples[second], correlation[first, second])
        for first, second in np.argwhere(np.triu(correlation > NEAR_DUPLICATE, k=1))
    ]
    return [
        f"{category.root}: {first.name} and {second.name} look nearly the same "
        f"(correlation {value:.3f})"
        for first, second, value in pairs
        if second.split == "test" and looks[first.name].pixels != looks[second.name].pixels
    ]
