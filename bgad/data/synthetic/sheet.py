"""The contact sheet: a normal image of each category and one of each anomaly type, outlined."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import binary_dilation

from bgad.data.synthetic.folder import CATEGORIES, SYNTHETIC_VERSION
from bgad.errors import InputError

__all__ = ["contact_sheet"]

_CELL, _GAP, _LABEL, _TITLE = 128, 6, 15, 34
_TEXT, _PAPER, _OUTLINE = (30, 30, 30), (255, 255, 255), (255, 0, 220)


def _small(image_path: Path, mask_path: Path | None = None) -> Image.Image:
    """An image at the sheet's size, with a line around its defect."""
    with Image.open(image_path) as file:
        image = file.convert("RGB").resize((_CELL, _CELL), Image.Resampling.LANCZOS)
    if mask_path is None:
        return image
    with Image.open(mask_path) as file:
        mask = np.array(file.resize((_CELL, _CELL), Image.Resampling.BOX)) > 0
    pixels, near = np.array(image), binary_dilation(mask, iterations=2)
    pixels[binary_dilation(near) & ~near] = _OUTLINE
    return Image.fromarray(pixels)


def contact_sheet(root: Path | str, path: Path | str) -> Path:
    """Picture of all categories by all anomaly types of a generated folder.

    Parameters
    ----------
    root : path
        Folder made by `generate` or `ensure`.
    path : path
        Picture to write, `.webp` or `.png`.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    InputError
        If a category is missing there.
    """
    root, path = Path(root), Path(path)
    rows = []
    for category in CATEGORIES:
        folder = root / category
        if not folder.is_dir():
            raise InputError(f"{folder} is missing: the contact sheet needs all categories")
        cells = [(category, _small(folder / "train" / "good" / "000.png"))]
        for masks in sorted((folder / "ground_truth").iterdir()):
            largest = max(sorted(masks.iterdir()), key=lambda m: np.array(Image.open(m)).sum())
            name = largest.name.replace("_mask", "")
            cells.append((masks.name, _small(folder / "test" / masks.name / name, largest)))
        rows.append(cells)
    width = _GAP + max(map(len, rows)) * (_CELL + _GAP)
    height = _TITLE + len(rows) * (_CELL + _LABEL + _GAP)
    sheet = Image.new("RGB", (width, height), _PAPER)
    draw = ImageDraw.Draw(sheet)
    title = f"synthetic stand-in, version {SYNTHETIC_VERSION}: drawn by a program, not MVTec AD"
    draw.text((_GAP, 8), title, _TEXT, ImageFont.load_default(18))
    for row, cells in enumerate(rows):
        for column, (label, image) in enumerate(cells):
            x, y = _GAP + column * (_CELL + _GAP), _TITLE + row * (_CELL + _LABEL + _GAP)
            draw.text((x, y), label, _TEXT, ImageFont.load_default(12 if column == 0 else 11))
            sheet.paste(image, (x, y + _LABEL))
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path, quality=80)
    return path
