"""Moments against numpy: streaming, groups added and left out, positions pooled."""

import numpy as np
import pytest
import torch

from bgad.moments import Moments

IMAGES, HEIGHT, WIDTH, CHANNELS = 70, 2, 3, 4  # more images than one chunk


@pytest.fixture(scope="module")
def features() -> np.ndarray:
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(HEIGHT, WIDTH, CHANNELS, CHANNELS))
    x = np.einsum("nhwc,hwcd->nhwd", rng.normal(size=(IMAGES, HEIGHT, WIDTH, CHANNELS)), mixing)
    return np.float32(x + 100)


def covariances(features: np.ndarray) -> np.ndarray:
    flat = features.reshape(len(features), -1, CHANNELS).astype(np.float64)
    matrices = [np.cov(flat[:, place].T) for place in range(flat.shape[1])]
    return np.reshape(matrices, (*features.shape[1:3], CHANNELS, CHANNELS))


def test_mean_and_covariance_at_each_position(features):
    moments = Moments.of(features)
    assert moments.count == IMAGES
    np.testing.assert_allclose(moments.mean, features.astype(np.float64).mean(0), rtol=1e-12)
    np.testing.assert_allclose(moments.covariance, covariances(features), rtol=1e-9, atol=1e-12)


def test_groups_add_up_and_one_left_out_leaves_the_rest(features):
    first, second = Moments.of(features[::5]), Moments.of(features[1::5])
    both = Moments.of(np.concatenate([features[::5], features[1::5]]))
    for found, expected in ((first + second, both), (both - second, first)):
        assert found.count == expected.count
        torch.testing.assert_close(found.mean, expected.mean)
        torch.testing.assert_close(found.scatter, expected.scatter, rtol=1e-9, atol=1e-9)


def test_pooled_positions_are_one_sample(features):
    pooled = Moments.of(features).pooled()
    flat = features.reshape(-1, CHANNELS).astype(np.float64)
    assert pooled.count == len(flat)
    np.testing.assert_allclose(pooled.mean[0, 0], flat.mean(0), rtol=1e-12)
    np.testing.assert_allclose(pooled.covariance[0, 0], np.cov(flat.T), rtol=1e-9)


def test_one_image_has_no_covariance(features):
    assert (Moments.of(features[:1]).covariance == 0).all()


def test_memory_mapped_features_give_the_same(features, tmp_path):
    np.save(tmp_path / "features.npy", features)
    mapped = Moments.of(np.load(tmp_path / "features.npy", mmap_mode="r"))
    assert torch.equal(mapped.scatter, Moments.of(features).scatter)
