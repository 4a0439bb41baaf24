import numpy as np
import pytest

from bgad.errors import InputError
from bgad.synthesis import cut_paste, foreground_mask

SIDE = 64


def _disc(radius: float) -> np.ndarray:
    rows, columns = np.mgrid[:SIDE, :SIDE]
    return (rows - SIDE / 2) ** 2 + (columns - SIDE / 2) ** 2 < radius**2


def _product(rng: np.random.Generator) -> np.ndarray:
    """A brown disc on a white background, with sensor noise."""
    image = np.where(_disc(20)[..., None], (120, 80, 40), (240, 240, 240))
    return np.clip(image + rng.normal(0, 3, image.shape), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def normal() -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.stack([_product(rng) for _ in range(4)])


@pytest.fixture(scope="module")
def known(normal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    images, masks = normal[:2].copy(), np.zeros((2, SIDE, SIDE), bool)
    masks[0, 30:36, 25:33] = masks[1, 20:24, 30:44] = True
    images[masks] = (20, 20, 200)
    return images, masks


def test_outside_its_mask_an_image_is_a_normal_one(normal, known):
    images, masks = cut_paste(normal, *known, 12, seed=0)
    for image, mask in zip(images, masks, strict=True):
        assert any(np.array_equal(image[~mask], base[~mask]) for base in normal)


def test_regions_show_and_lie_on_the_foreground(normal, known):
    images, masks = cut_paste(normal, *known, 24, seed=1)
    assert masks.any(axis=(1, 2)).all()
    assert not (masks & ~_disc(24)).any()
    changed = [
        min(np.abs(image.astype(int) - base)[mask].mean() for base in normal)
        for image, mask in zip(images, masks, strict=True)
    ]
    assert np.median(changed) > 20


def test_the_seed_alone_decides(normal, known):
    first, again, other = (cut_paste(normal, *known, 6, seed=s) for s in (3, 3, 4))
    assert np.array_equal(first[0], again[0]) and np.array_equal(first[1], again[1])
    assert not np.array_equal(first[0], other[0])


def test_known_anomalies_vary_from_image_to_image(normal, known):
    _, masks = cut_paste(normal, *known, 12, seed=0)
    assert len({mask.tobytes() for mask in masks}) > 6


def test_inputs_stay_as_they_are(normal, known):
    copies = [array.copy() for array in (normal, *known)]
    cut_paste(normal, *known, 4, seed=0)
    for array, copy in zip((normal, *known), copies, strict=True):
        assert np.array_equal(array, copy)


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda n, a, m: (n[:0], a, m), "needs images"),
        (lambda n, a, m: (n, a[:0], m[:0]), "needs images"),
        (lambda n, a, m: (n, a, m[:, 1:]), "one size"),
        (lambda n, a, m: (n[:, 1:], a, m), "one size"),
        (lambda n, a, m: (n, a, m & False), "marks no pixel"),
    ],
)
def test_unusable_input_is_refused(normal, known, break_it, message):
    with pytest.raises(InputError, match=message):
        cut_paste(*break_it(normal, *known), 2, seed=0)


def test_a_product_on_a_plain_background_is_found(normal):
    for image in normal:
        found, truth = foreground_mask(image), _disc(20)
        assert (found & truth).sum() / (found | truth).sum() > 0.9


def test_a_dark_background_does_as_well_as_a_bright_one(normal):
    found, truth = foreground_mask(255 - normal[0]), _disc(20)
    assert (found & truth).sum() / (found | truth).sum() > 0.9


@pytest.mark.parametrize("texture", ["noise", "stripes", "uniform"])
def test_a_texture_is_all_foreground(texture):
    rng = np.random.default_rng(0)
    columns = np.arange(SIDE)
    image = {
        "noise": rng.integers(0, 256, (SIDE, SIDE, 3)),
        "stripes": np.broadcast_to((columns % 8 < 4)[None, :, None] * 200, (SIDE, SIDE, 3)),
        "uniform": np.full((SIDE, SIDE, 3), 128),
    }[texture].astype(np.uint8)
    assert foreground_mask(image).all()
