"""Nearest distances against a table of all distances."""

import pytest
import torch

import bgad.memory
from bgad.memory import greedy_coreset, nearest_entries


@pytest.mark.parametrize("batch", [3, 1000])
def test_distances_are_those_to_the_nearest(batch, monkeypatch):
    monkeypatch.setattr(bgad.memory, "_BATCH", batch)
    generator = torch.Generator().manual_seed(0)
    vectors, memory = torch.randn(50, 7, generator=generator), torch.randn(20, 7)
    expected = torch.cdist(vectors.double(), memory.double()).amin(1)
    torch.testing.assert_close(
        nearest_entries(vectors, memory)[0].double(), expected, atol=1e-5, rtol=1e-5
    )


def test_a_remembered_vector_is_at_distance_zero():
    memory = torch.randn(20, 7, generator=torch.Generator().manual_seed(1))
    assert nearest_entries(memory, memory)[0].max() < 1e-2


def naive_coreset(points: torch.Tensor, size: int, first: int) -> list[int]:
    chosen = [first]
    while len(chosen) < size:
        distances = torch.cdist(points.double(), points[chosen].double()).amin(1)
        distances[chosen] = -1
        chosen.append(int(distances.argmax()))
    return chosen


@pytest.mark.parametrize(("n", "size"), [(1, 1), (60, 60), (300, 40)])
@pytest.mark.parametrize("block", [7, 2048])
def test_the_coreset_is_that_of_updating_all_distances(n, size, block, monkeypatch):
    monkeypatch.setattr(bgad.memory, "_BLOCK", block)
    points = torch.randn(n, 5, generator=torch.Generator().manual_seed(n))
    assert greedy_coreset(points, size, first=n // 2).tolist() == naive_coreset(
        points, size, n // 2
    )


def test_equal_points_are_chosen_once_each():
    chosen = greedy_coreset(torch.ones(6, 3), 6)
    assert sorted(chosen.tolist()) == list(range(6))
