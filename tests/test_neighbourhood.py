"""Neighbourhood features against sums over cells, and their sampling."""

import numpy as np
import pytest

from bgad.features import EncodedImages
from bgad.neighbourhood import neighbourhoods, sample_neighbourhoods

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
def test_a_sample_holds_each_cell_at_most_once(n):
    everything = np.concatenate(list(neighbourhoods(ENCODED))).reshape(-1, 8)
    sample = sample_neighbourhoods(ENCODED, n, np.random.default_rng(3))
    assert len(sample) == min(n, len(everything))
    rows = {row.tobytes() for row in sample.numpy()}
    assert len(rows) == len(sample)
    assert rows <= {row.tobytes() for row in everything}


def test_the_generator_decides_on_the_sample():
    first, again, other = (
        sample_neighbourhoods(ENCODED, 9, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert first.equal(again)
    assert not first.equal(other)
