"""Explicit boundary: the order statistic against a sort, the margin, no gradient."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bgad.boundary import NORMALIZER, explicit_boundary

values = st.lists(st.floats(-100, 10, width=32), min_size=1, max_size=300)


@given(values, st.floats(0, 0.99), st.floats(0, 1))
def test_boundary_is_the_order_statistic_of_the_sort(values, beta, tau):
    boundary = explicit_boundary(torch.tensor(values), beta, tau)
    expected = np.sort(np.float32(values))[int(beta * len(values))] / NORMALIZER
    assert boundary.normal.item() == pytest.approx(expected, rel=1e-6)
    assert boundary.anomalous.item() == pytest.approx(expected - tau, rel=1e-6, abs=1e-6)


@given(values, st.floats(0, 0.99))
def test_at_most_the_share_beta_lies_below(values, beta):
    likelihood = torch.tensor(values)
    below = likelihood / NORMALIZER < explicit_boundary(likelihood, beta).normal
    assert below.sum() <= int(beta * len(values))


def test_shape_and_order_do_not_matter():
    likelihood = torch.randn(4, 5, 6)
    shuffled = likelihood.flatten()[torch.randperm(120)]
    assert explicit_boundary(likelihood, 0.1) == explicit_boundary(shuffled, 0.1)


def test_no_gradient_flows_through_the_boundary():
    boundary = explicit_boundary(torch.randn(10, requires_grad=True))
    assert not boundary.normal.requires_grad
    assert not boundary.anomalous.requires_grad


@pytest.mark.parametrize("beta", [0.0, 0.01, 0.3, 0.99])
def test_vectors_chosen_by_a_mask_give_the_boundary_of_these_alone(beta):
    generator = torch.Generator().manual_seed(0)
    for _ in range(20):
        likelihood = torch.randn(3, 50, generator=generator)
        normal = torch.rand(3, 50, generator=generator) < 0.6
        expected = explicit_boundary(likelihood[normal], beta)
        assert explicit_boundary(likelihood, beta, normal=normal) == expected
