"""Anomaly maps against a brute-force form of the published ones, and one image against many."""

from collections.abc import Sequence

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bgad.anomaly_map import anomaly_maps

SIZE = 9
SIDES = (4, 3, 1)


def make_levels(images: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [np.float32(rng.normal(-2, 1, (images, side, side))) for side in SIDES]


def at(level: np.ndarray, row: float, column: float) -> float:
    """Bilinear interpolation at fractional indices."""
    top, left = int(row), int(column)
    bottom, right = min(top + 1, len(level) - 1), min(left + 1, len(level) - 1)
    upper = level[top, left] + (column - left) * (level[top, right] - level[top, left])
    lower = level[bottom, left] + (column - left) * (level[bottom, right] - level[bottom, left])
    return upper + (row - top) * (lower - upper)


def published_map(levels: list[np.ndarray], maxima: Sequence[float]) -> np.ndarray:
    """Levels' number less their upsampled normality, pixel by pixel, in float64."""
    maps = np.full((len(levels[0]), SIZE, SIZE), float(len(levels)))
    for image, row, column in np.ndindex(maps.shape):
        for level, maximum in zip(levels, maxima, strict=True):
            normality = np.exp(np.minimum(0, level[image].astype(np.float64) - maximum))
            step = (len(normality) - 1) / (SIZE - 1)  # corners on corners
            maps[image, row, column] -= at(normality, row * step, column * step)
    return maps


def test_maps_are_the_published_ones_on_a_logarithmic_scale():
    levels, maxima = make_levels(2), (-1.0, -1.5, -2.0)
    maps = anomaly_maps(levels, maxima, SIZE)
    assert maps.dtype == np.float32
    expected = np.log(3) - np.log(3 - published_map(levels, maxima))
    np.testing.assert_allclose(maps, expected, atol=1e-5)


@settings(max_examples=50, deadline=None)
@given(
    arrays(np.float32, (2, 3, 3), elements=st.floats(-1e6, 5, width=32)),
    arrays(np.float32, (2, 2, 2), elements=st.floats(-20, 5, width=32)),
)
def test_the_order_is_the_published_one_and_nothing_saturates(fine, coarse):
    for levels in ([fine, coarse], [fine], [np.float32(fine / 1e5)]):
        maps = anomaly_maps(levels, [0.0] * len(levels), SIZE)
        assert np.isfinite(maps).all()
        assert maps.min() >= -1e-6
        published = published_map(levels, [0.0] * len(levels)).ravel()
        ascending = maps.ravel()[published.argsort()]
        apart = np.diff(np.sort(published)) > 1e-5
        assert (np.diff(ascending)[apart] > 0).all()


def test_where_the_published_map_is_blind_less_likely_is_still_more_anomalous():
    likelihoods = [-20.0, -50.0, -1e3, -1e5, -1e6]
    levels = [np.float32(likelihoods).reshape(-1, 1, 1) * np.ones((2, 2), np.float32)] * 3
    assert len(np.unique(np.float32(published_map(levels, (0, 0, 0))))) == 1
    maps = anomaly_maps(levels, (0.0, 0.0, 0.0), SIZE)
    np.testing.assert_allclose(maps.max(axis=(1, 2)), np.negative(likelihoods), rtol=1e-6)


def test_an_images_map_does_not_depend_on_the_others():
    levels, maxima = make_levels(40), (-1.0, -1.0, -1.0)
    maps = anomaly_maps(levels, maxima, SIZE)
    for image in (0, 15, 16, 39):
        alone = anomaly_maps([level[image : image + 1] for level in levels], maxima, SIZE)
        np.testing.assert_allclose(alone[0], maps[image], rtol=1e-5)


def test_what_is_as_likely_as_the_maxima_is_not_anomalous_at_all():
    maps = anomaly_maps([np.full((1, 2, 2), 5.0, np.float32)] * 3, (0.0, 0.0, 0.0), SIZE)
    np.testing.assert_allclose(maps, 0, atol=1e-6)
