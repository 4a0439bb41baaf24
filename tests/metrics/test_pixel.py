"""Pixel metrics against scikit-learn, torchmetrics and brute force; ties, holes, round trips."""

import io
import time
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score
from torchmetrics.functional.classification import binary_auroc, binary_average_precision

from bgad import InputError
from bgad.metrics import PixelCurve, pixel_curve, pixel_metrics
from bgad.metrics import maps as module

BOUNDARY = 0.25
UNDEFINED = dict.fromkeys(
    ("pixel_auroc", "pixel_ap", "pixel_f1_max", "pixel_f1_boundary", "aupro_30")
)


def test_set(seed=0, n=7, size=24, levels=None, dtype=np.float32):
    """Maps that tell something of masks with several touching and separate regions."""
    rng = np.random.default_rng(seed)
    masks = rng.random((n, size, size)) < 0.1
    masks[0] = False
    maps = rng.standard_normal((n, size, size)) + masks
    if levels:
        maps = np.round(maps * levels) / levels
    return maps.astype(dtype), masks


test_set.__test__ = False


def regions_by_flood(mask):
    """8-connected regions, as lists of pixels."""
    left, regions = set(map(tuple, np.argwhere(mask))), []
    while left:
        region, edge = [], [left.pop()]
        while edge:
            r, c = edge.pop()
            region.append((r, c))
            near = {(r + i, c + j) for i in (-1, 0, 1) for j in (-1, 0, 1)} & left
            left -= near
            edge += near
        regions.append(region)
    return regions


def brute_force(maps, masks, limit=0.3, threshold=BOUNDARY):
    """All pixel metrics, one threshold after the other."""
    positive, negative = maps[masks], maps[~masks]
    overlap = [
        np.array([maps[i][pixel] for pixel in region])
        for i in range(len(maps))
        for region in regions_by_flood(masks[i])
    ]
    points, f1, ap, recall = [(0.0, 0.0)], [], 0.0, 0.0
    for t in np.unique(maps)[::-1]:
        hits, false = (positive >= t).sum(), (negative >= t).sum()
        ap += (hits / len(positive) - recall) * hits / (hits + false)
        recall = hits / len(positive)
        f1.append(2 * hits / (hits + false + len(positive)))
        pro = np.mean([(scores >= t).mean() for scores in overlap])
        points.append((false / len(negative), pro))
    area = 0.0
    for (x0, y0), (x1, y1) in pairwise(points):
        if x0 < limit and x1 > x0:
            end = min(x1, limit)
            area += (end - x0) * (y0 + y0 + (y1 - y0) * (end - x0) / (x1 - x0)) / 2
    hits, called = (positive > threshold).sum(), (maps > threshold).sum()
    wins = (positive[:, None] > negative).sum() + 0.5 * (positive[:, None] == negative).sum()
    return {
        "pixel_auroc": wins / (len(positive) * len(negative)),
        "pixel_ap": ap,
        "pixel_f1_max": max(f1),
        "pixel_f1_boundary": 2 * hits / (called + len(positive)),
        "aupro_30": area / limit,
    }


def of(maps, masks, **options):
    return pixel_metrics(pixel_curve(maps, masks, (BOUNDARY,), **options), BOUNDARY)


@pytest.mark.parametrize("levels", [None, 4, 1], ids=["distinct", "ties", "many ties"])
def test_brute_force(levels):
    maps, masks = test_set(n=4, size=16, levels=levels)
    assert of(maps, masks) == pytest.approx(brute_force(maps, masks), abs=1e-12)


@given(st.data())
def test_brute_force_on_anything(data):
    shape = data.draw(st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(1, 5)))
    maps = data.draw(arrays(np.float32, shape, elements=st.sampled_from([-1, 0, 0.25, 0.5, 3])))
    masks = data.draw(arrays(bool, shape))
    result = of(maps, masks)
    if masks.any() and not masks.all():
        assert result == pytest.approx(brute_force(maps, masks), abs=1e-12)
    elif masks.any():
        assert result["pixel_auroc"] is None and result["aupro_30"] is None
        assert result["pixel_ap"] == result["pixel_f1_max"] == 1
    else:
        assert result == UNDEFINED


