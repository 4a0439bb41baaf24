"""What every method must do as a `bgad.detectors.base.Detector`."""

import inspect
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file

import bgad
from bgad.backbone import Backbone
from bgad.detectors import METHODS, method_of, resolve
from bgad.detectors.file import State, _checksum
from bgad.errors import InputError
from bgad.features import encode

SIZE = 64
BACKBONE = "tf_efficientnet_lite0"
FLOWS = {
    "n_blocks": 2,
    "condition_dim": 8,
    "cut_paste": 2,
    "steps": (12, 12, 12),
    "batch_images": 8,
    "anomalous_images": 2,
    "batch_positions": 16,
}
PUBLISHED = {
    "n_blocks": 2,
    "condition_dim": 8,
    "standardisation": "whitening",
    "cut_paste": 1,
    "learning_rate": 2e-3,
    "meta_epochs": 3,
    "sub_epochs": 1,
    "batch_images": 4,
    "batch_vectors": 64,
}
SMALL = {
    "bgad": FLOWS,
    "bgad_published": PUBLISHED,
    "plus": {"flows": FLOWS, "memory": {"coreset": 0.1}, "heads": {"steps": 30}},
    "patchcore": {"coreset": 0.1},
    "padim": {"channels": 8},
    "segmentation_head": {"steps": 40},
    "devnet": {"steps": 40},
}
ALL = [method for method in METHODS if method != "instant"]
WITHOUT_ANOMALIES = [method for method in ALL if not resolve(method).min_shots]


def make_images(n: int, seed: int) -> np.ndarray:
    """Grey discs on black, with noise."""
    rng = np.random.default_rng(seed)
    rows, columns = np.ogrid[:SIZE, :SIZE]
    disc = (rows - SIZE / 2) ** 2 + (columns - SIZE / 2) ** 2 < (0.4 * SIZE) ** 2
    noise = rng.integers(0, 30, (n, SIZE, SIZE, 3))
    return (noise + 120 * disc[..., None]).astype(np.uint8)


NORMAL, TEST = make_images(12, 0), make_images(4, 1)
ANOMALOUS, MASKS = make_images(2, 2), np.zeros((2, SIZE, SIZE), bool)
MASKS[:, 20:36, 24:40] = True
ANOMALOUS[MASKS] = (250, 40, 40)
TEST[0, 16:40, 20:44] = (250, 40, 40)


ENCODER = Backbone(BACKBONE, SIZE)


def make(method: str, **changes):
    detector = resolve(method)(backbone=BACKBONE, image_size=SIZE, **SMALL[method] | changes)
    detector.encoder = ENCODER  # instead of one for each
    return detector


@pytest.fixture(scope="module", params=ALL)
def fitted(request):
    return make(request.param).fit(NORMAL, ANOMALOUS, MASKS)


