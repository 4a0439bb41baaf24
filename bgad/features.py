"""Encode images once, and keep the features on disk."""

import hashlib
import json
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from filelock import FileLock

from bgad.backbone import Backbone
from bgad.data.folder import Category, Sample
from bgad.data.images import as_shape, pixel_hash, read_image
from bgad.mapped import reserve

__all__ = ["PREPROCESSING_VERSION", "EncodedImages", "FeatureCache", "encode"]

PREPROCESSING_VERSION = 1
"""Raised whenever reading, resizing or normalising changes the features of the same file."""

_BATCH = 4  # images: small batches stay in the processor's cache


@dataclass(frozen=True)
class EncodedImages:
    """Images and their frozen features.

    Attributes
    ----------
    images : ndarray of uint8, shape (N, H, W, 3)
        RGB, resized; possibly memory-mapped.
    levels : tuple of ndarray of float32, shape (N, h, w, channels)
        One array per feature level, finest first; possibly memory-mapped.
    """

    images: np.ndarray
    levels: tuple[np.ndarray, ...]

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: slice | Sequence[int] | np.ndarray) -> "EncodedImages":
        return EncodedImages(self.images[index], tuple(level[index] for level in self.levels))


def encode(backbone: Backbone, images: np.ndarray) -> EncodedImages:
    """Encode images held in memory.

    Parameters
    ----------
    backbone : Backbone
    images : ndarray of uint8, shape (N, H, W, 3)

    Returns
    -------
    EncodedImages
    """
    shapes = backbone.level_shapes
    arrays = tuple(np.empty((len(images), *shape), np.float32) for shape in shapes)
    for start in range(0, len(images), _BATCH):
        batch = slice(start, start + _BATCH)
        for array, level in zip(arrays, backbone(images[batch]), strict=True):
            array[batch] = level
    return EncodedImages(images, arrays)