@pytest.mark.parametrize("levels", [None, 8])
def test_scikit_learn_and_torchmetrics(levels):
    maps, masks = test_set(3, n=20, size=64, levels=levels)
    scores, truth = maps.ravel(), masks.ravel()
    curve = pixel_curve(maps, masks, (BOUNDARY,))
    assert curve.auroc() == pytest.approx(roc_auc_score(truth, scores), abs=1e-12)
    assert curve.average_precision() == pytest.approx(
        average_precision_score(truth, scores), abs=1e-12
    )
    precision, recall, _ = precision_recall_curve(truth, scores)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-300)
    assert curve.f1_max().value == pytest.approx(f1.max(), abs=1e-12)

    # torchmetrics passes scores outside [0, 1] through a sigmoid: give it their ranks instead.
    ranks = torch.from_numpy(np.unique(scores, return_inverse=True)[1]).double()
    ranks, truth = ranks / ranks.max(), torch.from_numpy(truth).long()
    assert curve.auroc() == pytest.approx(binary_auroc(ranks, truth).item(), abs=1e-6)
    assert curve.average_precision() == pytest.approx(
        binary_average_precision(ranks, truth).item(), abs=1e-6
    )


def test_best_threshold_gives_the_best_f1_and_does_not_depend_on_others_given():
    maps, masks = test_set(1, levels=8)
    best = pixel_curve(maps, masks).f1_max()
    called = maps >= best.threshold
    assert best.value == 2 * (called & masks).sum() / (called.sum() + masks.sum())
    assert pixel_curve(maps, masks, np.linspace(-3, 3, 100)).f1_max() == best


@pytest.mark.parametrize("threshold", [-9.0, -0.5, 0.3, 0.5, 9.0, np.inf], ids=str)
def test_f1_at_a_threshold_counts_scores_above_it(threshold):
    maps, masks = test_set(2, levels=2)
    called = maps > np.float32(threshold)
    expected = 2 * (called & masks).sum() / (called.sum() + masks.sum())
    assert pixel_curve(maps, masks, (0.1, threshold)).f1_at(threshold) == expected


def test_f1_at_an_unknown_threshold_is_refused():
    maps, masks = test_set()
    with pytest.raises(InputError, match="must be given when the curve is made"):
        pixel_curve(maps, masks, (0.1,)).f1_at(0.2)


def test_constant_maps_know_nothing():
    maps, masks = test_set()
    result = of(np.full_like(maps, 0.5), masks)
    assert result["pixel_auroc"] == 0.5
    assert result["pixel_ap"] == masks.mean()
    assert result["aupro_30"] == pytest.approx(0.15)  # the diagonal: 0.3² / 2 / 0.3


def test_perfect_maps_are_perfect():
    _, masks = test_set()
    assert set(of(masks.astype(np.float32), masks).values()) == {1.0}


@given(arrays(np.float32, (2, 6, 6), elements=st.floats(-8, 8, width=16)), st.data())
def test_swapped_labels_mirror_the_auroc(maps, data):
    masks = data.draw(arrays(bool, maps.shape))
    there, back = pixel_curve(maps, masks).auroc(), pixel_curve(maps, ~masks).auroc()
    assert (there is None and back is None) or there == pytest.approx(1 - back, abs=1e-15)


def test_only_the_order_of_scores_matters():
    maps, masks = test_set(levels=4)
    monotone, without = np.exp(maps), (pixel_metrics(pixel_curve(maps, masks)))
    assert pixel_metrics(pixel_curve(monotone, masks)) == without


def test_each_region_counts_alike_in_aupro():
    masks = np.zeros((1, 20, 20), bool)
    masks[0, :10, :10] = True
    masks[0, 15, 15] = masks[0, 16, 16] = True  # touches by a corner: one region of two pixels
    maps = np.zeros(masks.shape, np.float32)
    maps[0, 15:17, 15:17] = masks[0, 15:17, 15:17]
    found_small = pixel_curve(maps, masks)
    assert found_small.regions == 2
    # At once 1/2, then straight to (1, 1): the mean height up to FPR 1 is 3/4.
    assert found_small.aupro(1.0) == pytest.approx(0.75)
    assert found_small.aupro(0.3) == pytest.approx(0.5 + 0.5 * 0.15)


def test_aupro_ends_before_a_step_at_its_limit():
    maps = np.array([[[0.9, 0.8, 0.5, 0.1, 0.1]]], np.float32)
    curve = pixel_curve(maps, maps == 0.5)  # found when half of the normal pixels are called
    assert curve.aupro(0.5) == 0
    assert curve.aupro(1.0) == 0.5


@pytest.mark.parametrize("limit", [0.01, 0.05, 0.3, 1.0])
def test_aupro_at_any_limit(limit):
    maps, masks = test_set(5, levels=3)
    expected = brute_force(maps, masks, limit)["aupro_30"]
    assert pixel_curve(maps, masks).aupro(limit) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("limit", [0, -0.1, 1.1, np.nan])
def test_aupro_refuses_limits_that_are_no_rate(limit):
    with pytest.raises(InputError, match="false-positive limit"):
        pixel_curve(*test_set()).aupro(limit)


