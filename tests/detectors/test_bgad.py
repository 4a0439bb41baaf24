"""The model as a user meets it: fit, score, save and load, and every refusal."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

import bgad.backbone
from bgad import BGAD, InputError
from bgad.anomaly_map import anomaly_maps
from bgad.backbone import Backbone

SIZE = 64
SMALL = {
    "backbone": "tf_efficientnet_lite0",
    "image_size": SIZE,
    "n_blocks": 2,
    "condition_dim": 8,
    "cut_paste": 4,
    "steps": (12, 12, 12),
    "batch_images": 8,
    "anomalous_images": 2,
    "batch_positions": 16,
}


def make_normal(n: int, seed: int) -> np.ndarray:
    """Grey discs on black, with noise."""
    rng = np.random.default_rng(seed)
    rows, columns = np.ogrid[:SIZE, :SIZE]
    disc = (rows - SIZE / 2) ** 2 + (columns - SIZE / 2) ** 2 < (0.4 * SIZE) ** 2
    noise = rng.integers(0, 30, (n, SIZE, SIZE, 3))
    return (noise + 120 * disc[..., None]).astype(np.uint8)


def make_anomalous(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    images, masks = make_normal(n, seed), np.zeros((n, SIZE, SIZE), bool)
    masks[:, 20:36, 24:40] = True
    images[masks] = (250, 40, 40)
    return images, masks


NORMAL, TEST = make_normal(10, 0), make_normal(4, 1)
ANOMALOUS, MASKS = make_anomalous(2, 2)


@pytest.fixture(scope="module")
def encoder() -> Backbone:
    return Backbone("tf_efficientnet_lite0", SIZE)


@pytest.fixture(scope="module")
def model() -> BGAD:
    return BGAD(**SMALL).fit(NORMAL, ANOMALOUS, MASKS)


@pytest.fixture(scope="module")
def saved(model, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("model") / "widget.bgad"
    model.save(path)
    return path


def fit(*data, **parameters) -> BGAD:
    return BGAD(**SMALL | parameters).fit(*data)


def same_model(first: BGAD, second: BGAD) -> bool:
    states = [[d.state_dict() for d in model.densities_] for model in (first, second)]
    return (first.maxima_, first.boundaries_) == (second.maxima_, second.boundaries_) and all(
        torch.equal(one[name], other[name])
        for one, other in zip(*states, strict=True)
        for name in one
    )


def test_maps_and_scores(model):
    maps = model.anomaly_maps(TEST)
    assert maps.shape == (4, SIZE, SIZE)
    assert maps.dtype == np.float32
    assert maps.min() >= -1e-6
    assert np.array_equal(model.score_samples(TEST), maps.max(axis=(1, 2)))
    assert [level.shape for level in model.log_likelihoods(TEST)] == [
        (4, 16, 16),
        (4, 8, 8),
        (4, 4, 4),
    ]


def test_an_anomaly_scores_higher_where_it_is(model):
    unseen, masks = make_anomalous(4, 3)
    maps = model.anomaly_maps(unseen)
    assert maps[masks].mean() > maps[~masks].mean() + 0.5
    assert model.score_samples(unseen).min() > model.score_samples(TEST).max()


def test_constants_come_from_training_normals_alone(encoder):
    model = fit(NORMAL, standardisation="none")  # nothing is estimated: no fold differs
    levels = model.log_likelihoods(NORMAL)
    assert model.maxima_ == pytest.approx([level.max() for level in levels], abs=1e-4)
    for boundary, level in zip(model.boundaries_, levels, strict=True):
        below = (level < boundary - 1e-4).sum(), (level < boundary + 1e-4).sum()
        assert below[0] <= int(0.01 * level.size) < below[1]
    scores = model.score_samples(NORMAL)
    np.testing.assert_allclose(model.calibration_scores_, scores, atol=1e-3)


def test_calibration_scores_are_those_of_new_images():
    many, new = make_normal(30, 4), make_normal(30, 5)
    model = fit(many, standardisation="gaussian", steps=(0, 0, 0))
    unseen = np.median(model.score_samples(new))
    seen = np.median(model.score_samples(many))
    assert np.median(model.calibration_scores_) == pytest.approx(unseen, rel=0.1)
    assert seen < 0.9 * unseen


def test_too_few_normals_give_no_calibration_scores():
    assert fit(NORMAL[:4]).calibration_scores_ is None


def test_boundary_threshold_is_the_map_value_at_the_boundaries(model):
    pairs = zip(model.boundaries_, model.maxima_, strict=True)
    at_boundaries = [np.full((1, 2, 2), boundary, np.float32) for boundary, _ in pairs]
    maps = anomaly_maps(at_boundaries, model.maxima_, SIZE)
    np.testing.assert_allclose(maps, model.boundary_threshold_, rtol=1e-4)
    assert model.boundary_threshold_ > 0


def test_images_that_tie_are_told_of(model):
    with pytest.warns(UserWarning, match="3 of 4 images have a score that another one has"):
        model.maps_and_scores(TEST[:1].repeat(4, axis=0))


def test_the_seed_decides(model):
    assert same_model(fit(NORMAL, ANOMALOUS, MASKS), model)
    assert not same_model(fit(NORMAL, ANOMALOUS, MASKS, seed=1), model)
    assert not same_model(fit(NORMAL, ANOMALOUS, MASKS, augment_seed=1), model)


def test_levels_trained_side_by_side_give_the_same_model(model):
    assert same_model(fit(NORMAL, ANOMALOUS, MASKS, n_jobs=2), model)


def test_no_shots_need_no_masks(model):
    plain = fit(NORMAL)
    assert not same_model(plain, model)
    assert all((history["push"] == 0).all() for history in plain.history_)
    assert plain.anomaly_maps(TEST).shape == (4, SIZE, SIZE)


def test_patches_of_normal_images_stand_in_for_unknown_anomalies():
    alone, patched = fit(NORMAL), fit(NORMAL, normal_patches=3)
    assert not np.array_equal(alone.anomaly_maps(TEST), patched.anomaly_maps(TEST))
    assert not any(curves["push"].any() for curves in alone.history_)
    assert all(curves["push"].any() for curves in patched.history_)
    known = fit(NORMAL, ANOMALOUS, MASKS)
    both = fit(NORMAL, ANOMALOUS, MASKS, normal_patches=3)
    assert np.array_equal(known.anomaly_maps(TEST), both.anomaly_maps(TEST))


@pytest.mark.parametrize("cut_paste", [0, 3])
def test_cut_paste_is_an_option(cut_paste):
    known = fit(NORMAL, ANOMALOUS, MASKS, cut_paste=cut_paste)
    assert any((history["push"] > 0).any() for history in known.history_)


def test_a_refit_forgets(model):
    other = fit(TEST, seed=3)
    other.seed = other.augment_seed = model.seed
    assert same_model(other.fit(NORMAL, ANOMALOUS, MASKS), model)


# Saved models


@pytest.fixture
def weights(tmp_path, encoder) -> Path:
    path = tmp_path / "weights.pth"
    torch.save(bgad.backbone._packaged_state("tf_efficientnet_lite0"), path)
    return path


def test_load_finds_moved_weights_and_refuses_others(tmp_path, weights):
    fit(NORMAL, weights=weights).save(tmp_path / "model.bgad")
    moved = weights.rename(tmp_path / "moved.pth")
    with pytest.raises(InputError, match=r"weights\.pth does not exist"):
        BGAD.load(tmp_path / "model.bgad")
    assert BGAD.load(tmp_path / "model.bgad", weights=moved).weights == str(moved)
    with pytest.raises(InputError, match="trained on other weights"):
        BGAD.load(tmp_path / "model.bgad", weights="random")


class Trap:
    """Unpickling it creates a file."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_a_pickle_is_refused_and_not_executed(tmp_path):
    sprung = tmp_path / "sprung"
    (tmp_path / "pickle.bgad").write_bytes(pickle.dumps(Trap(sprung)))
    torch.save(Trap(sprung), tmp_path / "torch.bgad")
    for name in ("pickle.bgad", "torch.bgad"):
        with pytest.raises(InputError, match=f"{name}: it is damaged"):
            BGAD.load(tmp_path / name)
    assert not sprung.exists()


