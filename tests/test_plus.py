"""BGAD beside a memory and a supervised head."""

import numpy as np
import pytest

from bgad import InputError
from bgad.features import encode
from bgad.plus import BGADPlus, _orientations

SIZE = 64
SMALL = {
    "backbone": "tf_efficientnet_lite0",
    "image_size": SIZE,
    "coreset": 0.1,
    "head_steps": 30,
    "n_blocks": 2,
    "condition_dim": 8,
    "cut_paste": 2,
    "steps": (5, 5, 5),
    "batch_images": 8,
    "anomalous_images": 2,
    "batch_positions": 8,
}
RNG = np.random.default_rng(0)
NORMAL = RNG.integers(100, 130, (10, SIZE, SIZE, 3), dtype=np.uint8)
TEST = RNG.integers(100, 130, (6, SIZE, SIZE, 3), dtype=np.uint8)
MASKS = np.zeros((2, SIZE, SIZE), bool)
MASKS[:, 8:40, 16:48] = True
ANOMALOUS = np.where(MASKS[..., None], np.uint8([250, 30, 30]), NORMAL[:2])
TEST[0, 20:52, 20:52] = (250, 30, 30)


@pytest.fixture(scope="module")
def model() -> BGADPlus:
    return BGADPlus(**SMALL).fit(NORMAL, ANOMALOUS, MASKS)


@pytest.mark.parametrize("known", [True, False])
def test_the_anomalous_image_and_place_stand_out(model, known):
    model = model if known else BGADPlus(**SMALL).fit(NORMAL)
    maps = model.anomaly_maps(TEST)
    assert (maps.shape, maps.dtype) == ((6, SIZE, SIZE), np.float32)
    scores = model.score_samples(TEST)
    assert all(map(np.array_equal, model.maps_and_scores(TEST), (maps, scores)))
    assert scores.argmax() == 0
    assert maps[0, 24:48, 24:48].mean() > maps[0, :8].mean()


def test_an_image_has_its_own_map(model):
    together = model.anomaly_maps(TEST)
    for i in (0, 3):
        np.testing.assert_allclose(model.anomaly_maps(TEST[i : i + 1])[0], together[i], atol=1e-3)


def test_maps_and_scores_are_sums_with_weights_of_their_own(model):
    encoded = encode(model.encoder, TEST)
    standardised = [
        (maps - mean) / std
        for maps, (mean, std) in zip(model._members(encoded), model._scales, strict=True)
    ]
    maps, scores = model.maps_and_scores(encoded)
    expected = sum(weight * part for weight, part in zip((4, 1, 1), standardised, strict=True))
    np.testing.assert_allclose(maps, expected, atol=1e-3)
    expected = sum(weight * part for weight, part in zip((1, 3, 1), standardised, strict=True))
    np.testing.assert_allclose(scores, expected.max(axis=(1, 2)), atol=1e-3)


def test_the_flows_part_is_the_negative_log_of_their_normality(model):
    encoded = encode(model.encoder, TEST)
    normality = 3 * np.exp(-model.flow.anomaly_maps(encoded))
    np.testing.assert_allclose(model._members(encoded)[0], -np.log(normality + 0.01), atol=1e-4)


def test_encoded_images_give_the_same(model):
    encoded = encode(model.encoder, TEST)
    assert np.array_equal(model.anomaly_maps(encoded), model.anomaly_maps(TEST))


def test_each_part_has_mean_zero_and_std_one_on_training_normals(model):
    members = model._members(encode(model.encoder, NORMAL))
    assert len(members) == 3
    for maps, (mean, std) in zip(members, model._scales, strict=True):
        assert maps.mean() == pytest.approx(mean, rel=1e-3, abs=1e-4)
        assert maps.std() == pytest.approx(std, rel=1e-2)


def test_the_boundary_leaves_a_share_beta_of_normal_pixels_above(model):
    above = model.anomaly_maps(NORMAL) > model.boundary_threshold_
    assert above.mean() == pytest.approx(0.01, abs=1e-3)


def test_the_same_seed_gives_the_same_maps(model):
    again = BGADPlus(**SMALL).fit(NORMAL, ANOMALOUS, MASKS)
    assert np.array_equal(again.anomaly_maps(TEST), model.anomaly_maps(TEST))


def test_all_eight_orientations_are_different_and_masks_turn_with_images():
    image = np.arange(9).reshape(1, 3, 3)
    turned = _orientations(image)
    assert len({turn.tobytes() for turn in turned}) == 8
    both = _orientations(np.stack([image, image], axis=-1))
    assert np.array_equal(both[..., 0], turned)


def test_parameters_make_the_same_model_again():
    parameters = BGADPlus(**SMALL).get_params()
    assert SMALL.items() <= parameters.items()
    assert BGADPlus(**parameters).get_params() == parameters


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"coreset": 0.0}, "coreset must be above 0"),
        ({"head_steps": 0}, "head_steps must be at least 1"),
        ({"hidden": -1}, "hidden must be at least 0"),
        ({"head_learning_rate": 0.0}, "head_learning_rate must be above 0"),
        ({"stesp": 1}, "no parameter stesp"),
    ],
)
def test_impossible_parameters_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        BGADPlus(**SMALL | change)


def test_use_before_fit_is_refused():
    with pytest.raises(InputError, match="not fitted"):
        BGADPlus(**SMALL).anomaly_maps(TEST)