@pytest.fixture(scope="module")
def saved(fitted, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("model") / "widget.bgad"
    fitted.save(path)
    return path


def test_maps_and_scores_find_the_anomaly(fitted):
    maps, scores = fitted.maps_and_scores(TEST)
    assert (maps.shape, maps.dtype) == ((4, SIZE, SIZE), np.float32)
    assert (scores.shape, scores.dtype) == ((4,), np.float32)
    assert np.array_equal(fitted.anomaly_maps(TEST), maps)
    assert np.array_equal(fitted.score_samples(TEST), scores)
    assert scores.argmax() == 0
    assert maps[0, 20:36, 24:40].mean() > maps[0, :8].mean()


def test_maps_come_at_the_images_own_size(fitted):
    maps = fitted.anomaly_maps(TEST)
    larger = fitted.anomaly_maps(TEST, (3 * SIZE, 2 * SIZE))
    assert larger.shape == (len(TEST), 3 * SIZE, 2 * SIZE)
    inner = larger[:, 1::3].reshape(len(TEST), SIZE, SIZE, 2).mean(-1)  # centres of old pixels
    assert np.abs(inner - maps)[:, 1:-1, 1:-1].max() <= 0.3 * np.ptp(maps)
    np.testing.assert_array_equal(fitted.anomaly_maps(TEST, SIZE), maps)


def test_an_image_scores_alone_as_among_others(fitted):
    maps, scores = fitted.maps_and_scores(TEST)
    for i in range(len(TEST)):
        # Convolutions may round differently in another batch.
        one, score = fitted.maps_and_scores(TEST[i : i + 1])
        np.testing.assert_allclose(one[0], maps[i], rtol=1e-3, atol=1e-3)
        np.testing.assert_allclose(score[0], scores[i], rtol=1e-3, atol=1e-3)


def test_the_same_seed_gives_the_same_detector(fitted):
    again = make(method_of(type(fitted))).fit(NORMAL, ANOMALOUS, MASKS)
    assert np.array_equal(again.anomaly_maps(TEST), fitted.anomaly_maps(TEST))
    assert again.boundary_threshold_ == fitted.boundary_threshold_


def test_a_refit_forgets(fitted):
    other = make(method_of(type(fitted))).fit(TEST, ANOMALOUS, MASKS)
    other.fit(NORMAL, ANOMALOUS, MASKS)
    assert np.array_equal(other.anomaly_maps(TEST), fitted.anomaly_maps(TEST))


def test_what_is_learnt_of_normals_is_finite_and_fits_them(fitted):
    assert np.isfinite(fitted.boundary_threshold_)
    assert (fitted.anomaly_maps(NORMAL) > fitted.boundary_threshold_).mean() <= 0.05
    calibration = fitted.calibration_scores_
    assert calibration is None or (
        calibration.dtype == np.float32 and 0 < len(calibration) <= len(NORMAL)
    )
    assert isinstance(fitted.history_, list)


def test_all_forms_of_the_same_images_give_the_same_maps(fitted, tmp_path):
    maps = fitted.anomaly_maps(TEST)
    paths = [tmp_path / f"{i}.png" for i in range(len(TEST))]
    for path, image in zip(paths, TEST, strict=True):
        Image.fromarray(image).save(path)
    tensor = torch.from_numpy(TEST).permute(0, 3, 1, 2)
    for form in (paths, tensor, list(TEST), encode(ENCODER, TEST)):
        assert np.array_equal(fitted.anomaly_maps(form), maps)


def test_encoded_images_are_learnt_from_as_images_are(fitted):
    encoded = encode(ENCODER, NORMAL), encode(ENCODER, ANOMALOUS)
    for images in encoded:
        for array in (images.images, *images.levels):
            array.flags.writeable = False
    again = make(method_of(type(fitted))).fit(*encoded, MASKS)
    assert np.array_equal(again.anomaly_maps(TEST), fitted.anomaly_maps(TEST))


def test_parameters_make_the_same_detector_again(fitted):
    parameters = fitted.get_params()
    again = type(fitted)(**json.loads(json.dumps(parameters)))
    assert json.dumps(again.get_params()) == json.dumps(parameters)


@pytest.mark.parametrize("method", WITHOUT_ANOMALIES)
def test_without_known_anomalies(method, tmp_path):
    plain = make(method).fit(NORMAL)
    assert plain.score_samples(TEST).argmax() == 0
    plain.save(tmp_path / "plain.bgad")
    assert np.array_equal(
        bgad.load(tmp_path / "plain.bgad").anomaly_maps(TEST), plain.anomaly_maps(TEST)
    )


# Saved detectors


def test_save_and_load_keep_every_bit(fitted, saved, tmp_path):
    for read in (bgad.load, type(fitted).load):
        loaded = read(saved)
        assert type(loaded) is type(fitted)
        for one, other in zip(
            loaded.maps_and_scores(TEST), fitted.maps_and_scores(TEST), strict=True
        ):
            assert np.array_equal(one, other)
        assert loaded.boundary_threshold_ == fitted.boundary_threshold_
        assert np.array_equal(loaded.calibration_scores_, fitted.calibration_scores_)
        assert json.dumps(loaded.get_params()) == json.dumps(fitted.get_params())
    loaded.save(tmp_path / "again.bgad")
    again = bgad.load(tmp_path / "again.bgad").state()
    assert all(torch.equal(again.pop(key), value) for key, value in fitted.state().items())
    assert not again


def forge(saved: Path, path: Path, change) -> Path:
    """Copy a saved detector with other header or tensors, and the checksum of these."""
    with safe_open(saved, "pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        metadata = file.metadata()
    header = json.loads(metadata["header"])
    change(header, tensors)
    metadata["header"] = json.dumps(header)
    metadata["checksum"] = _checksum(metadata["header"], tensors)
    save_file(tensors, path, metadata)
    return path


def test_every_tensor_is_checked_for_shape_type_and_finiteness(fitted):
    def restore(name, *value):
        state = State(fitted.state())
        del state[name]
        state.update((name, tensor) for tensor in value)
        make(method_of(type(fitted))).set_state(state, ENCODER.level_shapes)

    for name, tensor in fitted.state().items():
        restore(name, tensor)
        with pytest.raises(InputError, match=name.split(".")[-1]):
            restore(name, torch.stack([tensor, tensor]))
        with pytest.raises(InputError, match=name.split(".")[-1]):
            restore(name, tensor.to(torch.float16))
        if tensor.dtype.is_floating_point:
            with pytest.raises(InputError, match="not finite"):
                restore(name, tensor * float("nan"))
        if not name.endswith("calibration_scores"):
            with pytest.raises(InputError, match="missing"):
                restore(name)


@pytest.mark.parametrize(
    "change",
    [
        {"method": "nonsense"},
        {"version": 0},
        {"parameters": {"image_size": 32 * 4000}},
        {"parameters": {"backbone": 5}},
        {"parameters": {"weights": "/etc/passwd"}},
        {"parameters": {"nonsense": 1}},
        {"weights_hash": "0"},
        {"more": 1},
    ],
)
def test_a_header_that_the_tensors_do_not_bear_out_is_refused(saved, tmp_path, change):
    def apply(header, tensors):
        for key, value in change.items():
            header[key] = header[key] | value if isinstance(value, dict) else value

    with pytest.raises(InputError, match=r"forged\.bgad"):
        bgad.load(forge(saved, tmp_path / "forged.bgad", apply))


def test_a_tensor_too_many_is_refused(saved, tmp_path):
    def add(header, tensors):
        tensors["9.more"] = torch.zeros(3)

    with pytest.raises(InputError, match="belongs to nothing"):
        bgad.load(forge(saved, tmp_path / "forged.bgad", add))


def test_another_methods_file_is_refused_by_a_class(saved, fitted):
    others = [resolve(method) for method in ALL if not isinstance(fitted, resolve(method))]
    for other in others:
        with pytest.raises(InputError, match=f"not a {other.__name__}"):
            other.load(saved)


# Bad input


@pytest.mark.parametrize("method", ALL)
@pytest.mark.parametrize(
    ("data", "message"),
    [
        ((NORMAL, None, MASKS), "come together"),
        ((NORMAL, ANOMALOUS, MASKS[:1]), "2 anomalous images but 1 masks"),
        ((NORMAL, ANOMALOUS, np.zeros_like(MASKS)), "marks no pixel"),
        ((NORMAL, [], []), "at least one"),
        (([], ANOMALOUS, MASKS), "at least one"),
        ((NORMAL / 2, ANOMALOUS, MASKS), "float64 but not all values"),
        (([Path("nowhere.png")], ANOMALOUS, MASKS), "nowhere.png"),
    ],
)
def test_unusable_data_are_refused(method, data, message):
    with pytest.raises(InputError, match=message):
        make(method).fit(*data)


@pytest.mark.parametrize("method", ALL)
def test_what_a_method_needs_is_asked_for(method):
    detector = make(method)
    if detector.min_shots:
        with pytest.raises(InputError, match="learns from known anomalies"):
            detector.fit(NORMAL)
    if detector.needs_masks:
        with pytest.raises(InputError, match="come together"):
            detector.fit(NORMAL, ANOMALOUS)
    else:
        assert detector.fit(NORMAL, ANOMALOUS).score_samples(TEST).argmax() == 0


def test_features_that_are_not_finite_are_refused(fitted):
    images = encode(ENCODER, NORMAL)
    for level in images.levels:
        level[1, 2, 3] = np.nan
    with pytest.raises(InputError, match="image 1 are not finite"):
        make(method_of(type(fitted))).fit(images, ANOMALOUS, MASKS)
    with pytest.raises(InputError, match="image 1 has no finite scores"):
        fitted.maps_and_scores(images)


@pytest.mark.parametrize("method", ALL)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stesp": 1}, "knows no parameter stesp"),
        ({"seed": -1}, "seed"),
        ({"image_size": "64"}, "image_size"),
        ({"image_size": 100}, "image_size"),
        ({"backbone": ["a"]}, "backbone"),
        ({"seed": True}, "seed"),
    ],
)
def test_impossible_parameters_are_refused_by_name(method, change, message):
    with pytest.raises(InputError, match=message):
        resolve(method)(**change)


