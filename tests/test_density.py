"""Density of a level: change of variables by autograd, positions, scoring in batches."""

import math
import warnings
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from bgad import density as module
from bgad.density import LevelDensity
from bgad.flow import ConditionalFlow
from bgad.standardisation import StandardisationEstimate

IMAGES, HEIGHT, WIDTH, CHANNELS = 6, 2, 3, 4


@pytest.fixture(scope="module")
def features() -> np.ndarray:
    rng = np.random.default_rng(0)
    scale = rng.uniform(0.1, 20, (HEIGHT, WIDTH, CHANNELS))
    return np.float32(3 + scale * rng.normal(size=(IMAGES, HEIGHT, WIDTH, CHANNELS)))


def make_density(features: np.ndarray, kind: str) -> LevelDensity:
    generator = torch.Generator().manual_seed(0)
    flow = ConditionalFlow(CHANNELS, condition_dim=8, n_blocks=2, generator=generator)
    standardisation = StandardisationEstimate(features, kind).layer()
    return LevelDensity(HEIGHT, WIDTH, standardisation, flow)


@pytest.mark.parametrize("kind", ["gaussian", "position", "channel", "none"])
def test_likelihood_is_the_change_of_variables(features, kind):
    density = make_density(features, kind)
    # Likelihoods are those of channel-standardised features: x = channel_std * u + constant.
    std = np.ones(CHANNELS) if kind == "none" else features.astype(np.float64).std((0, 1, 2))
    flat = torch.from_numpy(features).flatten(1, 2)
    likelihood = density(flat)
    for image, position in [(0, 0), (3, 4), (5, 5)]:
        places = torch.tensor([position])

        def latent(x, places=places):
            standardised = density.standardisation(x.view(1, 1, -1), places)
            return density.flow(standardised, density.condition[places])[0].flatten()

        x = flat[image, position]
        jacobian = torch.autograd.functional.jacobian(latent, x)
        log_det = torch.linalg.slogdet(jacobian.double()).logabsdet.item() + np.log(std).sum()
        log_normal = -latent(x).square().sum().item() / 2 - CHANNELS / 2 * math.log(2 * math.pi)
        expected = (log_normal + log_det) / CHANNELS
        assert likelihood[image, position].item() == pytest.approx(expected, abs=1e-4)


def test_some_positions_are_a_part_of_all(features):
    density = make_density(features, "position")
    flat = torch.from_numpy(features).flatten(1, 2)
    places = torch.tensor([5, 0, 2])
    torch.testing.assert_close(density(flat[:, places], places), density(flat)[:, places])


@pytest.mark.parametrize("vectors", [1, 2 * HEIGHT * WIDTH, 4 * HEIGHT * WIDTH])
def test_score_is_forward_on_maps_whatever_the_batch(features, vectors, monkeypatch):
    density = make_density(features, "position")
    expected = density(torch.from_numpy(features).flatten(1, 2)).detach()
    monkeypatch.setattr(module, "_SCORING_VECTORS", vectors)
    scores = density.score(features)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, expected.view(IMAGES, HEIGHT, WIDTH), atol=1e-5)


@pytest.fixture
def every_torch_warning() -> Iterator[None]:
    """By default torch gives some warnings only once a process."""
    torch.set_warn_always(True)
    yield
    torch.set_warn_always(False)


@pytest.mark.usefixtures("every_torch_warning")
def test_memory_mapped_features_score_alike_without_a_warning(features, tmp_path):
    density = make_density(features, "position")
    np.save(tmp_path / "features.npy", features)
    mapped = np.load(tmp_path / "features.npy", mmap_mode="r")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.array_equal(density.score(mapped), density.score(features))


def test_what_is_kept_for_scoring_goes_with_the_parameters_that_it_is_of(features):
    density = make_density(features, "channel").eval()
    before = density.score(features)
    np.testing.assert_array_equal(density.score(features), before)
    density.train()
    with torch.no_grad():
        density.flow.condition_weight.mul_(2)
    after = density.score(features)
    assert (after != before).any()
    np.testing.assert_array_equal(density.eval().score(features), after)
