"""Neighbourhood features against sums over cells, and their sampling."""

import numpy as np
import pytest
import torch

from bgad.features import EncodedImages
from bgad.neighbourhood import neighbourhoods, sample_rows

RNG = np.random.default_rng(0)
ENCODED = EncodedImages(
    np.zeros((20, 32, 32, 3), np.uint8),
    tuple(
        RNG.normal(size=(20, side, side, channels)).astype(np.float32)
        for side, channels in ((8, 2), (4, 3), (2, 5))
    ),
)


def mean_around(level: np.ndarray, row: int, column: int) -> np.ndarray:
    rows, columns = slice(max(0, row - 1), row + 2), slice(max(0, column - 1), column + 2)
    return level[:, rows, columns].sum((1, 2)) / 9


def test_the_finer_of_the_two_levels_is_averaged_over_three_by_three_cells():
    joined = np.concatenate(list(neighbourhoods(ENCODED)))
    assert joined.shape == (20, 4, 4, 8)
    for row, column in ((0, 0), (1, 2), (3, 1), (3, 3)):
        expected = mean_around(ENCODED.levels[1], row, column)
        np.testing.assert_allclose(joined[:, row, column, :3], expected, atol=1e-6)


def test_the_coarser_level_is_averaged_then_upsampled():
    joined = np.concatenate(list(neighbourhoods(ENCODED)))
    # Corners of the finer grid lie outside the centres of the coarser one: no interpolation there.
    for row, column in ((0, 0), (0, 1), (1, 0), (1, 1)):
        expected = mean_around(ENCODED.levels[2], row, column)
        np.testing.assert_allclose(joined[:, 3 * row, 3 * column, 3:], expected, atol=1e-6)


@pytest.mark.parametrize("n", [1, 50, 10_000])
def test_a_sample_holds_each_vector_at_most_once_in_order(n):
    features = torch.arange(300.0).unsqueeze(1)
    sample = sample_rows(features, n, np.random.default_rng(3)).flatten()
    assert len(sample) == min(n, 300)
    assert (sample.diff() > 0).all()
    assert set(sample.tolist()) <= set(range(300))


def test_the_generator_decides_on_the_sample():
    features = torch.arange(300.0).unsqueeze(1)
    first, again, other = (sample_rows(features, 9, np.random.default_rng(s)) for s in (1, 1, 2))
    assert first.equal(again)
    assert not first.equal(other)