@pytest.mark.parametrize("method", ALL)
def test_use_before_fit_is_refused(method, tmp_path):
    for use in ("anomaly_maps", "score_samples", "maps_and_scores"):
        with pytest.raises(InputError, match="call fit or load first"):
            getattr(make(method), use)(TEST)
    with pytest.raises(InputError, match="call fit or load first"):
        make(method).save(tmp_path / "model.bgad")


def test_features_of_another_size_are_refused(fitted):
    other = encode(Backbone(BACKBONE, 32), TEST[:, ::2, ::2])
    with pytest.raises(InputError, match="expected features of shape"):
        fitted.anomaly_maps(other)
    with pytest.raises(InputError, match="at least one"):
        fitted.anomaly_maps(encode(ENCODER, TEST)[[]])


@pytest.mark.parametrize("method", ALL)
def test_images_need_not_be_square(method, tmp_path):
    shape = SIZE, 2 * SIZE
    normal, known, masks, tested = (
        np.concatenate([x, x], axis=2) for x in (NORMAL, ANOMALOUS, MASKS, TEST)
    )
    detector = resolve(method)(backbone=BACKBONE, image_size=list(shape), **SMALL[method])
    detector.encoder = Backbone(BACKBONE, shape)
    maps = detector.fit(normal, known, masks).anomaly_maps(tested)
    assert maps.shape == (len(TEST), *shape)
    assert maps[0, 16:40, 20:44].mean() > maps[0].mean()
    detector.save(tmp_path / "model")
    assert np.array_equal(bgad.load(tmp_path / "model").anomaly_maps(tested), maps)


@pytest.mark.parametrize("method", ALL)
def test_what_a_method_declares_of_its_training_is_there(method):
    kind = resolve(method)
    options = inspect.signature(kind._fit).parameters
    assert kind.is_resumed == ("state" in options)
    assert kind.has_likelihoods == ("after_epoch" in options) == hasattr(kind, "set_maxima")
