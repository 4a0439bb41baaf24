"""Image and mask files as arrays: what is accepted, how it is converted, what is refused.

One rule for each kind of file, so that a file gives the same array everywhere:

- Formats: PNG, JPEG and BMP, told apart by content. Of several frames the first is used.
- Colour: greyscale, palette, CMYK and the like become 8-bit RGB; embedded colour profiles are
  ignored. Of 16-bit values the high byte is kept (0..65535 onto 0..255), with no stretching, so
  that a pixel's value does not depend on the rest of its image.
- Transparency is composited on black.
- EXIF orientation is applied: an image is what a viewer displays, and so is its mask.
- Masks: a value above half of the full scale (255, or 65535 in 16 bits) shows that the mask is a
  picture in grey values: anomalous is what lies above half. A mask without such a value holds
  labels (0/1, or a number per defect): anomalous is what is not zero.
- Refused: empty, truncated or undecodable files, and images of more than `MAX_PIXELS`.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps

from bgad.errors import InputError

__all__ = ["IMAGE_SUFFIXES", "MAX_PIXELS", "image_size", "read_image", "read_mask"]

IMAGE_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png")
MAX_PIXELS = 89_478_485  # a quarter of a GiB as 8-bit RGB; Pillow's own limit
_FORMATS = ("PNG", "JPEG", "BMP")


def read_image(path: Path | str, size: int | None = None) -> np.ndarray:
    """Read an image as uint8 RGB of shape (H, W, 3).

    Parameters
    ----------
    path
        A PNG, JPEG or BMP file of any colour mode; the module says how each is converted.
    size
        Side in pixels to which the whole image is resized (Lanczos, no crop, aspect ratio not
        kept); by default the image keeps its own size.

    Raises
    ------
    InputError
        If the file is missing, empty, truncated, no image, or larger than `MAX_PIXELS`.
    """
    with _opened(path) as image:
        image = _to_rgb(ImageOps.exif_transpose(image))
    if size is not None:
        image = image.resize((size, size), Image.Resampling.LANCZOS)
    return np.array(image)


def read_mask(path: Path | str, size: int | None = None) -> np.ndarray:
    """Read a mask as bool of shape (H, W), true where anomalous.

    Parameters
    ----------
    path
        A PNG, JPEG or BMP file; the module says which values count as anomalous.
    size
        Side in pixels to which the mask is resized (nearest neighbour); by default it keeps its
        own size.

    Raises
    ------
    InputError
        As `read_image`.
    """
    with _opened(path) as image:
        image = ImageOps.exif_transpose(image)
        deep = _is_16_bit(image)
        values = np.asarray(image if deep else _to_rgb(image).convert("L"))
    half = (65535 if deep else 255) / 2
    mask = values > (half if values.max() > half else 0)
    if size is not None:
        resized = Image.fromarray(mask).resize((size, size), Image.Resampling.NEAREST)
        mask = np.array(resized, dtype=bool)
    return mask


def image_size(path: Path | str) -> tuple[int, int]:
    """Height and width in pixels of an image as displayed, from the file's header alone.

    Raises
    ------
    InputError
        If the header cannot be read or states more than `MAX_PIXELS`. Damage behind the header
        is found by `read_image` only.
    """
    with _opened(path) as image:
        # The base class's reading of EXIF: the one for PNG would decode the whole image.
        orientation = Image.Image.getexif(image).get(ExifTags.Base.Orientation, 1)
        width, height = image.size
        return (width, height) if orientation in (5, 6, 7, 8) else (height, width)


@contextmanager
def _opened(path: Path | str) -> Iterator[Image.Image]:
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
            f"{path}: cannot be read as a PNG, JPEG or BMP image "
            f"({type(error).__name__}: {error}): replace or remove the file"
        ) from error


def _is_16_bit(image: Image.Image) -> bool:
    return image.mode.startswith("I")


def _to_rgb(image: Image.Image) -> Image.Image:
    if _is_16_bit(image):
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        black = Image.new("RGBA", image.size, "black")
        image = Image.alpha_composite(black, image)
    return image.convert("RGB")
