"""Standardisation: its statistics and log-determinant against numpy, inversion, streaming."""

import numpy as np
import pytest
import torch

from bgad.errors import InputError
from bgad.standardisation import STANDARDISATIONS, Standardisation

IMAGES, POSITIONS, CHANNELS = 70, 5, 3  # more images than one chunk


@pytest.fixture(scope="module")
def features() -> np.ndarray:
    rng = np.random.default_rng(0)
    scale = rng.uniform(0.1, 30, (POSITIONS, CHANNELS))
    offset = rng.normal(0, 50, (POSITIONS, CHANNELS))
    return np.float32(offset + scale * rng.normal(size=(IMAGES, POSITIONS, CHANNELS)))


def channel_std(features: np.ndarray) -> np.ndarray:
    return features.astype(np.float64).std((0, 1))


@pytest.mark.parametrize("kind", STANDARDISATIONS)
def test_inverse_undoes_forward(features, kind):
    layer = Standardisation.fit(features, kind)
    x = torch.from_numpy(features)
    torch.testing.assert_close(layer.inverse(layer(x)), x, atol=1e-3, rtol=1e-5)
    some = torch.tensor([4, 1])
    torch.testing.assert_close(layer(x[:, some], some), layer(x)[:, some])
    torch.testing.assert_close(layer.inverse(layer(x[:, some], some), some), x[:, some])


def test_statistics_are_those_of_all_images_at_once(features):
    x = features.astype(np.float64)
    std = {"position": x.std(0) + 0.1 * channel_std(features), "channel": channel_std(features)}
    mean = {"position": x.mean(0), "channel": x.mean((0, 1))}
    for kind in ("position", "channel"):
        layer = Standardisation.fit(features, kind)
        shape = (POSITIONS, CHANNELS)
        np.testing.assert_allclose(layer.mean, np.broadcast_to(mean[kind], shape), rtol=1e-5)
        np.testing.assert_allclose(layer.std, np.broadcast_to(std[kind], shape), rtol=1e-5)


def test_whitening_goes_before_the_statistics_by_position(features):
    layer = Standardisation.fit(features, "whitening")
    whitened = layer.whitening(torch.from_numpy(features)).numpy()
    expected = Standardisation.fit(whitened, "position")
    for name in ("mean", "std", "log_det"):
        torch.testing.assert_close(
            getattr(layer, name), getattr(expected, name), atol=1e-5, rtol=1e-4
        )


def test_channel_standardised_features_have_unit_moments(features):
    standardised = Standardisation.fit(features, "channel")(torch.from_numpy(features))
    torch.testing.assert_close(standardised.mean((0, 1)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(standardised.std((0, 1), correction=0), torch.ones(3))


@pytest.mark.parametrize("kind", ["whitening", "position", "channel"])
def test_log_det_is_autograds_in_the_unit_of_channel_standardised_features(features, kind):
    layer = Standardisation.fit(features, kind)
    if kind == "whitening":
        whitened = layer.whitening(torch.from_numpy(features)).numpy()
        determinant = torch.linalg.slogdet(layer.whitening.matrix).logabsdet.item()
        unit = np.log(channel_std(whitened)).mean() - determinant / CHANNELS
    else:
        unit = np.log(channel_std(features)).mean()
    for position in range(POSITIONS):
        jacobian = torch.autograd.functional.jacobian(
            lambda v, p=position: layer(v.view(1, 1, -1), torch.tensor([p])).flatten(),
            torch.from_numpy(features[0, position]),
        )
        expected = torch.linalg.slogdet(jacobian).logabsdet.item() / CHANNELS + unit
        assert layer.log_det[position].item() == pytest.approx(expected, abs=1e-5)


def test_none_is_the_identity(features):
    layer = Standardisation.fit(features, "none")
    x = torch.from_numpy(features)
    assert torch.equal(layer(x), x)
    assert torch.equal(layer.log_det, torch.zeros(POSITIONS))


@pytest.mark.parametrize("kind", ["whitening", "position"])
def test_memory_mapped_features_give_the_same_layer(features, tmp_path, kind):
    np.save(tmp_path / "features.npy", features)
    mapped = np.load(tmp_path / "features.npy", mmap_mode="r")
    layer, expected = Standardisation.fit(mapped, kind), Standardisation.fit(features, kind)
    for name, value in expected.state_dict().items():
        assert torch.equal(layer.state_dict()[name], value)


@pytest.mark.parametrize("kind", ["whitening", "position", "channel"])
@pytest.mark.parametrize("images", [1, 3])
def test_constant_channels_stay_finite(kind, images):
    constant = np.full((images, POSITIONS, CHANNELS), 7, np.float32)
    layer = Standardisation.fit(constant, kind)
    assert torch.equal(layer(torch.from_numpy(constant)), torch.zeros(constant.shape))
    assert layer.log_det.isfinite().all()


def test_unknown_kind_is_refused(features):
    with pytest.raises(InputError, match=r"must be one of .*got 'whiten'"):
        Standardisation.fit(features, "whiten")
