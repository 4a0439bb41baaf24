"""The published training against a plain loop, and that an interruption does not show."""

import copy
import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate, logsigmoid

from bgad import published as module
from bgad.density import LevelDensity
from bgad.errors import InputError
from bgad.features import EncodedImages, encode
from bgad.flow import ConditionalFlow
from bgad.published import PublishedTraining, train_published
from bgad.standardisation import StandardisationEstimate
from bgad.synthesis import fresh_cut_paste

SIDE, STRIDES, CHANNELS = 16, (2, 4), (3, 4)
TRAINING = PublishedTraining(meta_epochs=4, sub_epochs=2, batch_images=8, batch_vectors=64)
SEEDS = 3, 5


class Encoder:
    """Pooled colours, and their squares, as features."""

    weights_hash = "none"
    level_shapes = tuple((SIDE // s, SIDE // s, c) for s, c in zip(STRIDES, CHANNELS, strict=True))

    def __call__(self, images: np.ndarray) -> list[np.ndarray]:
        levels = []
        for stride, channels in zip(STRIDES, CHANNELS, strict=True):
            cells = images.reshape(len(images), SIDE // stride, stride, SIDE // stride, stride, 3)
            colours = cells.mean((2, 4)) / 128 - 1
            features = np.concatenate([colours, colours.mean(-1, keepdims=True) ** 2], -1)
            levels.append(features[..., :channels].astype(np.float32))
        return levels


def make_images(n: int, seed: int) -> EncodedImages:
    images = np.random.default_rng(seed).integers(0, 256, (n, SIDE, SIDE, 3), np.uint8)
    return encode(Encoder(), images)


NORMAL, KNOWN = make_images(18, 0), make_images(2, 1)
MASKS = np.zeros((2, SIDE, SIDE), bool)
MASKS[0, 2:9, 4:9] = MASKS[1, 9:11] = True


def make_densities() -> list[LevelDensity]:
    generator = torch.Generator().manual_seed(0)
    densities = []
    for stride, channels in zip(STRIDES, CHANNELS, strict=True):
        flow = ConditionalFlow(channels, condition_dim=8, n_blocks=2, generator=generator)
        side = SIDE // stride
        raw = StandardisationEstimate(np.zeros((1, side, side, channels), np.float32), "none")
        densities.append(LevelDensity(side, side, raw.layer(), flow))
    return densities


def train(training=TRAINING, known=KNOWN, masks=MASKS, **options):
    densities = make_densities()
    curves = train_published(densities, NORMAL, known, masks, Encoder(), training, SEEDS, **options)
    return densities, curves


def plain_loop(joint_adam: bool, known: EncodedImages | None, beta: float):
    """The authors' loop, spelled out for `TRAINING`: 18 normals, 2 known anomalies, 8 a batch.

    Losses are maximum likelihood, pull and push of each step, by level.
    """
    densities = make_densities()
    groups = [list(density.parameters()) for density in densities]
    if joint_adam:
        groups = [groups[0] + groups[1]]
    optimizers = [torch.optim.Adam(group) for group in groups]
    losses, rates = [[], []], [[], []]
    peak, low = 2e-4, 2e-4 / 1000
    for sub_epoch in range(8):
        epoch = sub_epoch // 2
        rng = np.random.default_rng([3, sub_epoch])
        levels, masks = NORMAL.levels, np.zeros((18, SIDE, SIDE), bool)
        if epoch > 0 and known is not None:
            images, pasted = fresh_cut_paste(NORMAL.images, KNOWN.images, MASKS, 10, [5, sub_epoch])
            pasted_levels = Encoder()(images)
            levels = [
                np.concatenate([normal] + [anomalous] * 5 + [new])
                for normal, anomalous, new in zip(levels, KNOWN.levels, pasted_levels, strict=True)
            ]
            masks = np.concatenate([masks] + [MASKS] * 5 + [pasted])
        order = rng.permutation(len(masks))
        n_batches = len(masks) // 8
        for batch in range(n_batches):
            images = order[8 * batch : 8 * batch + 8]
            rate = low + (peak - low) * (1 + math.cos(math.pi * epoch / 4)) / 2
            if epoch < 2:
                end = low + (peak - low) * (1 + math.cos(math.pi * 2 / 4)) / 2
                loaders = n_batches if known is None else 2
                done = batch + sub_epoch % 2 * loaders + epoch * 2 * loaders
                rate = peak / 10 + done / (2 * 2 * loaders) * (end - peak / 10)
            for level, density in enumerate(densities):
                optimizer = optimizers[0 if joint_adam else level]
                for group in optimizer.param_groups:
                    group["lr"] = rate
                side = SIDE // STRIDES[level]
                vectors = torch.from_numpy(levels[level][images].reshape(-1, CHANNELS[level]))
                marks = torch.from_numpy(masks[images, None].astype(np.float32))
                marks = interpolate(marks, (side, side)).flatten() > 0
                shuffled = rng.permutation(8 * side * side)
                for start in range(0, 8 * side * side, 64):
                    chosen = torch.from_numpy(shuffled[start : start + 64])
                    x = density(vectors[chosen][None], chosen % (side * side))[0]
                    loss = plain_losses(x, marks[chosen], epoch, known is not None, beta)
                    optimizer.zero_grad(set_to_none=False)
                    loss.sum().backward()
                    optimizer.step()
                    losses[level].append(loss.detach())
                    rates[level].append(rate)
    return densities, losses, rates


def plain_losses(
    x: torch.Tensor, mark: torch.Tensor, epoch: int, has_known: bool, beta: float
) -> torch.Tensor:
    """Maximum likelihood, pull and push of one batch of vectors, as the authors' code has them."""
    nothing = torch.zeros(())
    if epoch == 0:
        return torch.stack([-logsigmoid(x).mean(), nothing, nothing])
    normal = x[~mark]
    detached = x.detach() / 10
    weight = 11.7 * (1 - detached.exp()).clamp(min=0) ** 0.5 * detached.abs()
    weight = torch.where(detached > -0.2, 1.0, weight)
    pushed_weight = 0.53 * (1 + detached.exp()) ** 2 / detached.abs()
    weight[mark] = torch.where(detached <= -1, 1.0, pushed_weight)[mark]
    ml = (-logsigmoid(normal) * weight[~mark]).mean()
    if has_known and not mark.any():
        return torch.stack([ml, nothing, nothing])
    boundary = normal.detach().sort().values[int(beta * len(normal))] / 10
    pulled, pushed = ~mark & (x / 10 <= boundary), mark & (x / 10 >= boundary - 0.1)
    pull = ((boundary - x / 10) * weight)[pulled].mean()
    push = ((x / 10 - boundary + 0.1) * weight)[pushed].mean() if pushed.any() else nothing
    return torch.stack([ml, pull, push])


@pytest.mark.parametrize("joint_adam", [False, True], ids=["apart", "joint"])
@pytest.mark.parametrize("known", [KNOWN, None], ids=["known", "normals"])
@pytest.mark.parametrize("beta", [0.01, 0.2])
def test_each_step_is_that_of_a_plain_loop(joint_adam, known, beta):
    training = replace(TRAINING, joint_adam=joint_adam, beta=beta)
    expected, losses, rates = plain_loop(joint_adam, known, beta)
    densities, curves = train(training, known, None if known is None else MASKS)
    for level, curve in enumerate(curves):
        assert len(curve["ml"]) == len(losses[level]) > 30
        assert curve["learning_rate"] == pytest.approx(rates[level], rel=1e-6)
        for name, values in zip(("ml", "pull", "push"), torch.stack(losses[level]).T, strict=True):
            assert curve[name] == pytest.approx(values.numpy(), rel=1e-4, abs=1e-6), name
        for name, value in expected[level].named_parameters():
            ours = densities[level].get_parameter(name)
            assert torch.allclose(ours, value, atol=1e-5), name


def test_a_step_without_an_anomalous_vector_pulls_nothing():
    masks = np.zeros_like(MASKS)
    masks[0, :2, :2] = masks[1, :4, :4] = True  # few cells
    training = replace(TRAINING, beta=0.2, cut_paste=0)
    _, curves = train(training, masks=masks)
    first = sum(training.batches(18, 2)[:2])
    for density, curve in zip(make_densities(), curves, strict=True):
        n_first = first * training.steps_per_batch(density.height * density.width)
        assert (curve["pull"][:n_first] == 0).all()
        assert 0 < (curve["pull"][n_first:] > 0).mean() < 1
    _, curves = train(training, known=None, masks=None)
    for curve in curves:
        assert (curve["pull"] > 0).mean() == 3 / 4  # always, after the first of four meta epochs


def test_a_joint_adam_moves_all_levels_with_each_step():
    joint = PublishedTraining(
        meta_epochs=1, sub_epochs=1, batch_images=8, batch_vectors=64, joint_adam=True
    )
    apart = PublishedTraining(meta_epochs=1, sub_epochs=1, batch_images=8, batch_vectors=64)
    before, (together, _), (separate, _) = make_densities(), train(joint), train(apart)
    for level in range(2):
        start, far, near = (
            part[level].flow.global_offset.detach() for part in (before, together, separate)
        )
        assert (far - start).abs().sum() > (near - start).abs().sum()


@pytest.mark.parametrize(
    ("n_normal", "batches"),
    [(209, 1776), (267, 2176), (320, 2576)],
    ids=["bottle", "pill", "screw"],
)
def test_the_number_of_steps_is_the_published_one(n_normal, batches):
    training = PublishedTraining()
    assert sum(training.batches(n_normal, 10)) == batches
    assert [training.steps_per_batch(side**2) for side in (64, 32, 16)] == [32, 8, 2]
    vectors = training.vectors(n_normal, 10, (256, 256))
    assert len(vectors) == 25
    assert vectors[0] == n_normal // 32 * 8 * (32 + 8 + 2) * 4096  # without the known anomalies
    assert vectors[-1] == batches * (32 + 8 + 2) * 4096
    assert set(np.diff(vectors)) == {(vectors[-1] - vectors[0]) / 24}


def test_the_warm_up_zigzags_and_overshoots():
    training = PublishedTraining()
    batches = training.batches(267, 10)  # pill
    passes = [
        [training.rate(number, batch, n, 10) for batch in range(n)]
        for number, n in enumerate(batches)
    ]
    assert passes[0][0] == pytest.approx(2e-5)
    assert all(later[0] < earlier[-1] for earlier, later in pairwise(passes[:16]))
    assert max(map(max, passes)) == passes[15][-1] == pytest.approx(2.41e-4, abs=5e-7)
    assert {rate for part in passes[16:24] for rate in part} == {passes[16][0]}
    assert passes[-1][0] < passes[16][0] / 50
    normals = [training.rate(number, batch, 8, 0) for number in range(16) for batch in range(8)]
    assert np.diff(normals) == pytest.approx([np.diff(normals)[0]] * 127)
    assert max(normals) < 2e-4


class Killed(BaseException):
    """As when the process ends in the middle of whatever it does."""


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(module, "_SAVE_EVERY", 0.0)


@pytest.mark.parametrize("joint_adam", [False, True], ids=["apart", "joint"])
def test_killed_at_ten_random_moments_it_comes_to_the_same_bits(
    tmp_path, monkeypatch, impatient, joint_adam
):
    training = replace(TRAINING, joint_adam=joint_adam)

    def moments(kept: dict):
        return lambda level, epoch, density: kept.update(
            {(level, epoch): copy.deepcopy(density.state_dict())}
        )

    whole: dict = {}
    densities, curves = train(training, after_epoch=moments(whole))
    n_steps = sum(len(curve["ml"]) for curve in curves)
    backward, left = torch.Tensor.backward, [0]

    def mortal(self, *arguments, **options):
        left[0] -= 1
        if left[0] == 0:
            raise Killed
        backward(self, *arguments, **options)

    monkeypatch.setattr(torch.Tensor, "backward", mortal)
    rng, parts = np.random.default_rng(0), {}
    for _ in range(10):
        left[0] = int(rng.integers(1, n_steps // 9))
        with pytest.raises(Killed):
            train(training, after_epoch=moments(parts), state=tmp_path)
    left[0] = 0
    again, curves_again = train(training, after_epoch=moments(parts), state=tmp_path)
    for level in range(2):
        for name, value in densities[level].state_dict().items():
            assert torch.equal(value, again[level].state_dict()[name]), name
        for name, values in curves[level].items():
            assert np.array_equal(values, curves_again[level][name]), name
    assert whole.keys() == parts.keys()
    assert len(whole) == 2 * TRAINING.meta_epochs
    for moment, content in whole.items():
        assert all(torch.equal(value, parts[moment][name]) for name, value in content.items())


@pytest.mark.parametrize("joint_adam", [False, True], ids=["apart", "joint"])
def test_a_finished_training_is_not_done_again(tmp_path, impatient, monkeypatch, joint_adam):
    training = PublishedTraining(
        meta_epochs=1, sub_epochs=1, batch_images=8, batch_vectors=64, joint_adam=joint_adam
    )
    densities, _ = train(training, state=tmp_path)
    monkeypatch.setattr(module._Level, "train", None)
    again, _ = train(training, state=tmp_path)
    assert torch.equal(densities[0].flow.out_weight, again[0].flow.out_weight)


def test_another_trainings_state_is_not_continued(tmp_path, impatient):
    train(state=tmp_path)
    other = PublishedTraining(meta_epochs=2, sub_epochs=2, batch_images=8, batch_vectors=64)
    expected, _ = train(other)
    with pytest.warns(UserWarning, match="another training"):
        densities, _ = train(other, state=tmp_path)
    assert torch.equal(densities[1].flow.out_weight, expected[1].flow.out_weight)


def test_a_damaged_state_is_not_continued(tmp_path, impatient):
    short = PublishedTraining(meta_epochs=1, sub_epochs=1, batch_images=8, batch_vectors=64)
    expected, _ = train(short, state=tmp_path)
    [file] = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-1000])
    with pytest.warns(UserWarning, match="damaged"):
        densities, _ = train(short, state=tmp_path)
    assert torch.equal(densities[1].flow.out_weight, expected[1].flow.out_weight)


def test_training_that_diverges_is_refused_with_level_step_and_remedy():
    with pytest.raises(
        InputError, match=r"diverged: .* at step \d+ of the level of 8 x 8 cells: lower"
    ):
        train(
            PublishedTraining(learning_rate=1e30, meta_epochs=1, batch_images=8, batch_vectors=64)
        )


@pytest.mark.parametrize(
    ("size", "message"),
    [
        ({"batch_images": 32}, "got 18 images of 8 x 8, 4 x 4 cells"),
        ({"batch_vectors": 129}, "batch_vectors=129"),
    ],
)
def test_what_makes_no_batch_is_refused(size, message):
    with pytest.raises(InputError, match=message):
        train(PublishedTraining(**{"batch_images": 8, "batch_vectors": 64} | size))


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("learning_rate", 0),
        ("joint_adam", 1),
        ("meta_epochs", 0),
        ("batch_vectors", 1.5),
        ("cut_paste", 11),
        ("beta", 1),
        ("tau", math.inf),
        ("focal", "no"),
    ],
)
def test_values_out_of_range_are_refused(option, value):
    with pytest.raises(InputError, match=option):
        PublishedTraining(**{option: value})
