"""Every kind of image file has one stated outcome: converted by rule, or refused by name."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bgad.data.images import MAX_PIXELS, image_size, read_image
from bgad.data.masks import read_mask
from bgad.errors import InputError

RNG = np.random.default_rng(0)
COLOUR = RNG.integers(0, 256, (6, 9, 3), dtype=np.uint8)
GREY = COLOUR[..., 0]


def png(width: int, height: int, depth: int, colour_type: int, rows: bytes) -> bytes:
    """A PNG file from filtered scan lines, for what Pillow does not write."""

    def chunk(name: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + checksum

    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", header),
            chunk(b"IDAT", zlib.compress(rows)),
            chunk(b"IEND", b""),
        ]
    )


def save(image: Image.Image | np.ndarray, path: Path, **options) -> Path:
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    image.save(path, **options)
    return path


@pytest.mark.parametrize("suffix", [".png", ".PNG", ".bmp", ".tif", ".TIFF"])
def test_rgb_is_read_exactly(tmp_path, suffix):
    pixels = read_image(save(COLOUR, tmp_path / f"a{suffix}"))
    assert pixels.dtype == np.uint8 and np.array_equal(pixels, COLOUR)
    assert pixels.flags.writeable


@pytest.mark.parametrize("name", ["a.JPeG", "a.webp"])
def test_lossy_files_are_read_as_pillow_decodes_them(tmp_path, name):
    path = save(COLOUR, tmp_path / name, quality=95)
    assert np.array_equal(read_image(path), np.asarray(Image.open(path)))


def test_greyscale_gives_three_equal_channels(tmp_path):
    assert np.array_equal(read_image(save(GREY, tmp_path / "a.png")), np.dstack([GREY] * 3))


def test_one_bit_gives_black_and_white(tmp_path):
    bits = GREY > 127
    pixels = read_image(save(Image.fromarray(bits), tmp_path / "a.png"))
    assert np.array_equal(pixels[..., 0], bits * np.uint8(255))


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bit_greyscale_keeps_the_high_byte(tmp_path, suffix):
    deep = RNG.integers(0, 65536, GREY.shape, dtype=np.uint16)
    pixels = read_image(save(deep, tmp_path / f"a{suffix}"))
    assert np.array_equal(pixels, np.dstack([(deep // 256).astype(np.uint8)] * 3))


def test_16_bit_colour_keeps_the_high_byte(tmp_path):
    deep = RNG.integers(0, 65536, COLOUR.shape, dtype=np.uint16)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in deep)
    path = tmp_path / "a.png"
    path.write_bytes(png(COLOUR.shape[1], COLOUR.shape[0], 16, 2, rows))
    assert np.array_equal(read_image(path), (deep // 256).astype(np.uint8))


def test_palette_gives_its_colours(tmp_path):
    palette = Image.fromarray(COLOUR).quantize(4)
    expected = np.asarray(palette.convert("RGB"))
    assert np.array_equal(read_image(save(palette, tmp_path / "a.png")), expected)


def test_cmyk_becomes_rgb(tmp_path):
    path = save(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), tmp_path / "a.jpg", quality=95)
    red = read_image(path).reshape(-1, 3).mean(0)
    assert red[0] > 240 and red[1:].max() < 15


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_is_composited_on_black(tmp_path, mode):
    image = Image.fromarray(COLOUR).convert(mode)
    opaque = np.asarray(image.convert("RGB")).astype(float)
    alpha = np.tile(np.array([0, 128, 255], dtype=np.uint8), (6, 3))
    image.putalpha(Image.fromarray(alpha))
    pixels = read_image(save(image, tmp_path / "a.png"))
    assert np.abs(pixels - opaque * alpha[..., None] / 255).max() <= 1
    assert np.array_equal(pixels[:, 2::3], opaque[:, 2::3])


def test_transparent_palette_entry_is_black(tmp_path):
    image = Image.new("P", (4, 4), 1)
    image.putpalette([255, 0, 0, 0, 255, 0])
    assert read_image(save(image, tmp_path / "a.png", transparency=1)).max() == 0
    assert read_image(save(image, tmp_path / "b.png", transparency=0))[0, 0].tolist() == [0, 255, 0]


# What a viewer does for each EXIF orientation, by its definition: where row 0 and column 0 are.
DISPLAYED = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a.swapaxes(0, 1)[:, ::-1],
    7: lambda a: a.swapaxes(0, 1)[::-1, ::-1],
    8: lambda a: a.swapaxes(0, 1)[::-1],
}


@pytest.mark.parametrize("orientation", DISPLAYED)
def test_exif_orientation_is_applied(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    expected = DISPLAYED[orientation](COLOUR)
    path = save(COLOUR, tmp_path / "a.png", exif=exif)
    assert np.array_equal(read_image(path), expected)
    assert image_size(path) == expected.shape[:2]
    jpeg = save(COLOUR, tmp_path / "a.jpg", exif=exif)
    assert image_size(jpeg) == read_image(jpeg).shape[:2] == expected.shape[:2]
    truth = save((GREY > 127).astype(np.uint8), tmp_path / "m.png", exif=exif)
    assert np.array_equal(read_mask(truth), DISPLAYED[orientation](GREY > 127))


def test_resizing_is_lanczos_without_crop(tmp_path):
    path = save(COLOUR, tmp_path / "a.png")
    expected = Image.fromarray(COLOUR).resize((4, 4), Image.Resampling.LANCZOS)
    assert np.array_equal(read_image(path, 4), np.asarray(expected))


def test_one_pixel_is_an_image(tmp_path):
    path = save(COLOUR[:1, :1], tmp_path / "a.png")
    assert np.array_equal(read_image(path), COLOUR[:1, :1])
    assert np.array_equal(read_image(path, 5), np.broadcast_to(COLOUR[:1, :1], (5, 5, 3)))
    assert read_mask(save(np.ones((1, 1), np.uint8), tmp_path / "m.png"), 5).all()


def test_spaces_and_unicode_in_names(tmp_path):
    folder = tmp_path / "größe 数据"
    folder.mkdir()
    assert np.array_equal(read_image(save(COLOUR, folder / "π 1.png")), COLOUR)


def refusals(path: Path) -> list[str]:
    """What each reader says about a file it must refuse."""
    messages = []
    for read in (read_image, read_mask):
        with pytest.raises(InputError) as caught:
            read(path)
        messages.append(str(caught.value))
    return messages


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif", ".webp"])
@pytest.mark.parametrize("kept", [0, 10, 0.5])
def test_truncated_files_are_refused_by_name(tmp_path, suffix, kept):
    large = RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = save(large, tmp_path / f"broken{suffix}")
    content = path.read_bytes()
    path.write_bytes(content[: kept if isinstance(kept, int) else int(kept * len(content))])
    assert all(str(path) in message for message in refusals(path))


def test_empty_and_missing_files_say_so(tmp_path):
    path = tmp_path / "empty.png"
    assert all("no such file" in message for message in refusals(path))
    path.touch()
    assert all("empty" in message for message in refusals(path))


@pytest.mark.parametrize("format_", ["GIF", "PPM", "ICO"])
def test_other_formats_are_refused_whatever_their_name(tmp_path, format_):
    path = save(COLOUR, tmp_path / "a.png", format=format_)
    assert all(str(path) in message for message in refusals(path))


@pytest.mark.parametrize("side", [9_600, 20_000])
def test_decompression_bombs_are_refused_from_the_header(tmp_path, side):
    assert side**2 > MAX_PIXELS
    path = tmp_path / "bomb.png"
    path.write_bytes(png(side, side, 8, 0, b"\0" * 1000))
    with pytest.raises(InputError, match="pixels"):
        image_size(path)
    assert all(str(path) in message and "pixels" in message for message in refusals(path))


@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_more_than_16_bits_are_refused(tmp_path, dtype):
    path = save(np.full((4, 4), 70_000, dtype), tmp_path / "a.tif")
    assert all(str(path) in message and "16 bits" in message for message in refusals(path))


def encoded(format_: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(COLOUR).save(buffer, format_)
    return buffer.getvalue()


ENCODED = [encoded(format_) for format_ in ("PNG", "JPEG", "BMP", "TIFF", "WEBP")]


@st.composite
def damaged(draw):
    """A valid file with bytes changed, cut off or inserted; or bytes out of nowhere."""
    content = bytearray(draw(st.sampled_from(ENCODED)))
    for _ in range(draw(st.integers(1, 4))):
        position = draw(st.integers(0, len(content)))
        length = draw(st.integers(0, 8))
        content[position : position + length] = draw(st.binary(max_size=8))
    return bytes(content[: draw(st.integers(0, len(content)))] if draw(st.booleans()) else content)


@settings(max_examples=200, deadline=None)
@given(content=st.one_of(damaged(), st.binary(max_size=200)))
def test_any_bytes_give_an_array_or_an_input_error(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "fuzzed.png"
    path.write_bytes(content)
    try:
        height, width = image_size(path)
        pixels, mask = read_image(path), read_mask(path)
    except InputError as error:
        assert str(path) in str(error)
    else:
        assert pixels.dtype == np.uint8 and pixels.shape == (*mask.shape, 3)
        assert sorted(mask.shape) == sorted((height, width))
