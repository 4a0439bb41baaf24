"""Nearest distances against a table of all distances."""

import pytest
import torch

import bgad.memory
from bgad.memory import nearest_distances


@pytest.mark.parametrize("batch", [3, 1000])
def test_distances_are_those_to_the_nearest(batch, monkeypatch):
    monkeypatch.setattr(bgad.memory, "_BATCH", batch)
    generator = torch.Generator().manual_seed(0)
    vectors, memory = torch.randn(50, 7, generator=generator), torch.randn(20, 7)
    expected = torch.cdist(vectors.double(), memory.double()).amin(1)
    torch.testing.assert_close(
        nearest_distances(vectors, memory).double(), expected, atol=1e-5, rtol=1e-5
    )


def test_a_remembered_vector_is_at_distance_zero():
    memory = torch.randn(20, 7, generator=torch.Generator().manual_seed(1))
    assert nearest_distances(memory, memory).max() < 1e-2
