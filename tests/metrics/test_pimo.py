"""AUPIMO against its definition, and against sampled curves as anomalib integrates them."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.integrate import trapezoid

from bgad import InputError
from bgad.metrics import aupimo
from bgad.metrics import maps as module

WIDE = (0.02, 0.5)


def drawn(seed=0, n=8, size=24, levels=None):
    """Half of the images anomalous, the maps telling something of where."""
    rng = np.random.default_rng(seed)
    masks = rng.random((n, size, size)) < 0.1
    masks[: n // 2] = False
    maps = rng.standard_normal(masks.shape) + 2 * masks
    if levels:
        maps = np.round(maps * levels) / levels
    return maps.astype(np.float32), masks


def by_definition(maps, masks, limits, steps=4001):
    """At each of many rates: the lowest threshold that keeps it, then each image's recall there."""
    anomalous = masks.any(axis=(1, 2))
    thresholds = np.append(np.unique(maps), np.inf)
    normal = maps[~anomalous]
    shared = np.array([np.mean([(m >= t).mean() for m in normal]) for t in thresholds])
    rates = np.exp(np.linspace(*np.log(limits), steps))
    rates = np.sqrt(rates[1:] * rates[:-1])
    chosen = [thresholds[shared <= rate].min() for rate in rates]
    return [
        np.mean([(m[mask] >= t).mean() for t in chosen])
        for m, mask in zip(maps[anomalous], masks[anomalous], strict=True)
    ]


def as_anomalib(maps, masks, limits, steps=60_000):
    """Curves at evenly spaced thresholds, then trapezia over the logarithm of the shared rate."""
    anomalous = masks.any(axis=(1, 2))
    thresholds = np.linspace(maps.min(), maps.max(), steps)

    def share_called(scores):
        return 1 - np.searchsorted(np.sort(scores, axis=None), thresholds) / scores.size

    shared = np.mean([share_called(m) for m in maps[~anomalous]], axis=0)
    first, last = (np.abs(shared - limit).argmin() for limit in limits[::-1])
    inside = slice(first, last + 1)
    x = np.log(shared[inside])[::-1]
    return [
        trapezoid(share_called(m[mask])[inside][::-1], x) / np.log(limits[1] / limits[0])
        for m, mask in zip(maps[anomalous], masks[anomalous], strict=True)
    ]


@pytest.mark.parametrize("levels", [None, 4, 1], ids=["distinct", "ties", "many ties"])
def test_definition(levels):
    maps, masks = drawn(levels=levels)
    result = aupimo(maps, masks, limits=WIDE)
    np.testing.assert_allclose(result.per_image[4:], by_definition(maps, masks, WIDE), atol=1e-3)
    assert np.isnan(result.per_image[:4]).all()
    assert result.value == pytest.approx(np.mean(result.per_image[4:]))


@given(st.data())
def test_definition_on_anything(data):
    shape = data.draw(st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(1, 5)))
    maps = data.draw(arrays(np.float32, shape, elements=st.sampled_from([-1, 0, 0.25, 0.5, 3])))
    masks = data.draw(arrays(bool, shape)) & data.draw(arrays(bool, (shape[0], 1, 1)))
    limits = (0.1, 1.0)
    result = aupimo(maps, masks, limits=limits)
    anomalous = masks.any(axis=(1, 2))
    if anomalous.any() and 0.1 * (~anomalous).sum() * maps[0].size >= 1:
        expected = by_definition(maps, masks, limits, 501)
        np.testing.assert_allclose(result.per_image[anomalous], expected, atol=5e-3)
    else:
        assert result.value is None
        assert np.isnan(result.per_image).all()


def test_sampled_curves_of_the_reference_at_its_own_limits():
    rng = np.random.default_rng(0)
    masks = np.zeros((10, 200, 200), bool)  # the limits are whole numbers of pixels: 2 and 20
    masks[5:, 100:130, 50:90] = True
    maps = (rng.standard_normal(masks.shape) + 4 * masks).astype(np.float32)
    expected = as_anomalib(maps, masks, (1e-5, 1e-4))
    result = aupimo(maps, masks)
    assert 0.2 < result.value < 0.8
    np.testing.assert_allclose(result.per_image[5:], expected, atol=1e-3)


def test_best_and_worst():
    _, masks = drawn()
    assert aupimo(masks.astype(np.float32), masks, limits=WIDE).value == 1
    assert aupimo(np.zeros(masks.shape, np.float32), masks, limits=WIDE).value == 0


def test_only_the_order_of_scores_matters():
    maps, masks = drawn()
    assert aupimo(np.exp(maps), masks, limits=WIDE).value == aupimo(maps, masks, limits=WIDE).value


def test_undefined_is_told_from_zero():
    maps, masks = drawn()
    assert aupimo(maps[4:], masks[4:], limits=WIDE).value is None  # no normal image
    assert aupimo(maps[:4], masks[:4], limits=WIDE).value is None  # no anomalous one
    assert aupimo(maps, masks).value is None  # one pixel of 4 * 24 * 24 is above 1e-5
    assert aupimo(maps[:0], masks[:0]).value is None


def test_an_anomalous_image_without_a_pixel_of_truth_counts_nowhere():
    maps, masks = drawn()
    labels = masks.any(axis=(1, 2))
    labels[0] = True
    maps[0] = 100
    result = aupimo(maps, masks, labels, limits=WIDE)
    assert np.isnan(result.per_image[0])
    assert result.value == aupimo(maps[1:], masks[1:], limits=WIDE).value
    with pytest.raises(InputError, match="image 4 is labelled normal"):
        aupimo(maps, masks, ~labels, limits=WIDE)
    with pytest.raises(InputError, match="labels"):
        aupimo(maps, masks, labels[1:], limits=WIDE)


def test_some_of_the_images_streamed_from_a_file(tmp_path, monkeypatch):
    maps, masks = drawn()
    chosen = np.array([0, 2, 3, 5, 6])
    monkeypatch.setattr(module, "_BATCH_PIXELS", 2 * maps[0].size)
    np.save(tmp_path / "maps.npy", maps)
    mapped = np.load(tmp_path / "maps.npy", mmap_mode="r")
    result = aupimo(mapped, masks, images=chosen, limits=WIDE)
    apart = aupimo(maps[chosen], masks[chosen], limits=WIDE)
    assert result.value == apart.value
    np.testing.assert_array_equal(result.per_image[chosen], apart.per_image)
    assert np.isnan(result.per_image[[1, 4, 7]]).all()


@pytest.mark.parametrize("limits", [(0, 0.1), (0.2, 0.1), (0.1, 0.1), (0.1, 1.1), (np.nan, 0.1)])
def test_limits_that_are_no_rates_are_refused(limits):
    with pytest.raises(InputError, match="limits"):
        aupimo(*drawn(), limits=limits)


def test_undefined_scores_are_refused():
    maps, masks = drawn()
    maps[1, 2, 3] = np.nan
    with pytest.raises(InputError, match="image 1 holds NaN"):
        aupimo(maps, masks, limits=WIDE)


@pytest.mark.slow
def test_within_a_second():
    maps, masks = drawn(n=160, size=256)
    start = time.process_time()
    aupimo(maps, masks)
    assert time.process_time() - start < 1
