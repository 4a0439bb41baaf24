"""Whitening: its output's correlations, symmetry, units, inversion."""

import numpy as np
import pytest
import torch

from bgad.whitening import Whitening

IMAGES, POSITIONS, CHANNELS = 70, 5, 4  # more images than one chunk


@pytest.fixture(scope="module")
def features() -> np.ndarray:
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(CHANNELS, CHANNELS)) * [[0.01], [1], [10], [100]]
    return np.float32(rng.normal(size=(IMAGES, POSITIONS, CHANNELS)) @ mixing + 30)


def flat(x: np.ndarray) -> np.ndarray:
    return x.reshape(-1, CHANNELS).astype(np.float64)


def test_whitened_channels_are_uncorrelated_but_for_the_ridge(features):
    values = np.linalg.eigvalsh(np.corrcoef(flat(features).T))
    whitened = flat(Whitening.fit(features)(torch.from_numpy(features).double()).numpy())
    np.testing.assert_allclose(whitened.mean(0), 0, atol=1e-6)
    covariance = np.linalg.eigvalsh(np.cov(whitened.T, bias=True))
    np.testing.assert_allclose(covariance, np.sort(values / (values + 0.01)), rtol=1e-5)


def test_of_all_whitenings_it_is_the_symmetric_one(features):
    layer = Whitening.fit(features)
    of_standardised = flat(features).std(0)[:, None] * layer.matrix.numpy()
    np.testing.assert_allclose(of_standardised, of_standardised.T, atol=1e-5)
    assert np.linalg.eigvalsh(of_standardised).min() > 0


def test_inverse_undoes_forward(features):
    layer, x = Whitening.fit(features).float(), torch.from_numpy(features)
    torch.testing.assert_close(layer.inverse(layer(x)), x, atol=1e-3, rtol=1e-4)


def test_units_of_the_channels_do_not_matter(features):
    scale = np.float32([1e-3, 1, 7, 1e3])
    whitened = Whitening.fit(features)(torch.from_numpy(features).double())
    scaled = Whitening.fit(features * scale)(torch.from_numpy(features * scale).double())
    torch.testing.assert_close(scaled, whitened, atol=1e-3, rtol=1e-3)
