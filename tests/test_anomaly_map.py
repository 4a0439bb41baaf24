"""Anomaly maps against a brute-force bilinear upsampling, and one image against many."""

import numpy as np
import pytest

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


def test_maps_equal_a_loop_over_pixels():
    levels, maxima = make_levels(2), (-1.0, -1.5, -2.0)
    maps = anomaly_maps(levels, maxima, SIZE)
    assert maps.dtype == np.float32
    for image, row, column in np.ndindex(maps.shape):
        expected = 0.0
        for level, maximum in zip(levels, maxima, strict=True):
            normality = np.minimum(1, np.exp(level[image].astype(np.float64) - maximum))
            step = (len(normality) - 1) / (SIZE - 1)  # corners on corners
            expected += 1 - at(normality, row * step, column * step)
        assert maps[image, row, column] == pytest.approx(expected, abs=1e-5)


def test_an_images_map_does_not_depend_on_the_others():
    levels, maxima = make_levels(40), (-1.0, -1.0, -1.0)
    maps = anomaly_maps(levels, maxima, SIZE)
    for image in (0, 15, 16, 39):
        alone = anomaly_maps([level[image : image + 1] for level in levels], maxima, SIZE)
        np.testing.assert_array_equal(alone[0], maps[image])


def test_values_lie_between_none_and_all_levels():
    likely = anomaly_maps([np.full((1, 2, 2), 5.0, np.float32)] * 3, (0.0, 0.0, 0.0), SIZE)
    unlikely = anomaly_maps([np.full((1, 2, 2), -1e4, np.float32)] * 3, (0.0, 0.0, 0.0), SIZE)
    assert (likely == 0).all()
    assert (unlikely == 3).all()
