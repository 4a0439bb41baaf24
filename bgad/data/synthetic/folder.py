"""Write the synthetic stand-in as a folder in MVTec AD layout, once."""

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from bgad.data.synthetic.catalogue import CATALOGUE
from bgad.data.synthetic.png import encode_png
from bgad.data.synthetic.render import render
from bgad.errors import InputError, did_you_mean
from bgad.progress import tell

__all__ = ["CATEGORIES", "SYNTHETIC_VERSION", "ensure", "generate"]

SYNTHETIC_VERSION = 3  # raised whenever a byte of any image or mask changes
CATEGORIES = tuple(CATALOGUE)
TRAIN_NORMALS, TEST_NORMALS = 40, 12

_README = f"""synthetic stand-in for MVTec AD, version {SYNTHETIC_VERSION}

These pictures are drawn by a program (bgad.data.synthetic). They have the layout and the category
names of MVTec AD, but show none of its images: a figure measured on them says nothing about MVTec
AD itself.

Each category: train/good, test/good, test/TYPE, ground_truth/TYPE; {TRAIN_NORMALS} normal images to train,
{TEST_NORMALS} to test. 256 x 256 pixels; masks are 255 where a defect changed the image, 0 elsewhere.
"""  # noqa: E501


def _files(category: str) -> Iterator[tuple[str, np.ndarray]]:
    """Path within the category's folder and pixels of each of its images and masks."""
    for split, count in (("train", TRAIN_NORMALS), ("test", TEST_NORMALS)):
        for index in range(count):
            yield f"{split}/good/{index:03d}.png", render(category, split, "good", index)[0]
    for defect in CATALOGUE[category].defects:
        for index in range(defect.count):
            image, mask, _ = render(category, "test", defect.name, index)
            yield f"test/{defect.name}/{index:03d}.png", image
            truth = mask.astype(np.uint8) * 255
            yield f"ground_truth/{defect.name}/{index:03d}_mask.png", truth


def generate(root: Path | str, categories: Iterable[str] | None = None) -> Path:
    """Write the synthetic stand-in, the same bytes each time and everywhere.

    Parameters
    ----------
    root : path
        Folder that gets a folder per category, each appearing only when complete, and a README.txt.
    categories : iterable of str, optional
        Which of `CATEGORIES`; all by default.

    Returns
    -------
    Path
        `root`.

    Raises
    ------
    InputError
        For an unknown category, or if a category's folder is there already.
    """
    root = Path(root)
    names = CATEGORIES if categories is None else tuple(categories)
    for name in names:
        if name not in CATALOGUE:
            raise InputError(
                f"unknown category {name!r}{did_you_mean(name, CATEGORIES)}: choose among "
                f"{', '.join(CATEGORIES)}"
            )
        if (root / name).exists():
            raise InputError(f"{root / name} is there already: delete it or choose another folder")
    root.mkdir(parents=True, exist_ok=True)
    if not (readme := root / "README.txt").exists():
        readme.write_text(_README, encoding="utf-8", newline="\n")
    np.empty(31 << 20, dtype=np.uint8)  # freed at once: glibc then keeps memory, twice as fast
    for place, name in enumerate(names, 1):
        tell("drawing the synthetic stand-in: %s, %d of %d", name, place, len(names))
        with tempfile.TemporaryDirectory(dir=root, prefix=f".{name}-") as scratch:
            folder = Path(scratch) / name
            for path, pixels in _files(name):
                file = folder / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(encode_png(pixels))
            os.rename(folder, root / name)
    return root


def ensure(cache_dir: Path | str) -> Path:
    """Folder of the whole synthetic stand-in within `cache_dir`, made at the first call.

    Its name holds `SYNTHETIC_VERSION`. It appears only when complete, so that several processes
    may ask at once and one that is killed leaves nothing half done.
    """
    cache_dir = Path(cache_dir)
    folder = cache_dir / f"synthetic-stand-in-v{SYNTHETIC_VERSION}"
    if folder.is_dir():
        return folder
    cache_dir.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=cache_dir, prefix=f".{folder.name}-"))
    try:
        scratch.chmod(0o755)
        os.rename(generate(scratch), folder)
    except OSError:
        if not folder.is_dir():  # otherwise another process was first
            raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return folder
