"""Position encoding: values against the formula, cell order, separation of axes."""

import math

import pytest
import torch

from bgad.errors import InputError
from bgad.position import position_encoding, span


def test_values_follow_the_formula():
    height, width, dim = 3, 5, 8
    encoding = position_encoding(height, width, dim).reshape(height, width, dim)
    for row in range(height):
        for column in range(width):
            for half, position in enumerate((column, row)):
                for i in range(dim // 4):
                    angle = position / 10_000 ** (2 * i / (dim // 2))
                    sine, cosine = encoding[row, column, half * dim // 2 + 2 * i :][:2]
                    assert sine == pytest.approx(math.sin(angle), abs=1e-6)
                    assert cosine == pytest.approx(math.cos(angle), abs=1e-6)


def test_every_cell_has_its_own_encoding():
    encoding = position_encoding(16, 24)
    assert encoding.shape == (16 * 24, 128)
    assert encoding.dtype == torch.float32
    assert len(encoding.unique(dim=0)) == 16 * 24


@pytest.mark.parametrize(("side", "rank"), [(64, 41), (32, 31), (16, 23)])
def test_few_coordinates_give_the_encodings(side, rank):
    encoding = position_encoding(side, side)
    coordinates, basis = span(encoding)
    assert (coordinates.shape, basis.shape) == ((side**2, rank), (rank, 128))
    assert coordinates.dtype == basis.dtype == torch.float32
    torch.testing.assert_close(coordinates @ basis, encoding, atol=2e-6, rtol=0)
    torch.testing.assert_close(basis @ basis.T, torch.eye(rank), atol=1e-6, rtol=0)


@pytest.mark.parametrize("dim", [0, 2, 126, -4])
def test_dim_must_be_a_positive_multiple_of_four(dim):
    with pytest.raises(InputError, match="multiple of 4"):
        position_encoding(4, 4, dim)