class FeatureCache:
    """Features of whole categories on disk, computed once for all shots and seeds.

    An entry is a folder named by the SHA-256 of everything that its content depends on: the
    images' bytes and order, the backbone, its weights, the image size and the preprocessing
    version. It is written beside its place and renamed into it, so an entry is whole or absent. Of
    two processes that need the same one, the second waits for the first, whose lock ends with it.
    Its arrays carry checksums; an entry that fails them is rebuilt. Beside the entries it remembers
    the hashes of the images' decoded pixels.

    Parameters
    ----------
    root : path
        Folder of the cache, made when needed.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)

    def get(self, category: Category, backbone: Backbone) -> EncodedImages:
        """Features of `category.train + category.test`, in that order, memory-mapped.

        Parameters
        ----------
        category : Category
        backbone : Backbone

        Returns
        -------
        EncodedImages

        Raises
        ------
        InputError
            An image can't be read.
        OSError
            The cache can't be written, or its disk is full; nothing half-done is left behind.
        """
        samples = category.train + category.test
        hashes = category.content_hashes()
        key = _key([hashes[sample.name] for sample in samples], backbone)
        entry = self.root / key
        if not _is_sound(entry, backbone):
            self.root.mkdir(parents=True, exist_ok=True)
            with _hold(self.root / f".{key}.lock") as is_alone:
                if is_alone:  # then whoever left these is dead
                    for leftover in self.root.glob(f".building-{key}-*"):
                        shutil.rmtree(leftover, ignore_errors=True)
                if not _is_sound(entry, backbone):
                    self._build(entry, [sample.path for sample in samples], backbone)
        return _open(entry)

    def pixel_hashes(self, category: Category) -> dict[str, str]:
        """SHA-256 (hex) of each image's decoded pixels, by sample name.

        Whatever is not known of this very content is read now, masks as well: what passes here can
        be encoded.

        Parameters
        ----------
        category : Category

        Raises
        ------
        InputError
            An image or a mask can't be read.
        """
        path = self.root / f"pixels-{category.fingerprint()}.json"
        names = [sample.name for sample in category.samples]
        known = _read_json(path) or {}
        if known.keys() == set(names):
            return known
        with ThreadPoolExecutor() as pool:  # decoders release Python's lock
            hashes = dict(zip(names, pool.map(_look, category.samples), strict=True))
        with suppress(OSError):  # known only this time
            self.root.mkdir(parents=True, exist_ok=True)
            scratch = path.with_name(f".building-{path.stem}-{os.getpid()}")
            _write_json(scratch, hashes)
            scratch.replace(path)
        return hashes

    def _build(self, entry: Path, paths: list[Path], backbone: Backbone) -> None:
        if os.path.lexists(entry):
            warnings.warn(f"feature cache entry {entry} is damaged and is rebuilt", stacklevel=3)
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink()
        scratch = Path(tempfile.mkdtemp(prefix=f".building-{entry.name}-", dir=self.root))
        try:
            _build(scratch, paths, backbone)
            scratch.chmod(0o755)  # others may share the cache
            try:
                scratch.rename(entry)
            except OSError:
                if not _is_sound(
                    entry, backbone
                ):  # without locks, another process may have been faster
                    raise
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def _hold(path: Path) -> Iterator[bool]:
    """Wait for a lock, and hold it; False where the file system has none."""
    lock = FileLock(path, mode=0o666)
    with suppress(OSError, NotImplementedError):
        lock.acquire()
    try:
        yield lock.is_locked
    finally:
        lock.release()


def _look(sample: Sample) -> str:
    if sample.mask_paths:
        sample.truth()
    return pixel_hash(read_image(sample.path))


def _write_json(path: Path, content: dict[str, str]) -> None:
    with open(path, "w") as file:
        json.dump(content, file, indent=1)
        file.flush()
        os.fsync(file.fileno())


def _read_json(path: Path) -> dict[str, str] | None:
    """What a file of the cache holds; None where it is missing, torn or no object."""
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _key(content_hashes: list[str], backbone: Backbone) -> str:
    parts = [PREPROCESSING_VERSION, backbone.name, backbone.weights_hash, backbone.image_size]
    return hashlib.sha256(json.dumps([parts, content_hashes]).encode()).hexdigest()


def _build(folder: Path, paths: list[Path], backbone: Backbone) -> None:
    size, n = backbone.image_size, len(paths)
    shapes = {"images": (n, *as_shape(size), 3)}
    shapes |= {f"level-{i}": (n, *shape) for i, shape in enumerate(backbone.level_shapes)}
    arrays = {}
    for name, shape in shapes.items():
        path, dtype = folder / f"{name}.npy", np.uint8 if name == "images" else np.float32
        arrays[name] = np.lib.format.open_memmap(path, "w+", dtype, shape)
        with path.open("r+b") as file:
            reserve(file.fileno())
    for start in range(0, n, _BATCH):
        batch = slice(start, start + _BATCH)
        images = np.stack([read_image(path, size) for path in paths[batch]])
        arrays["images"][batch] = images
        for i, level in enumerate(backbone(images)):
            arrays[f"level-{i}"][batch] = level
    for array in arrays.values():
        array.flush()
    _write_json(folder / "checksums.json", _checksums(folder))


def _checksums(folder: Path) -> dict[str, str]:
    return {
        path.name: hashlib.blake2b(np.memmap(path, mode="r")).hexdigest()
        for path in sorted(folder.glob("*.npy"))
    }


def _is_sound(entry: Path, backbone: Backbone) -> bool:
    stated = _read_json(entry / "checksums.json") or {}
    levels = {f"level-{i}.npy" for i in range(len(backbone.channels))}
    try:
        return stated.keys() == {"images.npy", *levels} and stated == _checksums(entry)
    except (OSError, ValueError):
        return False


def _open(entry: Path) -> EncodedImages:
    levels = sorted(entry.glob("level-*.npy"))
    arrays = [np.load(path, mmap_mode="r") for path in [entry / "images.npy", *levels]]
    return EncodedImages(arrays[0], tuple(arrays[1:]))
