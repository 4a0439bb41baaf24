"""Inputs: every accepted form gives the same arrays, every other one a clear refusal."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from PIL import Image

from bgad.data.images import read_image
from bgad.data.masks import read_mask
from bgad.errors import InputError
from bgad.inputs import as_images, as_masks

SIZE = 8
RGB = np.random.default_rng(0).integers(0, 256, (5, SIZE, SIZE, 3), dtype=np.uint8)
GREY = RGB[..., 0]
MASKS = GREY > 100


class PairDataset(torch.utils.data.Dataset):
    """Images with labels, as most datasets."""

    def __init__(self, images):
        self.images = images

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self.images[index], 0


FORMS = {
    "array": lambda x: x,
    "read-only array": lambda x: np.lib.stride_tricks.as_strided(x, writeable=False),
    "channels first": lambda x: np.moveaxis(x, -1, 1),
    "float64": lambda x: x / 255,
    "float32": lambda x: np.float32(x / 255),
    "float16": lambda x: np.float16(x / 255),
    "tensor": torch.from_numpy,
    "float tensor, channels first": lambda x: torch.from_numpy(x / 255).permute(0, 3, 1, 2),
    "tensor with gradient": lambda x: torch.from_numpy(x / 255).requires_grad_(),
    "list of arrays": list,
    "tuple of tensors": lambda x: tuple(torch.from_numpy(x)),
    "list of PIL images": lambda x: [Image.fromarray(image) for image in x],
    "generator": lambda x: (image for image in x),
    "dataset": PairDataset,
    "dataset of tensors": lambda x: torch.utils.data.TensorDataset(torch.from_numpy(x)),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_form_of_images_gives_the_same(form):
    images = as_images(form(RGB), SIZE)
    assert images.dtype == np.uint8
    assert np.array_equal(images, RGB)


GREY_FORMS = {
    "array": lambda x: x,
    "channel last": lambda x: x[..., None],
    "channel first": lambda x: x[:, None],
    "float tensor": lambda x: torch.from_numpy(x / 255),
}


@pytest.mark.parametrize("form", GREY_FORMS.values(), ids=GREY_FORMS)
def test_greyscale_fills_all_channels(form):
    expected = np.repeat(GREY[..., None], 3, axis=-1)
    assert np.array_equal(as_images(form(GREY), SIZE), expected)


def grey(image: Image.Image) -> Image.Image:
    return image.convert("L")


def rotated(image: Image.Image) -> Image.Image:
    image.getexif()[0x0112] = 6
    return image


PICTURES = {
    "RGB": lambda image: image,
    "palette": lambda image: image.quantize(16),
    "transparent palette": lambda image: image.quantize(16),
    "grey": grey,
    "1 bit": lambda image: image.convert("1"),
    "16 bit": lambda image: Image.fromarray(np.asarray(grey(image)).astype(np.uint16) * 200),
    "RGBA": lambda image: image.convert("RGBA").transform((12, 9), 0, (1, 1, 0, 0, 1, 0)),
    "CMYK": lambda image: image.convert("CMYK"),
    "rotated by EXIF": rotated,
}


@pytest.mark.parametrize("name", PICTURES)
def test_all_forms_of_one_picture_give_the_same(tmp_path, name):
    pixels = np.random.default_rng(1).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    image = PICTURES[name](Image.fromarray(pixels))
    path = tmp_path / ("a.tif" if name == "CMYK" else "a.png")
    options = {"transparency": 3} if "transparent" in name else {}
    image.save(path, exif=image.getexif(), **options)
    for size in (5, SIZE):
        (expected,) = as_images([path], size)
        assert np.array_equal(expected, read_image(path, size))
        loaded = Image.open(path)
        loaded.load()
        forms = {
            "text": [str(path)],
            "array of text": np.array([str(path)]),
            "opened": [Image.open(path)],
            "loaded": [loaded],
            "glob": tmp_path.glob("*.*"),
            "folder": tmp_path,
            "folder as text": str(tmp_path),
            "displayed": read_image(path)[None],
            "displayed, tensor": torch.from_numpy(read_image(path)[None] / 255),
        }
        if not options:
            forms["in memory"] = [image]
        for form, images in forms.items():
            assert np.array_equal(as_images(images, size)[0], expected), form


def test_an_hsv_image_is_what_it_looks_like():
    image = Image.fromarray(RGB[0])
    (hsv,) = as_images([image.convert("HSV")], SIZE)
    assert np.abs(hsv - RGB[0].astype(int)).max() <= 6  # a step of hue in 8 bits


def test_a_truncated_pil_image_is_refused(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:2000])
    for bring, what in ((as_images, "image"), (as_masks, "mask")):
        with pytest.raises(InputError, match=f"{what} 1 can't be decoded"):
            bring([Image.new("L", (9, 9), 255), Image.open(path)], SIZE)


def test_a_folder_is_read_in_the_order_of_names(tmp_path):
    for index in (2, 0, 1):
        Image.fromarray(RGB[index]).save(tmp_path / f"{index}.png")
    (tmp_path / "notes.txt").touch()
    (tmp_path / "._0.png").touch()
    assert np.array_equal(as_images(tmp_path, SIZE), RGB[:3])


def test_paths_are_read(tmp_path):
    paths = [tmp_path / f"{index}.png" for index in range(len(RGB))]
    for path, image in zip(paths, RGB, strict=True):
        Image.fromarray(image).save(path)
    for forms in (paths, list(map(str, paths))):
        assert np.array_equal(as_images(forms, SIZE), RGB)
    assert np.array_equal(as_images(paths, 5), np.stack([read_image(p, 5) for p in paths]))
    mixed = [RGB[0], paths[1], torch.from_numpy(RGB[2])]
    assert np.array_equal(as_images(mixed, SIZE), RGB[:3])


@given(
    npst.arrays(np.uint8, st.tuples(st.integers(1, 30), st.integers(4, 30), st.just(3))),
    st.integers(1, 20),
)
def test_other_sizes_are_resized_with_lanczos(image, size):
    expected = Image.fromarray(image).resize((size, size), Image.Resampling.LANCZOS)
    for form in (image, torch.from_numpy(image), image / 255):
        assert np.array_equal(as_images([form], size)[0], np.asarray(expected))


MASK_FORMS = {
    "bool": lambda x: x,
    "uint8": lambda x: x * np.uint8(255),
    "float": lambda x: x.astype(float),
    "int64 labels": lambda x: x * np.int64(7),
    "tensor": torch.from_numpy,
    "channel first": lambda x: torch.from_numpy(x).unsqueeze(1),
    "list": list,
    "list of PIL images": lambda x: [Image.fromarray(mask) for mask in x],
    "PIL images with labels": lambda x: [Image.fromarray(mask * np.uint8(3)) for mask in x],
    "generator": iter,
}


@pytest.mark.parametrize("form", MASK_FORMS.values(), ids=MASK_FORMS)
def test_every_form_of_masks_gives_the_same(form):
    masks = as_masks(form(MASKS), SIZE)
    assert masks.dtype == bool
    assert np.array_equal(masks, MASKS)


def test_mask_paths_are_read_and_resized_as_files_are(tmp_path):
    paths = [tmp_path / f"{index}.png" for index in range(len(MASKS))]
    for path, mask in zip(paths, MASKS, strict=True):
        Image.fromarray(mask).save(path)
    assert np.array_equal(as_masks(paths, SIZE), MASKS)
    for size in (4, 11):
        expected = np.stack([read_mask(path, size) for path in paths])
        assert np.array_equal(as_masks(paths, size), expected)
        assert np.array_equal(as_masks(MASKS, size), expected)


REFUSED_IMAGES = {
    "nothing": ([], "at least one"),
    "empty array": (RGB[:0], "at least one"),
    "None": (None, "got NoneType"),
    "number": (3, "got int"),
    "scalar array": (np.array(3, np.uint8), "ndarray"),
    "one path": ("image.png", "list of paths"),
    "one PIL image": (Image.fromarray(RGB[0]), "list of images"),
    "folder without images": (Path(__file__).parent / "data", "holds no image"),
    "dict": ({"image": RGB[0]}, "got dict"),
    "empty generator": (iter(()), "at least one"),
    "DataLoader": (torch.utils.data.DataLoader(RGB), "got DataLoader"),
    "missing file": (["nowhere.png"], "nowhere.png"),
    "one RGB image": (RGB[0], re.escape("images[None]")),
    "one RGB tensor": (torch.from_numpy(RGB[0]).permute(2, 0, 1), re.escape("images[None]")),
    "three greyscale images": (GREY[:3], re.escape("images[..., None]")),
    "no pixels": (RGB[:, :0], "image 0 has shape"),
    "two channels": (RGB[..., :2], "image 0 has shape"),
    "five dimensions": (RGB[None], "image 0 has shape"),
    "bool": (RGB > 9, "image 0 is bool"),
    "int64": (RGB.astype(np.int64), "image 0 is int64"),
    "complex": (RGB * 1j, "image 0 is complex"),
    "floats to 255": (RGB.astype(np.float32), "image 0 is float32 but"),
    "negative": (RGB / 255 - 0.1, "image 0 is float64 but"),
    "NaN": (RGB * np.nan, "image 0 is float64 but"),
    "second is bad": ([RGB[0], RGB[1] / 2], "image 1 is float64 but"),
    "ragged list": ([[[1, 2], [3]]], "image 0"),
    "object": ([object()], "image 0"),
}


@pytest.mark.parametrize(("images", "message"), REFUSED_IMAGES.values(), ids=REFUSED_IMAGES)
def test_other_images_are_refused(images, message):
    with pytest.raises(InputError, match=message):
        as_images(images, SIZE)


REFUSED_MASKS = {
    "nothing": ([], "at least one"),
    "None": (None, "got NoneType"),
    "no pixel": (MASKS & (np.arange(5) != 3)[:, None, None], "image 3 marks no pixel"),
    "lost by resizing": (np.eye(64, dtype=bool)[None] & (np.arange(64) == 0), "marks no pixel"),
    "RGB": (RGB, "mask 0 has shape"),
    "no area": (MASKS[:, :0], "mask 0 has shape"),
    "one mask": (MASKS[0], "mask 0 has shape"),
    "missing file": (["nowhere.png"], "nowhere.png"),
    "text": ([np.full((SIZE, SIZE), "x")], "mask 0"),
    "NaN": (MASKS * np.nan, "mask 0"),
}


@pytest.mark.parametrize(("masks", "message"), REFUSED_MASKS.values(), ids=REFUSED_MASKS)
def test_other_masks_are_refused(masks, message):
    with pytest.raises(InputError, match=message):
        as_masks(masks, SIZE)


arrays = npst.arrays(
    npst.scalar_dtypes(), npst.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=4)
)


@given(arrays)
def test_an_array_becomes_images_or_is_refused(array):
    for bring, dtype in ((as_images, np.uint8), (as_masks, bool)):
        try:
            result = bring(array, SIZE)
        except InputError:
            continue
        assert result.dtype == dtype
        assert result.shape[:3] == (len(array), SIZE, SIZE)
