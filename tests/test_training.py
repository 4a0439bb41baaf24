"""Training of a level on a toy problem: what it learns, and that the seed alone decides."""

import copy
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from bgad.boundary import NORMALIZER, explicit_boundary
from bgad.density import LevelDensity
from bgad.errors import InputError
from bgad.flow import ConditionalFlow
from bgad.standardisation import Standardisation, StandardisationEstimate
from bgad.training import Anomalies, Training, train_level

SIDE, CHANNELS, STEPS = 4, 4, 150
CELLS = SIDE * SIDE
SCHEDULE = Training(batch_positions=8, learning_rate=3e-3, normal_only=0.1)


def make_images(n: int, seed: int) -> np.ndarray:
    """Normal vectors whose second half nearly repeats the first."""
    x = np.random.default_rng(seed).normal(size=(n, CELLS, CHANNELS)).astype(np.float32)
    x[..., 2:] = 0.9 * x[..., :2] + 0.3 * x[..., 2:]
    return x


def make_anomalies(n: int, seed: int) -> Anomalies:
    """Anomalous in the left half of the cells, at values that normal vectors have too."""
    features = make_images(n, seed)
    masks = np.tile(np.arange(CELLS) % SIDE < SIDE // 2, (n, 1))
    features[masks] = 1.5 + 0.3 * features[masks]
    return Anomalies(features, masks, np.full(n, 1 / n), share=n / (40 + n))


NORMAL, KNOWN = make_images(40, 0), make_anomalies(6, 1)


def standardisation():
    return StandardisationEstimate(NORMAL.reshape(-1, SIDE, SIDE, CHANNELS), "position").layer()


def train(anomalies=KNOWN, training=SCHEDULE, steps=STEPS, seed=0):
    generator = torch.Generator().manual_seed(0)
    flow = ConditionalFlow(CHANNELS, condition_dim=8, n_blocks=4, generator=generator)
    density = LevelDensity(SIDE, SIDE, standardisation(), flow)
    before = copy.deepcopy(density)
    history = train_level(density, NORMAL, anomalies, training, steps, seed)
    return before, density, history


@pytest.fixture(scope="module")
def with_anomalies():
    return train()


@pytest.fixture(scope="module")
def without_anomalies():
    return train(anomalies=None)


def likelihood(density: LevelDensity, features: np.ndarray) -> np.ndarray:
    return density.score(features.reshape(-1, SIDE, SIDE, CHANNELS)).reshape(-1, CELLS)


def share_below_boundary(density: LevelDensity, anomalies: Anomalies) -> float:
    normal = torch.from_numpy(likelihood(density, NORMAL))
    boundary = NORMALIZER * explicit_boundary(normal).normal.item()
    return (likelihood(density, anomalies.features)[anomalies.masks] < boundary).mean()


def test_the_loss_falls_and_normals_become_likely(without_anomalies):
    before, density, history = without_anomalies
    assert history["ml"][-10:].mean() < history["ml"][:10].mean() - 0.1
    unseen = make_images(20, 7)
    assert likelihood(density, unseen).mean() > likelihood(before, unseen).mean() + 0.1


def test_known_anomalies_push_their_like_below_the_boundary(with_anomalies, without_anomalies):
    unseen = make_anomalies(20, 8)
    assert share_below_boundary(without_anomalies[1], unseen) < 0.25
    assert share_below_boundary(with_anomalies[1], unseen) > 0.75


def test_normal_cells_of_anomalous_images_stay_normal(with_anomalies):
    unseen = make_anomalies(20, 8)
    normal_cells = replace(unseen, masks=~unseen.masks)
    assert share_below_boundary(with_anomalies[1], normal_cells) < 0.1


def test_only_the_flow_is_trained(with_anomalies):
    before, density, _ = with_anomalies
    buffers = dict(density.named_buffers())
    assert all(torch.equal(value, buffers[name]) for name, value in before.named_buffers())
    parameters = dict(density.named_parameters())
    for name, value in before.named_parameters():
        assert not torch.equal(value, parameters[name]), name


def test_the_seed_decides_bit_for_bit(with_anomalies):
    _, density, history = with_anomalies
    _, again, history_again = train()
    _, other, _ = train(seed=1)
    for name, value in density.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name
    assert all(np.array_equal(history[key], history_again[key]) for key in history)
    assert not torch.equal(density.flow.out_weight, other.flow.out_weight)


def test_history_has_a_value_for_each_step(with_anomalies):
    _, _, history = with_anomalies
    names = {"learning_rate", "ml", "pull", "push", "boundary", "log_likelihood"}
    assert set(history) == names
    for values in history.values():
        assert values.shape == (STEPS,)
        assert values.dtype == np.float32
        assert np.isfinite(values).all()
    assert (history["boundary"] < history["log_likelihood"]).all()


def test_learning_rate_rises_then_falls_as_a_cosine(with_anomalies):
    rate = with_anomalies[2]["learning_rate"]
    peak = rate.argmax()
    assert peak == pytest.approx(SCHEDULE.warm_up * STEPS, abs=1)
    assert (np.diff(rate[: peak + 1]) > 0).all()
    assert (np.diff(rate[peak:]) < 0).all()
    assert rate.max() <= np.float32(SCHEDULE.learning_rate)
    assert rate[STEPS // 2] == pytest.approx(SCHEDULE.learning_rate / 2)
    assert rate[-1] < 1e-3 * SCHEDULE.learning_rate


def test_the_first_steps_see_normals_alone(with_anomalies, without_anomalies):
    first = int(SCHEDULE.normal_only * STEPS)
    history, plain = with_anomalies[2], without_anomalies[2]
    for term in ("pull", "push"):
        assert (history[term][:first] == 0).all()
        assert (history[term][first:] > 0).any()
        assert (plain[term] == 0).all()
    assert np.array_equal(history["ml"][:first], plain["ml"][:first])


def test_images_are_drawn_with_their_probabilities():
    never = np.full_like(KNOWN.features, np.nan)
    features = np.concatenate([KNOWN.features, never])
    masks = np.concatenate([KNOWN.masks, KNOWN.masks])
    probabilities = np.repeat([1 / 6, 0], 6)
    _, _, history = train(Anomalies(features, masks, probabilities, KNOWN.share), steps=20)
    assert np.isfinite(history["ml"]).all()


def same_flow(first: LevelDensity, second: LevelDensity) -> bool:
    states = first.flow.state_dict(), second.flow.state_dict()
    return all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_only_the_push_looks_at_anomalous_cells():
    def outcome(push: float, changed: np.ndarray) -> LevelDensity:
        features = np.where(changed[..., None], KNOWN.features - 1, KNOWN.features)
        anomalies = replace(KNOWN, features=features)
        training = Training(batch_positions=8, normal_only=0, push=push)
        return train(anomalies, training, steps=5)[1]

    nowhere = np.zeros_like(KNOWN.masks)
    assert same_flow(outcome(0, KNOWN.masks), outcome(0, nowhere))
    assert not same_flow(outcome(1, KNOWN.masks), outcome(1, nowhere))
    assert not same_flow(outcome(0, ~KNOWN.masks), outcome(0, nowhere))


@pytest.mark.parametrize("option", [{"pull": 0}, {"push": 0}, {"focal": False}, {"beta": 0.3}])
def test_every_term_matters(option):
    default = Training(batch_positions=8, normal_only=0)
    changed = Training(batch_positions=8, normal_only=0, **option)
    first, second = (train(training=training, steps=5)[1] for training in (default, changed))
    assert not same_flow(first, second)


def test_the_first_step_is_as_long_as_adams_learning_rate_says():
    before, density, history = train(steps=1)
    moved = (density.flow.global_offset - before.flow.global_offset).abs().max().item()
    assert moved == pytest.approx(history["learning_rate"][0], rel=1e-3)


def test_memory_mapped_normals_train_alike(tmp_path, with_anomalies):
    np.save(tmp_path / "normal.npy", NORMAL)
    mapped = np.load(tmp_path / "normal.npy", mmap_mode="r")
    density = copy.deepcopy(with_anomalies[0])
    history = train_level(density, mapped, KNOWN, SCHEDULE, 10, 0)
    _, expected, _ = train(steps=10)
    assert torch.equal(density.flow.out_weight, expected.flow.out_weight)
    assert len(history["ml"]) == 10


def test_without_repeats_an_anomaly_is_as_frequent_as_a_normal_image(monkeypatch):
    training = replace(SCHEDULE, repeat=False, normal_only=0)
    seen = []
    original = LevelDensity.log_likelihood

    def log_likelihood(self, parts, positions):
        features = torch.cat([features for _, features in parts])
        seen.append(torch.isin(features[:, 0, 0], known[:, positions[0]]).sum().item())
        return original(self, parts, positions)

    known = torch.from_numpy(KNOWN.features[..., 0])
    monkeypatch.setattr(LevelDensity, "log_likelihood", log_likelihood)
    train(training=training, steps=100)
    expected = training.batch_images * KNOWN.share
    assert np.mean(seen) == pytest.approx(expected, rel=0.15)
    assert len(set(seen)) > 2
    seen.clear()
    train(training=replace(training, repeat=True), steps=5)
    assert set(seen) == {training.anomalous_images}


@pytest.mark.parametrize("boundary", ["batch", "global"])
def test_each_normal_is_standardised_by_the_layer_of_its_fold(boundary):
    training = replace(SCHEDULE, boundary=boundary)
    density, _, expected = train(training=training, steps=12)
    layer = density.standardisation
    shifts = torch.tensor([-3.0, 0.0, 5.0])
    folds = [Standardisation(layer.mean + s, layer.matrix, layer.log_det) for s in shifts]
    shifted = NORMAL + np.resize(shifts, len(NORMAL))[:, None, None]
    history = train_level(density, shifted, KNOWN, training, 12, 0, folds=folds)
    for key, values in expected.items():
        np.testing.assert_allclose(history[key], values, rtol=1e-3, atol=1e-4)


def test_the_global_boundary_is_that_of_all_training_normals():
    training = replace(SCHEDULE, boundary="global", normal_only=0)
    before, _, history = train(training=training, steps=12)
    quantile = np.sort(likelihood(before, NORMAL).ravel())[int(training.beta * NORMAL[..., 0].size)]
    assert history["boundary"][:10] == pytest.approx([quantile] * 10, abs=1e-5)
    assert len(set(history["boundary"][10:])) == 1
    assert history["boundary"][10] != history["boundary"][0]


def test_batches_do_not_depend_on_the_boundarys_kind():
    plain = replace(SCHEDULE, pull=0, push=0, focal=False)
    flows = [train(training=replace(plain, boundary=b), steps=12)[1] for b in ("batch", "global")]
    assert same_flow(*flows)


def test_the_official_schedule_is_a_staircase_after_a_linear_rise():
    _, _, history = train(training=replace(SCHEDULE, schedule="official"), steps=100)
    rate = history["learning_rate"] / SCHEDULE.learning_rate
    cosine = [1e-3 + (1 - 1e-3) * (1 + math.cos(math.pi * epoch / 25)) / 2 for epoch in range(25)]
    assert rate[0] == pytest.approx(0.1)
    assert np.diff(rate[:8]) == pytest.approx([(cosine[2] - 0.1) / 8] * 7)
    assert rate[8:] == pytest.approx(np.repeat(cosine[2:], 4))


def test_each_of_25_parts_is_reported_when_it_is_done():
    done = []
    generator = torch.Generator().manual_seed(0)
    flow = ConditionalFlow(CHANNELS, condition_dim=8, n_blocks=4, generator=generator)
    density = LevelDensity(SIDE, SIDE, standardisation(), flow)

    def report(epoch: int) -> None:
        done.append((epoch, density.flow.out_weight.detach().clone()))

    train_level(density, NORMAL, KNOWN, SCHEDULE, 60, 0, report)
    assert [epoch for epoch, _ in done] == list(range(25))
    assert torch.equal(done[-1][1], density.flow.out_weight)
    assert not torch.equal(done[0][1], done[1][1])


def test_training_that_diverges_is_refused_with_level_step_and_remedy():
    wild = replace(SCHEDULE, learning_rate=1e30)
    with pytest.raises(
        InputError, match=r"diverged: .* at step \d+ of the level of 4 x 4 cells: lower"
    ):
        train(training=wild, steps=20)


def test_no_step_leaves_the_flow_as_it_is():
    before, density, history = train(steps=0)
    assert history == {}
    assert torch.equal(before.flow.x_weight, density.flow.x_weight)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("steps", 400),
        ("steps", (400, 400)),
        ("steps", (400, 400, -1)),
        ("steps", (400, 400, 0.5)),
        ("learning_rate", 0),
        ("learning_rate", "1e-3"),
        ("learning_rate", float("nan")),
        ("warm_up", 1.1),
        ("normal_only", -0.1),
        ("schedule", "linear"),
        ("boundary", "test"),
        ("batch_images", 0),
        ("batch_positions", 1.5),
        ("anomalous_images", 0),
        ("anomalous_images", 32),
        ("beta", 1),
        ("tau", -0.1),
        ("pull", float("inf")),
        ("push", None),
    ],
)
def test_values_out_of_range_are_refused(option, value):
    with pytest.raises(InputError, match=option):
        Training(**{option: value})