@pytest.mark.parametrize("pixels", [1, 600, 2000, 10**9])
def test_batches_do_not_change_the_curve(monkeypatch, pixels):
    maps, masks = test_set(levels=16)
    whole = pixel_curve(maps, masks, (BOUNDARY,)).state()
    monkeypatch.setattr(module, "_BATCH_PIXELS", pixels)
    streamed = pixel_curve(maps, masks, (BOUNDARY,)).state()
    for name, array in whole.items():
        np.testing.assert_array_equal(streamed[name], array)


def test_memory_mapped_maps_are_read_in_batches(tmp_path, monkeypatch):
    maps, masks = test_set()
    monkeypatch.setattr(module, "_BATCH_PIXELS", 2 * maps[0].size)
    np.save(tmp_path / "maps.npy", maps)
    mapped = np.load(tmp_path / "maps.npy", mmap_mode="r")
    assert of(mapped, masks) == of(maps, masks)


@pytest.mark.parametrize("images", [[4, 1, 2], np.array([0, 1, 0, 1, 1, 0, 1], bool), []])
def test_some_of_the_images(images):
    maps, masks = test_set()
    kept = np.arange(len(maps))[np.asarray(images, dtype=None if len(images) else int)]
    assert of(maps, masks, images=images) == of(maps[kept], masks[kept])


def test_state_makes_the_same_curve_again():
    maps, masks = test_set(levels=8)
    curve = pixel_curve(maps, masks, (BOUNDARY,))
    file = io.BytesIO()
    np.savez_compressed(file, **curve.state())
    file.seek(0)
    with np.load(file, allow_pickle=False) as arrays_:
        again = PixelCurve.from_state(arrays_)
    assert pixel_metrics(again, BOUNDARY) == pixel_metrics(curve, BOUNDARY)
    assert again.aupro(0.05) == curve.aupro(0.05)
    assert len(curve.edges) <= masks.sum() + 1


def test_points_of_the_curves_lie_on_those_of_scikit_learn():
    maps, masks = test_set(levels=4)
    curve = pixel_curve(maps, masks)
    precision, recall, thresholds = precision_recall_curve(masks.ravel(), maps.ravel())
    at = np.searchsorted(thresholds, curve.edges)[::-1]
    np.testing.assert_allclose(curve.precision_recall(), (precision[at], recall[at]), rtol=1e-12)
    false_positive_rate, true_positive_rate = curve.roc()
    np.testing.assert_allclose(true_positive_rate, recall[at], rtol=1e-12)
    expected = [(maps[~masks] >= edge).mean() for edge in curve.edges[::-1]]
    np.testing.assert_allclose(false_positive_rate, expected, rtol=1e-12)


def test_points_of_undefined_curves_are_refused():
    maps, masks = test_set()
    curve = pixel_curve(maps, np.zeros_like(masks))
    for points in (curve.roc, curve.precision_recall):
        with pytest.raises(InputError, match="undefined"):
            points()


def test_no_images_at_all():
    curve = pixel_curve(np.empty((0, 8, 8), np.float32), np.empty((0, 8, 8), bool), (BOUNDARY,))
    assert pixel_metrics(curve, BOUNDARY) == UNDEFINED


def test_without_a_boundary_its_f1_is_undefined():
    result = pixel_metrics(pixel_curve(*test_set()))
    assert [name for name, value in result.items() if value is None] == ["pixel_f1_boundary"]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("anomalous", [True, False])
def test_undefined_scores_are_refused(value, anomalous):
    maps, masks = test_set()
    maps[(5, *np.argwhere(masks[5] == anomalous)[0])] = value
    with pytest.raises(InputError, match="image 5 holds NaN"):
        pixel_curve(maps, masks)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"masks": np.zeros((7, 24, 23), bool)}, "alike"),
        ({"masks": np.zeros((7, 24, 24), np.uint8)}, "masks bool"),
        ({"maps": np.zeros((7, 24, 24), int)}, "maps must be float"),
        ({"thresholds": [np.nan]}, "threshold is undefined"),
        ({"images": [7]}, "the 7 there are"),
        ({"images": np.ones(6, bool)}, "the 7 there are"),
    ],
)
def test_unusable_pixels_are_refused(change, message):
    maps, masks = test_set()
    with pytest.raises(InputError, match=message):
        pixel_curve(**{"maps": maps, "masks": masks} | change)


@pytest.mark.slow
def test_far_faster_than_scikit_learn():
    maps, masks = test_set(0, n=80, size=256)
    scores, truth = maps.ravel(), masks.ravel()
    ratios = []
    for _ in range(3):
        start = time.process_time()
        of(maps, masks)
        middle = time.process_time()
        roc_auc_score(truth, scores)
        precision_recall_curve(truth, scores)
        ratios.append((time.process_time() - middle) / (middle - start))
    assert sorted(ratios)[1] > 2
