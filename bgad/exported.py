"""A fitted detector as one torch module of plain operations, from images to scores, for export."""

import copy
import math
from functools import reduce

import torch
from einops import rearrange
from scipy.ndimage import gaussian_filter1d
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, relu

from bgad.coupling import CLAMP, DAMPING
from bgad.data.images import Size, as_shape
from bgad.density import LevelDensity
from bgad.detectors import METHODS, resolve
from bgad.detectors.base import Detector
from bgad.detectors.bgad import Flows
from bgad.detectors.patchcore import PatchCore
from bgad.detectors.plus import WEIGHTS, Plus
from bgad.detectors.segmentation_head import SegmentationHead
from bgad.errors import InputError

__all__ = ["Exported", "is_exportable"]


def is_exportable(detector: Detector) -> bool:
    """Whether a detector has an exported form."""
    return isinstance(detector, tuple(_FORMS))


class Exported(nn.Module):
    """Image scores and anomaly maps of a detector.

    What the detectors do in operations written for speed is done here in those that exchange
    formats have; a test holds the two against each other.

    Parameters
    ----------
    detector : Flows, PatchCore, SegmentationHead or Plus
        Fitted, on the CPU.

    Raises
    ------
    InputError
        Another method.
    """

    def __init__(self, detector: Detector) -> None:
        super().__init__()
        if not is_exportable(detector):
            can = ", ".join(n for n in METHODS if issubclass(resolve(n), tuple(_FORMS)))
            raise InputError(f"{type(detector).__name__} can't be exported: of methods {can} can")
        encoder = detector.encoder
        self.network = copy.deepcopy(encoder.network).cpu()
        self.register_buffer("scale", encoder.scale.cpu())
        self.register_buffer("shift", encoder.shift.cpu())
        self.form = _form(detector)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Score images of uint8, (N, H, W, 3), RGB, of the detector's size.

        Returns
        -------
        scores : Tensor, shape (N,)
        maps : Tensor, shape (N, H, W)
        """
        x = images.permute(0, 3, 1, 2).float() * self.scale + self.shift
        return self.form(self.network(x))


class _Flows(nn.Module):
    """Log-likelihoods of the levels, joined as by `bgad.anomaly_map.anomaly_maps`."""

    def __init__(self, detector: Flows) -> None:
        super().__init__()
        self.levels = nn.ModuleList(map(_Level, detector.densities_))
        self.maxima = detector.maxima_
        self.rows, self.columns = (
            nn.ModuleList(_LogInterpolation(getattr(d, side), size) for d in detector.densities_)
            for side, size in zip(("height", "width"), as_shape(detector.image_size), strict=True)
        )

    def forward(self, features: list[Tensor]) -> tuple[Tensor, Tensor]:
        parts = zip(self.levels, features, self.maxima, self.rows, self.columns, strict=True)
        total = reduce(
            _log_add,
            (
                rows(columns((level(x) - maximum).clamp(max=0)).transpose(1, 2)).transpose(1, 2)
                for level, x, maximum, rows, columns in parts
            ),
        )
        maps = math.log(len(self.maxima)) - total
        return maps.amax((1, 2)), maps


class _Level(nn.Module):
    """`bgad.flow.ConditionalFlow` behind its standardisation, block by block as in its Notes."""

    def __init__(self, density: LevelDensity) -> None:
        super().__init__()
        flow, layer = density.flow, density.standardisation
        with torch.no_grad():
            scale = flow.scale()
            constant = layer.log_det + scale.log().sum() / flow.channels
            tensors = {
                "mean": layer.mean,
                "matrix": layer.matrix,
                "constant": constant - 0.5 * math.log(2 * math.pi),
                "condition": flow.project(density.condition).mT,
                "inner": flow.x_weight.mT,
                "outer": DAMPING * flow.out_weight.mT,
                "bias": DAMPING * flow.out_bias,
                # The last rotation changes neither norm nor volume, but costs next to nothing.
                "mixing": scale.unsqueeze(2) * flow.rotation.mT,
                "offset": (flow.rotation @ flow.global_offset.unsqueeze(2)).squeeze(2),
            }
        for name, tensor in tensors.items():
            self.register_buffer(name, tensor.detach().cpu().clone())
        self.blocks, self.channels = len(flow.rotation), flow.channels
        self.passive, self.height = flow.x_weight.shape[2], density.height

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(2).permute(2, 0, 1)  # positions, images, channels
        x = torch.bmm(x - self.mean.unsqueeze(1), self.matrix)
        log_det = 0
        for i in range(self.blocks):
            x1, x2 = x[..., : self.passive], x[..., self.passive :]
            hidden = relu(x1 @ self.inner[i] + self.condition[i].unsqueeze(1))
            s, t = (hidden @ self.outer[i] + self.bias[i]).chunk(2, dim=-1)
            log_scale = CLAMP * s.tanh()
            log_det = log_det + log_scale.sum(-1)
            x = torch.cat([x1, x2 * log_scale.exp() + t], -1) @ self.mixing[i] + self.offset[i]
        likelihood = (log_det - 0.5 * x.square().sum(-1)) / self.channels
        likelihood = (likelihood + self.constant.unsqueeze(1)).transpose(0, 1)
        return rearrange(likelihood, "n (h w) -> n h w", h=self.height)


class _LogInterpolation(nn.Module):
    """Logarithm of the values' linear interpolation along the last axis, corners aligned."""

    def __init__(self, cells: int, size: int) -> None:
        super().__init__()
        place = torch.linspace(0, cells - 1, size, dtype=torch.float64)
        left = place.floor().clamp(max=max(0, cells - 2)).long()
        weight = (place - left).float()
        self.register_buffer("left", left)
        self.register_buffer("right", (left + 1).clamp(max=cells - 1))
        # No infinity: what has no weight is far below all that float32 keeps of a sum.
        self.register_buffer("left_log", (-weight).log1p().clamp(min=-1e30))
        self.register_buffer("right_log", weight.log().clamp(min=-1e30))

    def forward(self, x: Tensor) -> Tensor:
        left = x.index_select(-1, self.left) + self.left_log
        return _log_add(left, x.index_select(-1, self.right) + self.right_log)


