"""The Gaussian of each position: smoothing against plain loops, its choice against torch's own."""

import numpy as np
import pytest
import torch
from torch.distributions import MultivariateNormal

from bgad.gaussian import Smoothing, choose_smoothing, smoothed_covariance
from bgad.moments import Moments

HEIGHT, WIDTH, CHANNELS = 8, 9, 4


def sample(images: int, alike: bool, seed: int = 0) -> np.ndarray:
    """Features whose covariance is the same at all positions, or smooth, or each one's own."""
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(HEIGHT, WIDTH, CHANNELS, CHANNELS))
    if alike:
        mixing = np.broadcast_to(mixing[0, 0], mixing.shape)
    latent = rng.normal(size=(images, HEIGHT, WIDTH, CHANNELS))
    return np.float32(np.einsum("nhwc,hwcd->nhwd", latent, mixing) + 5)


@pytest.mark.parametrize(("window", "shrinkage"), [(1, 0.0), (3, 0.2), (5, 0.7), (3, 1.0)])
def test_covariances_borrow_from_the_window_and_from_all(window, shrinkage):
    moments = Moments.of(sample(30, alike=False))
    found = smoothed_covariance(moments, Smoothing(window, shrinkage))
    own, reach = moments.covariance, window // 2
    mean = own.mean((0, 1))
    for row, column in np.ndindex(HEIGHT, WIDTH):
        rows = slice(max(0, row - reach), row + reach + 1)
        columns = slice(max(0, column - reach), column + reach + 1)
        expected = (1 - shrinkage) * own[rows, columns].mean((0, 1)) + shrinkage * mean
        expected += 0.001 * torch.diag(mean.diagonal())
        torch.testing.assert_close(found[row, column], expected)


def test_the_choice_is_likeliest_for_images_held_out():
    features = sample(25, alike=False)
    estimating, held_out = features[5:], torch.from_numpy(features[:5]).double()
    moments = Moments.of(estimating)

    def likelihood(smoothing: Smoothing) -> float:
        gaussian = MultivariateNormal(moments.mean, smoothed_covariance(moments, smoothing))
        return gaussian.log_prob(held_out).mean().item()

    chosen = choose_smoothing(moments, Moments.of(features[:5]))
    others = [Smoothing(w, a) for w in (1, 3, 5) for a in (0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)]
    assert likelihood(chosen) >= max(map(likelihood, others)) - 1e-9


def test_positions_that_are_alike_share_one_covariance():
    alike, different = sample(20, alike=True), sample(400, alike=False)
    chosen = choose_smoothing(Moments.of(alike[4:]), Moments.of(alike[:4]))
    assert chosen.shrinkage >= 0.7
    chosen = choose_smoothing(Moments.of(different[80:]), Moments.of(different[:80]))
    assert chosen.window == 1
    assert chosen.shrinkage <= 0.05
