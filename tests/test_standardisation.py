"""Standardisation: statistics against numpy, whitening, log-determinant, inversion, folds."""

import numpy as np
import pytest
import torch
from torch.distributions import MultivariateNormal

from bgad.errors import InputError
from bgad.standardisation import (
    FOLDS,
    STANDARDISATIONS,
    Standardisation,
    StandardisationEstimate,
)

IMAGES, HEIGHT, WIDTH, CHANNELS = 70, 2, 3, 4  # more images than one chunk
POSITIONS = HEIGHT * WIDTH


def make_features(images: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(HEIGHT, WIDTH, CHANNELS, CHANNELS)) * [[[[0.01, 1, 3, 100]]]]
    latent = rng.normal(size=(images, HEIGHT, WIDTH, CHANNELS))
    offset = rng.normal(0, 50, (HEIGHT, WIDTH, CHANNELS))
    return np.float32(np.einsum("nhwc,hwcd->nhwd", latent, mixing) + offset)


FEATURES = make_features(IMAGES)
FLAT = torch.from_numpy(FEATURES).flatten(1, 2)
EXACT = FLAT.double().numpy()
CHANNEL_STD = EXACT.std((0, 1))


def fit(kind: str, features: np.ndarray = FEATURES) -> Standardisation:
    return StandardisationEstimate(features, kind).layer()


@pytest.mark.parametrize("kind", STANDARDISATIONS)
def test_inverse_undoes_forward(kind):
    layer = fit(kind)
    scaled = torch.from_numpy(1 / np.float32(CHANNEL_STD))
    torch.testing.assert_close(
        layer.inverse(layer(FLAT)) * scaled, FLAT * scaled, atol=1e-3, rtol=0
    )
    some = torch.tensor([4, 1])
    torch.testing.assert_close(layer(FLAT[:, some], some), layer(FLAT)[:, some])
    torch.testing.assert_close(
        layer.inverse(layer(FLAT[:, some], some), some), layer.inverse(layer(FLAT))[:, some]
    )


def test_position_and_channel_are_means_and_stds():
    std = {"position": EXACT.std(0) + 0.1 * CHANNEL_STD, "channel": CHANNEL_STD}
    mean = {"position": EXACT.mean(0), "channel": EXACT.mean((0, 1))}
    for kind in ("position", "channel"):
        expected = (EXACT - mean[kind]) / std[kind]
        np.testing.assert_allclose(fit(kind)(FLAT), expected, atol=1e-3)


def test_whitened_channels_are_uncorrelated_over_all_positions():
    layer = fit("whitening").double()
    std = torch.linalg.vector_norm(layer.matrix, dim=1, keepdim=True)
    whitening = layer.matrix / std  # the std of each position and channel scales its columns
    correlations = np.corrcoef((EXACT - EXACT.mean((0, 1))).reshape(-1, CHANNELS).T)
    values = np.linalg.eigvalsh(correlations)
    assert torch.allclose(whitening, whitening[:1], atol=1e-4)  # one matrix for all positions
    mixed = (EXACT @ whitening[0].numpy()).reshape(-1, CHANNELS)
    assert np.abs(np.corrcoef(mixed.T) - np.eye(CHANNELS)).max() < 0.01 / values.min()


def test_gaussian_whitens_each_position_by_a_symmetric_matrix():
    rng = np.random.default_rng(1)
    mixing = np.eye(CHANNELS) + 0.3 * rng.normal(size=(POSITIONS, CHANNELS, CHANNELS))
    latent = rng.normal(size=(POSITIONS, 20000, CHANNELS))
    features = np.float32((latent @ mixing).transpose(1, 0, 2)).reshape(-1, HEIGHT, WIDTH, CHANNELS)
    layer = fit("gaussian", features)
    whitened = layer(torch.from_numpy(features).flatten(1, 2))
    for position in range(POSITIONS):
        covariance = torch.cov(whitened[:, position].T)
        torch.testing.assert_close(covariance, torch.eye(CHANNELS), atol=0.1, rtol=0)
    torch.testing.assert_close(layer.matrix, layer.matrix.mT)
    assert torch.linalg.eigvalsh(layer.matrix).min() > 0


def test_gaussian_with_a_standard_normal_is_a_multivariate_normal():
    layer = fit("gaussian").double()
    covariance = torch.linalg.inv(layer.matrix @ layer.matrix)
    oracle = MultivariateNormal(layer.mean, (covariance + covariance.mT) / 2)
    latent = layer(FLAT.double())
    log_prob = -0.5 * latent.square().mean(-1) - 0.5 * np.log(2 * np.pi) + layer.log_det
    expected = oracle.log_prob(FLAT.double()) / CHANNELS + np.log(CHANNEL_STD).mean()
    torch.testing.assert_close(log_prob, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kind", [kind for kind in STANDARDISATIONS if kind != "none"])
def test_log_det_is_autograds_in_the_unit_of_channel_standardised_features(kind):
    layer = fit(kind)
    for position in range(POSITIONS):
        jacobian = torch.autograd.functional.jacobian(
            lambda v, p=position: layer(v.view(1, 1, -1), torch.tensor([p])).flatten(),
            FLAT[0, position],
        )
        expected = torch.linalg.slogdet(jacobian.double()).logabsdet.item() / CHANNELS
        expected += np.log(CHANNEL_STD).mean()
        assert layer.log_det[position].item() == pytest.approx(expected, abs=1e-4)


def test_none_is_the_identity():
    layer = fit("none")
    assert torch.equal(layer(FLAT), FLAT)
    assert torch.equal(layer.log_det, torch.zeros(POSITIONS))


@pytest.mark.parametrize("kind", STANDARDISATIONS)
def test_a_fold_left_out_has_no_say(kind):
    other = FEATURES.copy()
    other[2::FOLDS] += 7
    estimates = [StandardisationEstimate(features, kind) for features in (FEATURES, other)]
    one, same = (estimate.layer(without=2) for estimate in estimates)
    torch.testing.assert_close(one(FLAT), same(FLAT))
    if kind != "none":
        assert not torch.allclose(estimates[0].layer()(FLAT), estimates[1].layer()(FLAT))


def test_memory_mapped_features_give_the_same_layer(tmp_path):
    np.save(tmp_path / "features.npy", FEATURES)
    mapped = np.load(tmp_path / "features.npy", mmap_mode="r")
    layer, expected = fit("gaussian", mapped), fit("gaussian")
    for name, value in expected.state_dict().items():
        assert torch.equal(layer.state_dict()[name], value)


@pytest.mark.parametrize("kind", STANDARDISATIONS)
@pytest.mark.parametrize("images", [1, 3, 7])
@pytest.mark.filterwarnings("ignore:.*too few")
def test_constant_channels_stay_finite(kind, images):
    constant = np.full((images, HEIGHT, WIDTH, CHANNELS), 7, np.float32)
    layer = fit(kind, constant)
    standardised = layer(torch.from_numpy(constant).flatten(1, 2))
    assert torch.equal(standardised, torch.full_like(standardised, 7 if kind == "none" else 0))
    assert layer.log_det.isfinite().all()


def test_too_few_images_for_a_gaussian_are_standardised_by_channel_with_a_warning():
    few = FEATURES[: FOLDS - 1]
    with pytest.warns(UserWarning, match=r"4 normal images are too few .*by channel instead"):
        layer = fit("gaussian", few)
    torch.testing.assert_close(layer.matrix, fit("channel", few).matrix)


def test_unknown_kind_is_refused():
    with pytest.raises(InputError, match=r"must be one of .*got 'whiten'"):
        StandardisationEstimate(FEATURES, "whiten")