def _log_add(a: Tensor, b: Tensor) -> Tensor:
    """As torch's logaddexp, which exporters write without its care for small values."""
    return torch.maximum(a, b) + (-(a - b).abs()).exp().log1p()


class _Memory(nn.Module):
    """Distances to the nearest entry, and the re-weighted score of the farthest cell."""

    def __init__(self, detector: PatchCore) -> None:
        super().__init__()
        self.neighbours = min(detector.neighbours, len(detector.memory_))
        self.cells = _Neighbourhoods(detector)
        self.upsample = _Upsampling(detector.image_size, detector.sigma)
        self.register_buffer("memory", detector.memory_.cpu())

    def forward(self, features: list[Tensor]) -> tuple[Tensor, Tensor]:
        cells = self.cells(features)
        x, memory = cells.flatten(1, 2), self.memory
        squared = memory.square().sum(1) - 2 * (x @ memory.t())
        nearest, entries = squared.min(2)
        distances = (nearest + x.square().sum(2)).clamp(min=0).sqrt()
        worst = distances.argmax(1, keepdim=True)
        cell = x.gather(1, worst.unsqueeze(2).expand(-1, -1, x.shape[2]))
        entry = memory[entries.gather(1, worst).squeeze(1)].unsqueeze(1)
        around = (memory - entry).square().sum(2)
        near = memory[around.topk(self.neighbours, largest=False).indices]
        spread = (near - cell).square().sum(2).sqrt()
        distance = (entry - cell).square().sum(2).sqrt().squeeze(1)
        scores = distance * (1 - (distance - spread.logsumexp(1)).exp())
        return scores, self.upsample(rearrange(distances, "n (h w) -> n h w", h=cells.shape[1]))


class _Heads(nn.Module):
    """Sum of the heads' log-odds."""

    def __init__(self, detector: SegmentationHead) -> None:
        super().__init__()
        self.cells = _Neighbourhoods(detector)
        self.upsample = _Upsampling(detector.image_size, detector.sigma)
        self.register_buffer("mean", detector.standardiser_.mean)
        self.register_buffer("std", detector.standardiser_.std)
        self.heads = nn.ModuleList(copy.deepcopy(detector.heads_))

    def forward(self, features: list[Tensor]) -> tuple[Tensor, Tensor]:
        x = (self.cells(features) - self.mean) / self.std
        maps = self.upsample(reduce(Tensor.add, (head(x) for head in self.heads)).squeeze(3))
        return maps.amax((1, 2)), maps


class _Sum(nn.Module):
    """The members' maps, joined as by `bgad.detectors.plus.Plus`."""

    def __init__(self, detector: Plus) -> None:
        super().__init__()
        self.members = nn.ModuleDict({n: _form(m) for n, m in detector.members_.items()})
        self.scales, self.ensemble = detector.scales_, detector.heads["ensemble"]

    def forward(self, features: list[Tensor]) -> tuple[Tensor, Tensor]:
        parts = {name: member(features)[1] for name, member in self.members.items()}
        if "heads" in parts:
            log_odds = parts["heads"] / self.ensemble
            parts["heads"] = _log_add(torch.zeros_like(log_odds), log_odds)
        terms = (
            (parts[name] - mean) * (WEIGHTS[name] / std)
            for name, (mean, std) in self.scales.items()
        )
        maps = reduce(Tensor.add, terms)
        return maps.amax((1, 2)), maps


class _Neighbourhoods(nn.Module):
    """As `bgad.neighbourhood.neighbourhoods`, of features whose channels come first."""

    def __init__(self, detector: Detector) -> None:
        super().__init__()
        self.shape = detector.encoder.level_shapes[1][:2]

    def forward(self, features: list[Tensor]) -> Tensor:
        fine, coarse = (avg_pool2d(level, 3, 1, 1) for level in features[1:3])
        coarse = interpolate(coarse, size=self.shape, mode="bilinear")
        return torch.cat([fine, coarse], 1).permute(0, 2, 3, 1)


class _Upsampling(nn.Module):
    """As `bgad.anomaly_map.upsample`."""

    def __init__(self, size: Size, sigma: float) -> None:
        super().__init__()
        self.size = as_shape(size)
        for name, side in zip(("rows", "columns"), self.size, strict=True):
            # A blur, its reflecting border included, is a product with a matrix from each side.
            blur = torch.eye(side, dtype=torch.float64).numpy()
            blur = gaussian_filter1d(blur, sigma, axis=0) if sigma else blur
            self.register_buffer(name, torch.from_numpy(blur).float())

    def forward(self, cells: Tensor) -> Tensor:
        maps = interpolate(cells.unsqueeze(1), size=self.size, mode="bilinear").squeeze(1)
        return self.rows @ maps @ self.columns.t()


_FORMS = {Flows: _Flows, PatchCore: _Memory, SegmentationHead: _Heads, Plus: _Sum}


def _form(detector: Detector) -> nn.Module:
    return next(form for kind, form in _FORMS.items() if isinstance(detector, kind))(detector)
