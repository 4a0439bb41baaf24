"""CutPaste changes nothing but what its masks say; foregrounds find drawn and real objects."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from bgad import InputError
from bgad import synthesis as module
from bgad.data.folder import load_category
from bgad.data.images import read_image
from bgad.synthesis import cut_paste, foreground_mask, fresh_cut_paste, random_rectangles

SIZE = 64
ROWS, COLUMNS = np.mgrid[:SIZE, :SIZE]
DISC = (ROWS - 30) ** 2 + (COLUMNS - 34) ** 2 < 20**2
RED = (220, 30, 30)


def noisy(colours, seed=0, strength=3):
    """Image of these colours, (H, W, 3), with the same noise in all channels."""
    noise = np.random.default_rng(seed).normal(0, strength, (*np.shape(colours)[:2], 1))
    return np.clip(colours + noise, 0, 255).astype(np.uint8)


def drawn(shape, colour=(60, 60, 60), background=(190, 190, 190), seed=0):
    return noisy(np.where(shape[..., None], colour, background).astype(float), seed)


NORMAL = np.stack([drawn(DISC, seed=i) for i in range(5)])
MASKS = np.zeros((3, SIZE, SIZE), bool)
MASKS[0, 25:35, 30:42] = True
MASKS[1, 40:43, 20:40] = True
MASKS[2, 20, 30] = True
ANOMALOUS = np.where(MASKS[..., None], np.uint8(RED), NORMAL[:3])


def base_of(image, mask):
    """The one normal image that this one was made from."""
    same = [(image == normal).all(-1)[~mask].all() for normal in NORMAL]
    assert sum(same) == 1
    return NORMAL[same.index(True)]


def test_only_what_the_masks_mark_differs_from_a_normal_image():
    images, masks = cut_paste(NORMAL, ANOMALOUS, MASKS, 30, seed=0)
    assert images.shape == (30, SIZE, SIZE, 3) and images.dtype == np.uint8
    assert masks.shape == (30, SIZE, SIZE) and masks.dtype == bool
    assert masks.any(axis=(1, 2)).all()
    bases = np.stack([base_of(*pair) for pair in zip(images, masks, strict=True)])
    assert len(np.unique(bases, axis=0)) == len(NORMAL)
    assert (images != bases).any(-1)[masks].mean() > 0.99
    on_object = np.stack([foreground_mask(base) for base in bases])
    assert not (masks & ~on_object).any()


def test_mask_and_region_are_altered_alike():
    images, masks = cut_paste(NORMAL, ANOMALOUS, MASKS, 60, seed=1)
    red, green, blue = np.moveaxis(images[masks].astype(int), -1, 0)
    # The hue turns by 40 degrees at most: red stays the strongest.
    assert (red > np.maximum(green, blue) + 10).mean() > 0.98
    sizes = masks.sum(axis=(1, 2))
    for k, mask in enumerate(MASKS):  # the known anomalies take turns
        assert 0.3 * mask.sum() <= np.median(sizes[k::3]) <= 2 * mask.sum()


def test_seed_alone_decides():
    images, masks = cut_paste(NORMAL, ANOMALOUS, MASKS, 6, seed=3)
    again, masks_again = cut_paste(NORMAL, ANOMALOUS, MASKS, 6, seed=3)
    np.testing.assert_array_equal(images, again)
    np.testing.assert_array_equal(masks, masks_again)
    others, other_masks = cut_paste(NORMAL, ANOMALOUS, MASKS, 6, seed=4)
    assert (images != others).any() and (masks != other_masks).any()
    # More images begin with the same ones.
    np.testing.assert_array_equal(cut_paste(NORMAL, ANOMALOUS, MASKS, 9, seed=3)[0][:6], images)


def test_fresh_images_differ_from_a_normal_one_where_their_masks_say():
    images, masks = fresh_cut_paste(NORMAL, ANOMALOUS, MASKS, 30, seed=[0, 7])
    bases = np.stack([base_of(*pair) for pair in zip(images, masks, strict=True)])
    assert (images != bases).any(-1)[masks].mean() > 0.95
    again, masks_again = fresh_cut_paste(NORMAL, ANOMALOUS, MASKS, 30, seed=[0, 7])
    np.testing.assert_array_equal(images, again)
    np.testing.assert_array_equal(masks, masks_again)
    assert (fresh_cut_paste(NORMAL, ANOMALOUS, MASKS, 30, seed=[0, 8])[1] != masks).any()


@pytest.fixture
def unaltered(monkeypatch):
    """The official operations, none of which is ever applied."""
    never = tuple((operation, 0.0) for operation, _ in module._OFFICIAL)
    monkeypatch.setattr(module, "_OFFICIAL", never)


def test_a_region_that_is_mostly_on_the_foreground_stays_whole(unaltered):
    mask = np.zeros_like(MASKS[:1])
    mask[0, 26:32, 46:57] = True  # across the disc's edge
    assert 2 / 3 < (mask[0] & DISC).sum() / mask.sum() < 1
    _, masks = fresh_cut_paste(NORMAL, ANOMALOUS[:1], mask, 5, seed=0)
    assert (masks == mask).all()


def test_regions_off_the_foreground_move_apart_each_to_a_place_on_it(unaltered):
    mask = np.zeros_like(MASKS[:1])
    mask[0, 1:4, 1:6] = mask[0, 58:60, 2:4] = True
    images, masks = fresh_cut_paste(NORMAL, ANOMALOUS[:1], mask, 40, seed=0)
    steps = set()
    for image, pasted in zip(images, masks, strict=True):
        labelled, count = ndimage.label(pasted, np.ones((3, 3)))
        if count < 2:
            continue  # one on the other
        centres = ndimage.center_of_mass(pasted, labelled, range(1, count + 1))
        foreground = foreground_mask(base_of(image, pasted))
        assert all(foreground[tuple(np.array(centre).astype(int))] for centre in centres)
        assert sorted(np.bincount(labelled.ravel())[1:]) == [4, 15]
        steps.add(tuple(np.subtract(*centres).round().astype(int)))
    assert len(steps) > 10


def test_operations_are_applied_as_often_as_the_official_code_does(monkeypatch):
    applied = dict.fromkeys(range(10), 0)

    def count(i):
        def operation(x, rng):
            applied[i] += 1
            return x

        return operation

    # Three of four turns, flips, transposition, lens, noise, blur, affine, warp, tone, colour.
    probabilities = np.array([3 / 8, 0.5, 0.5, 1, 0.2, 0.2, 0.2, 0.2, 0.3, 0.3])
    counted = tuple((count(i), share) for i, (_, share) in enumerate(module._OFFICIAL))
    monkeypatch.setattr(module, "_OFFICIAL", counted)
    n = 500
    fresh_cut_paste(NORMAL[:, ::4, ::4], ANOMALOUS[:1, ::4, ::4], MASKS[:1, ::4, ::4], n, seed=0)
    expected = 0.3 * n * probabilities  # three of ten are drawn
    deviation = np.sqrt(expected * (1 - 0.3 * probabilities))
    assert (np.abs(np.array(list(applied.values())) - expected) < 4 * deviation).all()


def test_inputs_stay_as_they_are():
    copies = NORMAL.copy(), ANOMALOUS.copy(), MASKS.copy()
    cut_paste(NORMAL, ANOMALOUS, MASKS, 6, seed=0)
    for array, copy in zip((NORMAL, ANOMALOUS, MASKS), copies, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_read_only_memory_mapped_images_will_do(tmp_path):
    np.save(tmp_path / "normal.npy", NORMAL)
    mapped = np.load(tmp_path / "normal.npy", mmap_mode="r")
    images, _ = cut_paste(mapped, ANOMALOUS, MASKS, 3, seed=0)
    np.testing.assert_array_equal(images, cut_paste(NORMAL, ANOMALOUS, MASKS, 3, seed=0)[0])


def test_grey_images_stay_grey():
    anomalous = np.where(MASKS[..., None], np.uint8(20), NORMAL[:3])
    images, _ = cut_paste(NORMAL, anomalous, MASKS, 30, seed=0)
    assert np.ptp(images.astype(int), axis=-1).max() <= 1


@pytest.mark.parametrize("rows", [slice(0, 1), slice(-1, None), slice(0, None)], ids=str)
def test_masks_are_never_empty(rows):
    """One pixel in a corner that warps lose, and a region larger than any object."""
    masks = np.zeros((1, SIZE, SIZE), bool)
    masks[0, rows, rows] = True
    _, pasted = cut_paste(NORMAL, NORMAL[:1], masks, 60, seed=0)
    assert pasted.any(axis=(1, 2)).all()


def test_region_that_every_warp_loses_is_left_where_it_was(monkeypatch):
    monkeypatch.setattr(module, "_GEOMETRIC", (lambda grid, rng: grid + 4,) * 6)
    image, mask = module._rand_augment(ANOMALOUS[0], MASKS[0], np.random.default_rng(0))
    np.testing.assert_array_equal(mask, MASKS[0])
    assert image.shape == ANOMALOUS[0].shape


def test_region_inside_the_foreground_stays():
    rng = np.random.default_rng(0)
    source, target = module._place(MASKS[0], DISC, rng)
    np.testing.assert_array_equal(source, np.nonzero(MASKS[0]))
    np.testing.assert_array_equal(source, target)


def test_region_outside_moves_inside_anywhere():
    rng = np.random.default_rng(0)
    mask = np.zeros_like(DISC)
    mask[:6, :4] = True
    covered = np.zeros_like(DISC)
    for _ in range(300):
        source, target = module._place(mask, DISC, rng)
        assert mask[source].all() and DISC[target].all()
        assert len(source[0]) >= 2 / 3 * mask.sum()
        assert len({*zip(*np.subtract(target, source).tolist(), strict=True)}) == 1  # one shift
        covered[target] = True
    assert covered[DISC].mean() > 0.95


def turned(image, rng):
    return [np.rot90(image, k) for k in (3, 2, 1)][rng.integers(3)]


def flipped(image, rng):
    return [image[:, ::-1], image[::-1]][rng.integers(2)]


def flipped_any_way(image, rng):
    return [image[:, ::-1], image[::-1], image[::-1, ::-1]][rng.integers(3)]


def transposed(image, rng):
    return image.swapaxes(0, 1)


@pytest.mark.parametrize(
    ("operation", "oracle"),
    [
        ("_quarter_turn", turned),
        ("_flip", flipped),
        ("_any_flip", flipped_any_way),
        ("_transpose", transposed),
    ],
)
def test_symmetries_against_numpy(monkeypatch, operation, oracle):
    monkeypatch.setattr(module, "_GEOMETRIC", (getattr(module, operation),))
    monkeypatch.setattr(module, "_PHOTOMETRIC", ())
    monkeypatch.setattr(module, "_OPERATIONS", 1)
    seen = set()
    for seed in range(12):
        image, mask = module._rand_augment(ANOMALOUS[1], MASKS[1], np.random.default_rng(seed))
        rng = np.random.default_rng(seed)
        rng.choice(1, 1, replace=False)
        state = rng.bit_generator.state
        np.testing.assert_array_equal(mask, oracle(MASKS[1], rng))
        rng.bit_generator.state = state
        assert np.abs(image.astype(int) - oracle(ANOMALOUS[1], rng)).max() <= 1
        seen.add(mask.tobytes())
    ways = {"_quarter_turn": 3, "_flip": 2, "_any_flip": 3, "_transpose": 1}
    assert len(seen) == ways[operation]


@pytest.mark.parametrize(
    "operation",
    [*module._GEOMETRIC, module._any_flip, module._strong_lens],
    ids=lambda f: f.__name__,
)
def test_geometric_operations_map_the_image_onto_much_of_itself(operation):
    y, x = torch.meshgrid(torch.linspace(-1, 1, 33), torch.linspace(-1, 1, 33), indexing="ij")
    grid = torch.stack([x, y], -1)[None]
    rng = np.random.default_rng(0)
    for _ in range(20):
        moved = operation(grid, rng)
        assert moved.shape == grid.shape and moved.dtype == grid.dtype
        assert not torch.equal(moved, grid)
        assert (moved.abs() <= 1).all(-1).float().mean() > 0.5


@pytest.mark.parametrize("operation", module._PHOTOMETRIC, ids=lambda f: f.__name__)
def test_photometric_operations_change_values_and_leave_the_scene(operation):
    x = torch.from_numpy(ANOMALOUS[:1]).permute(0, 3, 1, 2) / 255
    rng = np.random.default_rng(0)
    for _ in range(10):
        y = operation(x, rng)
        assert y.shape == x.shape and y.dtype == x.dtype
        assert not torch.equal(y, x)
        assert (y - x).abs().mean() < 0.25
        assert torch.corrcoef(torch.stack([x.mean(1).ravel(), y.mean(1).ravel()]))[0, 1] > 0.8


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"normal": NORMAL[:0]}, "0 normal"),
        ({"anomalous": ANOMALOUS[:0], "masks": MASKS[:0]}, "0 known"),
        ({"masks": MASKS[:2]}, "one size"),
        ({"normal": NORMAL[:, :32]}, "one size"),
        ({"masks": MASKS & [[[True]], [[False]], [[True]]]}, "known anomaly 1 marks no pixel"),
        ({"masks": MASKS.astype(np.uint8)}, "bool masks"),
        ({"normal": NORMAL / 255}, "uint8 images"),
    ],
)
def test_unusable_input_is_refused(change, message):
    usable = {"normal": NORMAL, "anomalous": ANOMALOUS, "masks": MASKS}
    with pytest.raises(InputError, match=message):
        cut_paste(**usable | change, n=1, seed=0)


def overlap(a, b):
    return (a & b).sum() / (a | b).sum()


@pytest.mark.parametrize("size", [64, 128, 200, 256])
@pytest.mark.parametrize(
    ("colour", "background"),
    [
        ((60, 60, 60), (190, 190, 190)),
        ((230, 225, 215), (5, 5, 10)),
        ((200, 60, 50), (90, 120, 90)),
    ],
    ids=["dark", "bright", "coloured"],
)
def test_object_on_a_plain_background_is_found(size, colour, background):
    rows, columns = np.mgrid[:size, :size] / size
    ring = (((rows - 0.5) ** 2 + (columns - 0.52) ** 2) ** 0.5 - 0.22).__abs__() < 0.14
    whole = ndimage.binary_fill_holes(ring)
    found = foreground_mask(drawn(ring, colour, background))
    assert found.shape == (size, size) and found.dtype == bool
    assert overlap(found, whole) > 0.93


def test_dust_is_dropped_and_a_second_object_kept():
    image = np.full((256, 256, 3), 200.0)
    first, second = np.s_[60:140, 60:140], np.s_[160:210, 150:200]
    image[first] = image[second] = 40
    image[15:35, 15:35] = image[225:237, 60:66] = 40
    found = foreground_mask(noisy(image))
    assert found[first].mean() > 0.98 and found[second].mean() > 0.98
    assert not found[:50].any() and found.sum() < 1.05 * (80**2 + 50**2)


def test_object_may_cross_the_border():
    strip = np.zeros((256, 256), bool)
    strip[:, 70:190] = True
    teeth = strip.copy()
    teeth[:, 120:140] = False  # as bright as the background, as a zipper's teeth
    assert overlap(foreground_mask(drawn(teeth)), strip) > 0.95


def texture(kind):
    rng = np.random.default_rng(0)
    smooth = ndimage.gaussian_filter(rng.standard_normal((256, 256)), 2)
    smooth /= smooth.std()
    rows, columns = np.mgrid[:256, :256]
    return {
        "uniform": np.full((256, 256), 128.0),
        "noise": 128 + 30 * rng.standard_normal((256, 256)),
        "blotches": 128 + 40 * smooth,
        "speckles": np.where(smooth > 1.8, 30.0, 200.0),
        "knots": np.where((rows % 64 - 32) ** 2 + (columns % 64 - 32) ** 2 < 100, 30.0, 200.0),
        "streaks": np.where(np.abs(columns - 128) // 10 == 8, 30.0, 200.0),
        "stripes": 128 + 60 * np.sign(np.sin(columns / 7)),
        "grid": np.where((rows % 16 < 6) | (columns % 16 < 6), 170.0, 70.0),
        "gradient": 60 + columns / 2,
        "vignette": 160 - 0.3 * np.hypot(rows - 128, columns - 128) + 4 * smooth,
    }[kind]


@pytest.mark.parametrize(
    "kind",
    [
        "uniform",
        "noise",
        "blotches",
        "speckles",
        "knots",
        "streaks",
        "stripes",
        "grid",
        "gradient",
        "vignette",
    ],
)
def test_all_of_a_texture_is_foreground(kind):
    assert foreground_mask(noisy(texture(kind)[..., None].repeat(3, -1))).all()


@given(
    arrays(
        np.uint8,
        st.tuples(st.integers(1, 12), st.integers(1, 12), st.just(3)),
        elements=st.sampled_from([0, 128, 255]),
    )
)
def test_foreground_is_never_empty(image):
    found = foreground_mask(image)
    assert found.shape == image.shape[:2] and found.any()


@pytest.mark.parametrize(
    "image", [NORMAL, NORMAL[0, ..., 0], NORMAL[0] / 255], ids=["several", "grey", "float"]
)
def test_foreground_of_what_is_no_image_is_refused(image):
    with pytest.raises(InputError, match="uint8"):
        foreground_mask(image)


@pytest.mark.real_data
@pytest.mark.parametrize(("name", "least"), [("bottle", 0.9), ("pill", 0.85), ("screw", 0.6)])
def test_real_defects_lie_on_the_foreground(real_data_root, name, least):
    """The annotators' masks are an oracle: an object's defects are on the object."""
    category = load_category(real_data_root, name)
    for sample in category.train[::40]:
        found = foreground_mask(read_image(sample.path, 256))
        assert 0.08 < found.mean() < 0.7
        assert found[[0, -1]].mean() < 0.05 and found[:, [0, -1]].mean() < 0.05
    inside = [
        foreground_mask(read_image(sample.path, 256))[sample.truth(256)].mean()
        for sample in category.anomalies[::5]
    ]
    assert np.mean(inside) > least


def test_rectangles_have_the_published_sizes():
    marked = random_rectangles(200, (200, 100), seed=0)
    assert marked.shape == (200, 200, 100) and marked.dtype == bool
    areas, aspects = [], []
    for mask in marked:
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        assert mask.sum() == len(rows) * len(columns)  # nothing else is marked
        areas.append(mask.mean())
        aspects.append(len(rows) / len(columns))
    assert min(areas) > 0.019 and max(areas) < 0.155
    assert 0.25 < min(aspects) < 0.5 and 2 < max(aspects) < 4
    assert np.array_equal(marked, random_rectangles(200, (200, 100), seed=0))
    assert not np.array_equal(marked, random_rectangles(200, (200, 100), seed=1))
