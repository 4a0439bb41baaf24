"""A mask loses no defect, whatever numbers or colours tell its kinds apart."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from PIL import Image, ImageFilter

from bgad.data.masks import MASK_RULES, as_truth, mask_values, read_mask, reduce_mask
from bgad.errors import InputError

RNG = np.random.default_rng(0)
Y, X = np.mgrid[:96, :96]
DISC = (Y - 40) ** 2 + (X - 50) ** 2 < 25**2
TWO = np.zeros((96, 96), np.uint8)  # two kinds of defect, as labels 1 and 2
TWO[5:25, 5:25], TWO[50:80, 40:90] = 1, 2


def saved(image: Image.Image, format_: str = "PNG", **options) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, format_, **options)
    return Image.open(io.BytesIO(buffer.getvalue()))


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA"])
def test_black_and_white_in_any_mode(mode):
    image = Image.fromarray(DISC.astype(np.uint8) * 255).convert(mode)
    assert np.array_equal(as_truth(saved(image)), DISC)


@pytest.mark.parametrize(
    "values", [(1, 1), (1, 2), (1, 255), (80, 160), (3, 128), (255, 255)], ids=str
)
def test_every_label_is_anomalous(values):
    labels = np.array([0, *values], np.uint8)[TWO]
    image = Image.fromarray(labels)
    assert np.array_equal(as_truth(saved(image)), TWO > 0)
    assert mask_values(image) == tuple(sorted({0, *values}))
    deep = Image.fromarray(labels.astype(np.uint16) * 150)
    assert np.array_equal(as_truth(saved(deep)), TWO > 0)


@pytest.mark.parametrize(
    "colours",
    [((255, 0, 0), (0, 255, 0)), ((0, 0, 128), (255, 255, 255)), ((1, 0, 0), (220, 20, 60))],
    ids=str,
)
def test_every_colour_is_anomalous(colours):
    palette = np.array([(0, 0, 0), *colours], np.uint8)
    assert np.array_equal(as_truth(saved(Image.fromarray(palette[TWO]))), TWO > 0)


@pytest.mark.parametrize("colours", [(200, 0, 0, 0, 200, 0), (0, 0, 0, 0, 0, 0)], ids=str)
def test_a_palette_counts_by_index(colours):
    image = Image.fromarray(TWO, "P")
    image.putpalette([0, 0, 0, *colours])
    assert np.array_equal(as_truth(image), TWO > 0)
    assert mask_values(image) == (0, 1, 2)


def test_a_palette_that_starts_with_a_colour_counts_by_colour():
    image = Image.fromarray((TWO == 0).astype(np.uint8), "P")
    image.putpalette([255, 255, 255, 0, 0, 0])
    assert np.array_equal(as_truth(saved(image)), TWO > 0)


def test_black_drawn_on_a_transparent_layer_counts():
    layer = np.zeros((*DISC.shape, 4), np.uint8)
    assert not as_truth(saved(Image.fromarray(layer))).any()
    layer[..., 3][DISC] = 255
    assert np.array_equal(as_truth(saved(Image.fromarray(layer))), DISC)
    layer[..., 3] = 255
    assert not as_truth(saved(Image.fromarray(layer))).any()


def test_numbered_instances_are_kept_however_many_and_small():
    numbers = np.zeros((96, 96), np.uint8)
    for i in range(60):
        y, x = divmod(i, 8)
        numbers[y * 12 : y * 12 + 3, x * 12 : x * 12 + 3] = 4 * i + 4
    assert np.array_equal(as_truth(Image.fromarray(numbers)), numbers > 0)


RAMPS = {
    "blurred": lambda image: image.filter(ImageFilter.GaussianBlur(1)),
    "bilinear": lambda image: image.resize((192, 192), Image.Resampling.BILINEAR).resize((96, 96)),
    "JPEG": lambda image: saved(image, "JPEG", quality=75),
    "JPEG, fine": lambda image: saved(image, "JPEG", quality=95),
}


@pytest.mark.parametrize("ramp", RAMPS.values(), ids=RAMPS)
@pytest.mark.parametrize("white", [255, 150])
def test_a_ramp_is_cut_at_half_of_its_maximum(ramp, white):
    image = ramp(Image.fromarray(DISC.astype(np.uint8) * white))
    assert len(np.unique(np.asarray(image))) > 5
    assert (as_truth(image) ^ DISC).mean() < 0.002


def test_empty_and_full_masks():
    assert not as_truth(Image.new("L", (9, 9))).any()
    assert as_truth(Image.new("L", (9, 9), 1)).all()


masks = npst.arrays(bool, npst.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40))


@given(masks, st.integers(1, 20))
def test_any_keeps_every_anomaly_and_area_no_more_than_any(mask, size):
    nearest, area, any_ = (reduce_mask(mask, size, rule) for rule in ("nearest", "area", "any"))
    assert any_.any() == mask.any() or max(mask.shape) < size  # enlarging may pass a pixel over
    assert not (area & ~any_).any()
    if mask.all() or not mask.any():
        assert np.array_equal(nearest, any_) and np.array_equal(area, any_)


def test_the_rules_by_their_definitions():
    mask = RNG.random((64, 64)) < 0.5
    blocks = mask.reshape(16, 4, 16, 4).swapaxes(1, 2).reshape(16, 16, 16)
    assert np.array_equal(reduce_mask(mask, 16, "any"), blocks.any(axis=2))
    assert np.array_equal(reduce_mask(mask, 16, "area"), blocks.mean(axis=2) > 0.5)
    assert np.array_equal(reduce_mask(mask, 16), mask[2::4, 2::4])
    for rule in MASK_RULES:
        assert np.array_equal(reduce_mask(mask, 64, rule), mask)


def test_a_file_is_reduced_as_its_mask_is(tmp_path):
    path = tmp_path / "m.png"
    Image.fromarray(TWO).save(path)
    assert np.array_equal(read_mask(path), TWO > 0)
    for rule in MASK_RULES:
        assert np.array_equal(read_mask(path, 20, rule), reduce_mask(TWO > 0, 20, rule))


def test_an_unknown_rule_is_refused():
    with pytest.raises(InputError, match="nearest, area, any"):
        reduce_mask(DISC, 8, "linear")


@pytest.mark.real_data
def test_official_masks_are_black_and_white(real_data_root):
    """So that figures on them do not depend on what a mask of other values means."""
    for path in sorted(real_data_root.glob("*/ground_truth/*/*.png"))[::7]:
        values = np.asarray(Image.open(path))
        assert set(np.unique(values)) <= {0, 255}
        assert np.array_equal(read_mask(path), values == 255)