def test_foreign_files_are_refused(saved, tmp_path):
    (tmp_path / "text.bgad").write_text("a model")
    (tmp_path / "empty.bgad").touch()
    (tmp_path / "folder.bgad").mkdir()
    save_file({"x": torch.ones(1)}, tmp_path / "tensors.bgad")
    for file in [*sorted(tmp_path.iterdir()), tmp_path / "absent.bgad"]:
        with pytest.raises(InputError, match=file.name):
            BGAD.load(file)


@settings(max_examples=30)
@given(data=st.data())
def test_a_damaged_file_is_refused_or_does_not_matter(saved, model, data):
    content = bytearray(saved.read_bytes())
    header = int.from_bytes(content[:8], "little")
    if data.draw(st.booleans(), "truncated"):
        content = content[: data.draw(st.integers(0, len(content) - 1))]
    else:
        for _ in range(data.draw(st.integers(1, 3))):
            # Half of the hits in the header, which is a small part of the file.
            position = st.integers(0, header) | st.integers(0, len(content) - 1)
            content[data.draw(position)] ^= data.draw(st.integers(1, 255))
    damaged = saved.with_name("damaged.bgad")
    damaged.write_bytes(content)
    try:
        loaded = BGAD.load(damaged)
    except InputError as error:
        assert "damaged.bgad" in str(error)
    else:
        assert same_model(loaded, model)
        assert loaded.boundary_threshold_ == model.boundary_threshold_


# Bad input


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"standardisation": "pixel"}, "standardisation"),
        ({"n_blocks": 0}, "n_blocks"),
        ({"condition_dim": 6}, "condition_dim"),
        ({"cut_paste": -1}, "cut_paste"),
        ({"n_jobs": 0}, "n_jobs"),
        ({"beta": 2}, "beta"),
    ],
)
def test_unusable_parameters_are_refused_at_once(parameters, message):
    with pytest.raises(InputError, match=message):
        BGAD(**parameters)


def test_training_that_diverges_is_refused():
    with pytest.raises(InputError, match="diverged"):
        fit(NORMAL, learning_rate=1e30)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_a_gpu_gives_the_processors_maps_within_rounding():
    images = np.random.default_rng(0).integers(0, 256, (12, 64, 64, 3), dtype=np.uint8)
    maps = [
        BGAD(image_size=64, steps=(30, 30, 30), device=device).fit(images).anomaly_maps(images)
        for device in ("cpu", "cuda")
    ]
    np.testing.assert_allclose(*maps, rtol=1e-2, atol=1e-2)
