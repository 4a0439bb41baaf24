"""Image files as arrays: what is accepted, how it is converted, what is refused.

One rule for each kind of file, so that a file gives the same array everywhere:

- Formats: PNG, JPEG, BMP, TIFF and WebP, told apart by content. Of several frames the first is
  used.
- Colour: greyscale, palette, CMYK and the like become 8-bit RGB; embedded colour profiles are
  ignored. Of 16-bit values the high byte is kept (0..65535 onto 0..255), with no stretching, so
  that a pixel's value does not depend on the rest of its image.
- Transparency is composited on black.
- EXIF orientation is applied: an image is what a viewer displays, and so is its mask.
- Refused: empty, truncated or undecodable files, images of more than `MAX_PIXELS`, and pixels of
  more than 16 bits a channel.
"""

import hashlib
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import numpy as np
from PIL import ExifTags, Image, ImageOps

from bgad.errors import InputError

__all__ = [
    "IMAGE_SUFFIXES",
    "MAX_PIXELS",
    "Size",
    "as_pixels",
    "as_shape",
    "folder_images",
    "image_size",
    "images_in",
    "is_16_bit",
    "opened",
    "pixel_hash",
    "read_image",
    "resize_maps",
    "to_rgb",
    "warn_skipped",
]

IMAGE_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
MAX_PIXELS = 89_478_485  # a quarter of a GiB as 8-bit RGB; Pillow's own limit
_FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP")


Size: TypeAlias = int | Sequence[int]
"""Of images as a model sees them, in pixels: the side of a square, or height and width."""


def as_shape(size: Size) -> tuple[int, int]:
    """Height and width of a size."""
    height, width = (size, size) if isinstance(size, int) else size
    return height, width


def read_image(path: Path | str, size: Size | None = None) -> np.ndarray:
    """Read an image as uint8 RGB of shape (H, W, 3).

    Parameters
    ----------
    path
        A file of any colour mode; the module says which formats, and how each is converted.
    size
        To which the whole image is resized (Lanczos, no crop, whatever its aspect ratio); by
        default the image keeps its own size.

    Raises
    ------
    InputError
        If the file is missing, empty, truncated, no image, or larger than `MAX_PIXELS`.
    """
    with opened(path) as image:
        return as_pixels(image, size)


def as_pixels(image: Image.Image, size: Size | None = None) -> np.ndarray:
    """Convert an opened image as `read_image` does its file."""
    image = to_rgb(ImageOps.exif_transpose(image))
    if size is not None:
        image = image.resize(as_shape(size)[::-1], Image.Resampling.LANCZOS)
    return np.array(image)


def pixel_hash(pixels: np.ndarray) -> str:
    """SHA-256 (hex) of decoded pixels: the same for copies that were saved anew without loss."""
    return hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()


def images_in(folder: Path) -> list[Path]:
    """Image files right in a folder, by their suffix and sorted by name.

    Hidden ones are left out, other files with a warning.
    """
    images, others = [], []
    for path in sorted(folder.iterdir()):
        if not path.name.startswith("."):
            (images if path.suffix.lower() in IMAGE_SUFFIXES else others).append(path)
    warn_skipped(folder, [path.name for path in others if path.is_file()])
    return images


def folder_images(folder: Path) -> list[Path]:
    """Image files right in a folder, sorted by name.

    Raises
    ------
    InputError
        There is no such folder, or it holds no image.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    if found := images_in(folder):
        return found
    raise InputError(f"{folder}: holds no image ({', '.join(IMAGE_SUFFIXES)})")


def warn_skipped(folder: Path, names: Sequence[str]) -> None:
    """Warn of entries of a folder that are passed over, if there are any."""
    if names:
        warnings.warn(
            f"{folder}: skipped {len(names)} entries that are no images "
            f"({', '.join(IMAGE_SUFFIXES)}), such as {names[0]}",
            stacklevel=3,
        )


def image_size(path: Path | str) -> tuple[int, int]:
    """Height and width in pixels of an image as displayed, from the file's header alone.

    Raises
    ------
    InputError
        If the header cannot be read or states more than `MAX_PIXELS`. Damage behind the header
        is found by `read_image` only.
    """
    with opened(path) as image:
        # The base class's reading of EXIF: the one for PNG would decode the whole image.
        orientation = Image.Image.getexif(image).get(ExifTags.Base.Orientation, 1)
        width, height = image.size
        return (width, height) if orientation in (5, 6, 7, 8) else (height, width)


@contextmanager
def opened(path: Path | str) -> Iterator[Image.Image]:
    """Open an image file; whatever goes wrong with it inside the block becomes an `InputError`."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: the file is empty (0 bytes): replace or remove it")
    try:
        with warnings.catch_warnings():
            # Said by the refusals here, in one message; Pillow's other warnings concern metadata.
            warnings.simplefilter("ignore")
            with Image.open(path, formats=_FORMATS) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise Image.DecompressionBombError
                yield image
    except Image.DecompressionBombError as error:
        raise InputError(
            f"{path}: the image has more than {MAX_PIXELS:,} pixels: resize it first"
        ) from error
    except Exception as error:  # Pillow's decoders raise nearly any type on damaged bytes
        raise InputError(
            f"{path}: cannot be read as a PNG, JPEG, BMP, TIFF or WebP image "
            f"({type(error).__name__}: {error}): replace or remove the file"
        ) from error


def is_16_bit(image: Image.Image) -> bool:
    """Whether a channel has 16 bits.

    Raises
    ------
    ValueError
        If it has more.
    """
    if image.mode == "F" or (image.mode == "I" and not _fits_16_bit(image)):
        raise ValueError("it has more than 16 bits a channel: save it with 8 or 16")
    return image.mode.startswith("I")


def resize_maps(maps: np.ndarray, size: Size) -> np.ndarray:
    """Bring maps to another size, such as that of the original image, bilinearly.

    Parameters
    ----------
    maps : ndarray of float32, shape (N, h, w)
    size : int, or height and width
        In pixels; a smaller one averages.

    Returns
    -------
    ndarray of float32, shape (N, H, W)
    """
    width_first = as_shape(size)[::-1]
    resized = [Image.fromarray(m).resize(width_first, Image.Resampling.BILINEAR) for m in maps]
    return np.stack([np.asarray(image) for image in resized])


def _fits_16_bit(image: Image.Image) -> bool:
    low, high = image.getextrema()
    return low >= 0 and high < 1 << 16


def to_rgb(image: Image.Image) -> Image.Image:
    """Convert an image of any mode to 8-bit RGB; the module says how."""
    if is_16_bit(image):
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        black = Image.new("RGBA", image.size, "black")
        image = Image.alpha_composite(black, image)
    return image.convert("RGB")
