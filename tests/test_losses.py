"""Losses and focal weights against a plain loop, at their break points, and over nothing."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bgad.boundary import NORMALIZER, Boundary, explicit_boundary
from bgad.losses import anomalous_focal_weights, bgad_losses, normal_focal_weights


def loop_weight(likelihood: float, anomalous: bool) -> float:
    ell = likelihood / 10
    if anomalous:
        return 1 if ell <= -1 else 0.53 * (1 + math.exp(ell)) ** 2 / abs(ell)
    return 1 if ell > -0.2 else 11.7 * math.sqrt(1 - math.exp(ell)) * abs(ell)


def loop_losses(likelihoods, anomalous, normal_boundary, anomalous_boundary, focal):
    ml, pull, push = [], [], []
    for likelihood, is_anomalous in zip(likelihoods, anomalous, strict=True):
        weight = loop_weight(likelihood, is_anomalous) if focal else 1
        ell = likelihood / 10
        if not is_anomalous:
            ml.append(weight * math.log1p(math.exp(-likelihood)))
            if ell <= normal_boundary:
                pull.append(weight * (normal_boundary - ell))
        elif ell >= anomalous_boundary:
            push.append(weight * (ell - anomalous_boundary))
    return tuple(sum(terms) / len(terms) if terms else 0.0 for terms in (ml, pull, push))


vectors = st.lists(
    st.tuples(st.floats(-60, 4).filter(lambda value: abs(value) > 1e-3), st.booleans()),
    min_size=1,
    max_size=40,
)


@given(vectors, st.booleans(), st.data())
def test_losses_equal_a_plain_loop(vectors, focal, data):
    likelihoods, anomalous = zip(*vectors, strict=True)
    # Some boundary, or one at which a vector lies exactly.
    level = data.draw(st.floats(-6, 1) | st.sampled_from([value / 10 for value in likelihoods]))
    expected = loop_losses(likelihoods, anomalous, level, level - 0.1, focal)
    x = torch.tensor(likelihoods, dtype=torch.float64)
    boundary = Boundary(*torch.tensor([level, level - 0.1], dtype=torch.float64))
    losses = bgad_losses(x, torch.tensor(anomalous), boundary, focal)
    assert [loss.item() for loss in losses] == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("focal", [False, True])
@pytest.mark.parametrize(
    ("anomalous", "level", "empty"),
    [
        (True, -2.0, {"ml", "pull"}),
        (True, 9.0, {"ml", "pull", "push"}),
        (False, -9.0, {"pull", "push"}),
        (False, 9.0, {"push"}),
    ],
)
def test_a_mean_over_no_vector_is_exactly_zero(anomalous, level, empty, focal):
    likelihood = torch.linspace(-30, 3, 12).requires_grad_()
    mask = torch.full((12,), anomalous)
    boundary = Boundary(torch.tensor(level), torch.tensor(level - 0.1))
    losses = bgad_losses(likelihood, mask, boundary, focal)
    assert {name for name, value in losses._asdict().items() if value == 0} == empty
    (gradient,) = torch.autograd.grad(sum(losses), likelihood)
    assert gradient.isfinite().all()
    assert (gradient != 0).any() == (len(empty) < 3)


def test_gradients_stay_finite_far_from_the_boundary():
    likelihood = torch.tensor([-1e5, -300.0, -1.0, 0.0, 50.0]).repeat(2).requires_grad_()
    anomalous = torch.arange(10) >= 5
    losses = bgad_losses(likelihood, anomalous, explicit_boundary(likelihood, 0.5))
    (gradient,) = torch.autograd.grad(sum(losses), likelihood)
    assert gradient.isfinite().all()


def test_gradients_push_and_pull_only_what_was_selected():
    likelihood = torch.tensor([-50.0, -5.0, -50.0, -5.0], requires_grad=True)
    anomalous = torch.tensor([False, False, True, True])
    boundary = Boundary(torch.tensor(-2.0), torch.tensor(-2.1))
    losses = bgad_losses(likelihood, anomalous, boundary, focal=False)
    (pull,) = torch.autograd.grad(losses.pull, likelihood, retain_graph=True)
    (push,) = torch.autograd.grad(losses.push, likelihood, retain_graph=True)
    torch.testing.assert_close(pull, torch.tensor([-0.1, 0, 0, 0]))
    torch.testing.assert_close(push, torch.tensor([0, 0, 0, 0.1]))


@pytest.mark.parametrize(("ell", "formula"), [(-0.19999, False), (-0.2, True), (-0.20001, True)])
def test_normal_focal_weights_break_at_minus_a_fifth(ell, formula):
    expected = 11.7 * math.sqrt(1 - math.exp(ell)) * abs(ell) if formula else 1
    weight = normal_focal_weights(torch.tensor(10 * ell)).item()
    assert weight == pytest.approx(expected, rel=1e-5)
    assert (weight == 1) == (not formula)


@pytest.mark.parametrize(("ell", "formula"), [(-0.99999, True), (-1.0, False), (-1.00001, False)])
def test_anomalous_focal_weights_break_at_minus_one(ell, formula):
    expected = 0.53 * (1 + math.exp(ell)) ** 2 / abs(ell) if formula else 1
    weight = anomalous_focal_weights(torch.tensor(10 * ell)).item()
    assert weight == pytest.approx(expected, rel=1e-5)
    assert (weight == 1) == (not formula)


def test_hard_vectors_weigh_more():
    assert (normal_focal_weights(torch.linspace(-60, -2.1, 50)).diff() < 0).all()
    assert (anomalous_focal_weights(torch.linspace(-9.9, -0.1, 50)).diff() > 0).all()


def test_no_gradient_flows_through_focal_weights():
    likelihood = torch.linspace(-20, -1, 5).requires_grad_()
    assert not normal_focal_weights(likelihood).requires_grad
    assert not anomalous_focal_weights(likelihood).requires_grad


def test_the_nan_of_an_empty_mean_would_not_change_training():
    """The official code takes a mean of nothing there: NaN is its value, and 0 its gradient."""
    likelihood = torch.tensor([-1.0, -2.0, -30.0], requires_grad=True)
    anomalous = torch.tensor([False, False, True])  # already below the boundary: nothing to push
    boundary = explicit_boundary(likelihood[:2])
    losses = bgad_losses(likelihood, anomalous, boundary)
    assert losses.push == 0
    (ours,) = torch.autograd.grad(losses.ml + losses.push, likelihood, retain_graph=True)
    empty = likelihood[2:][likelihood[2:] / NORMALIZER >= boundary.anomalous].mean()
    assert torch.isnan(empty)
    (theirs,) = torch.autograd.grad(
        bgad_losses(likelihood, anomalous, boundary).ml + empty, likelihood
    )
    assert torch.equal(ours, theirs)
