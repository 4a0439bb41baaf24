"""Which image files are meant, and what their folders say of them."""

import glob
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from bgad.data.folder import is_normal
from bgad.data.images import IMAGE_SUFFIXES, images_in
from bgad.errors import InputError

__all__ = ["check_output", "find_images", "names", "truths"]

_TRUTH = "ground_truth"


def check_output(path: Path) -> None:
    """Make sure that a file can be written before there is something to write.

    Raises
    ------
    InputError
        It is a folder, or none that can be written holds it.
    """
    folder = path.absolute().parent
    if path.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        raise InputError(f"{path}: give a file in a folder that exists, and can be written")


def find_images(places: Iterable[str], out: Path, pictures: Path) -> list[Path]:
    """Image files in several places, each once.

    Parameters
    ----------
    places : iterable of str
        Files, whatever their suffix; folders, with all image files below, but in hidden ones and
        those called ``ground_truth``; or patterns of `glob`, where ``**`` means any folders.
    out : Path
        A folder that is passed over below others.
    pictures : Path
        One whose images are of no part, wherever they are found.

    Raises
    ------
    InputError
        One of the places does not exist, or holds no image.
    """
    found: dict[Path, None] = {}
    for place in places:
        path = Path(place)
        if path.is_dir():
            files = _below(path, out.resolve())
        elif path.exists():
            files = [path]
        elif glob.has_magic(place):
            matched = [Path(match) for match in sorted(glob.glob(place, recursive=True))]
            files = [match for match in matched if match.is_file()]
        else:
            raise InputError(f"{place}: no such file or folder")
        files = [file for file in files if pictures.resolve() not in file.resolve().parents]
        if not files:
            raise InputError(f"{place}: holds no image ({', '.join(IMAGE_SUFFIXES)})")
        found |= dict.fromkeys(files)
    return list(found)


def names(paths: Sequence[Path]) -> list[str]:
    """Paths below the folder that all have in common, with forward slashes."""
    full = [os.path.abspath(path) for path in paths]
    common = os.path.commonpath([os.path.dirname(path) for path in full])
    return [Path(os.path.relpath(path, common)).as_posix() for path in full]


def truths(paths: Sequence[Path]) -> list[str]:
    """What is known of images: "good", an anomaly type, or nothing.

    A folder's name tells if it means good, or if that of a folder beside it does, of other images
    among these.
    """
    folders = [path.absolute().parent for path in paths]
    tell = {folder.parent for folder in set(folders) if is_normal(folder)}
    return [
        "good" if is_normal(folder) else folder.name if folder.parent in tell else ""
        for folder in folders
    ]


def _below(folder: Path, but: Path) -> list[Path]:
    found = []
    for parent, folders, _ in os.walk(folder):
        folders[:] = [
            name
            for name in sorted(folders)
            if not name.startswith(".") and name != _TRUTH and (Path(parent, name).resolve() != but)
        ]
        found += images_in(Path(parent))
    return found
