"""Speed against what one would use otherwise, both measured in the same run.

``python -m benchmark speed`` prints the table and writes ``results/published/speed.json``.
"""

import math
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from benchmark.measure.load import measure_load
from benchmark.results.provenance import begin, stamp
from benchmark.results.store import write_json
from benchmark.show import markdown
from benchmark.show.tables import speed as table
from bgad.anomaly_map import anomaly_maps
from bgad.backbone import Backbone
from bgad.data.images import read_image
from bgad.data.synthetic import generate
from bgad.errors import InputError
from bgad.flow import ConditionalFlow
from bgad.metrics import image_metrics, pixel_curve, pixel_metrics
from bgad.position import position_encoding

__all__ = [
    "Comparison",
    "compare_metrics",
    "compare_scoring",
    "compare_training",
    "comparisons",
    "encoding_rate",
    "freia_twin",
    "measure",
    "measure_speed",
    "sorted_aupro",
]

LEVELS = ((64, 24), (32, 40), (16, 112))
"""Side in cells and channels of tf_efficientnet_lite0's levels for images of 256 px."""


@dataclass(frozen=True)
class Comparison:
    """Two ways to the same numbers.

    Attributes
    ----------
    task, peer
        What is computed, and what one would use otherwise.
    ours, theirs
        Each computes and returns the numbers.
    """

    task: str
    peer: str
    ours: Callable[[], np.ndarray]
    theirs: Callable[[], np.ndarray]


def comparisons() -> Iterator[tuple[Comparison, int]]:
    """All comparisons at full size, made one at a time, each with its number of repetitions."""
    for side, channels in LEVELS:
        yield compare_training(side, channels), 31
    yield compare_scoring(chunk=32 * LEVELS[0][0] ** 2, peer="FrEIA, 32 images at once"), 5
    yield compare_scoring(chunk=4096, peer="FrEIA, 4096 vectors at once"), 5
    yield compare_metrics(), 5


def compare_training(
    side: int, channels: int, images: int = 32, positions: int = 128, device: str = "cpu"
) -> Comparison:
    """A step of training a flow: forward, maximum-likelihood loss, backward and Adam.

    Parameters
    ----------
    side, channels : int
        Of the feature map.
    images, positions : int
        A batch has `images` vectors at each of `positions` random positions.
    device : str
        Torch device.
    """
    generator = torch.Generator().manual_seed(0)
    flow = ConditionalFlow(channels, generator=generator)
    twin = freia_twin(flow).to(device)
    flow.to(device)
    x = torch.randn(images, positions, channels, generator=generator).to(device)
    chosen = torch.randperm(side**2, generator=generator)[:positions]
    condition = position_encoding(side, side)[chosen].to(device)
    vectors, conditions = x.flatten(0, 1), condition.repeat(images, 1)
    ours = torch.optim.Adam(flow.parameters(), lr=2e-4, fused=True)
    trainable = [parameter for parameter in twin.parameters() if parameter.requires_grad]
    theirs = torch.optim.Adam(trainable, lr=2e-4, fused=True)

    def step(optimizer: torch.optim.Optimizer, likelihood: Callable[[], Tensor]) -> np.ndarray:
        loss = -logsigmoid(likelihood()).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach().cpu().numpy()

    return Comparison(
        f"training step, {images * positions} vectors of {channels} channels",
        "FrEIA",
        lambda: step(ours, lambda: flow.log_likelihood(x, condition)),
        lambda: step(theirs, lambda: _twin_likelihood(twin, vectors, conditions)),
    )


def compare_scoring(
    images: int = 80,
    levels: Sequence[tuple[int, int]] = LEVELS,
    chunk: int = 4096,
    peer: str = "FrEIA",
    size: int = 256,
) -> Comparison:
    """Anomaly maps of a test set from its features.

    Parameters
    ----------
    images : int
        In the test set.
    levels : sequence of (int, int)
        Side and channels of each level's feature map.
    chunk : int
        FrEIA gets so many vectors at a time. The official code gives it a batch of 32 images;
        fewer at a time are faster.
    peer : str
        How to call that.
    size : int
        Side of the maps in pixels.
    """
    generator = torch.Generator().manual_seed(0)
    flows = [ConditionalFlow(channels, generator=generator) for _, channels in levels]
    twins = [freia_twin(flow) for flow in flows]
    features = [torch.randn(images, side**2, c, generator=generator) for side, c in levels]
    conditions = [position_encoding(side, side) for side, _ in levels]

    def ours(level: int) -> Tensor:
        return flows[level].log_likelihood(features[level], conditions[level])

    def theirs(level: int) -> Tensor:
        batch = max(1, chunk // len(conditions[level]))
        parts = [
            _twin_likelihood(
                twins[level], part.flatten(0, 1), conditions[level].repeat(len(part), 1)
            )
            for part in features[level].split(batch)
        ]
        return torch.cat(parts)

    @torch.inference_mode()
    def maps(likelihood: Callable[[int], Tensor]) -> np.ndarray:
        likelihoods = [
            likelihood(level).view(images, side, side).numpy()
            for level, (side, _) in enumerate(levels)
        ]
        return anomaly_maps(likelihoods, [float(values.max()) for values in likelihoods], size)

    task = f"scoring {images} images, {len(levels)} levels, maps of {size} px"
    return Comparison(task, peer, lambda: maps(ours), lambda: maps(theirs))


def compare_metrics(images: int = 80, size: int = 256) -> Comparison:
    """All seven metrics of a test set; the peer computes those five that do not need more.

    Parameters
    ----------
    images, size : int
        Number and side of the maps; three of four images are anomalous.

    Raises
    ------
    InputError
        scikit-learn is not installed.
    """
    with _needed("scikit-learn"):
        from sklearn.metrics import precision_recall_curve, roc_auc_score
    rng = np.random.default_rng(0)
    maps = rng.normal(size=(images, size, size)).astype(np.float32)
    masks = np.zeros(maps.shape, bool)
    for image in range(images // 4, images):
        for _ in range(2):
            row, column = rng.integers(0, size - size // 8, 2)
            masks[image, row : row + size // 8, column : column + size // 8] = True
    maps[masks] += 2
    labels, scores = masks.any((1, 2)), maps.max((1, 2))
    boundary = float(np.quantile(maps[~masks], 0.99))

    def ours() -> np.ndarray:
        pixel = pixel_metrics(pixel_curve(maps, masks, [boundary]), boundary)
        all_seven = pixel | image_metrics(scores, labels)
        names = ("image_auroc", "pixel_auroc", "pixel_ap", "pixel_f1_max", "aupro_30")
        return np.array([all_seven[name] for name in names])

    def theirs() -> np.ndarray:
        flat_maps, flat_masks = maps.ravel(), masks.ravel()
        precision, recall, _ = precision_recall_curve(flat_masks, flat_maps)
        both = precision + recall
        f1 = 2 * precision * recall / np.where(both == 0, 1, both)
        return np.array(
            [
                roc_auc_score(labels, scores),
                roc_auc_score(flat_masks, flat_maps),
                -np.diff(recall) @ precision[:-1],
                f1.max(),
                sorted_aupro(maps, masks),
            ]
        )

    task = f"seven metrics, {maps.size / 1e6:.1f} million pixels"
    return Comparison(task, "scikit-learn and a sorted PRO curve", ours, theirs)


def encoding_rate(
    files: Sequence[Path], name: str = "tf_efficientnet_lite0", size: int = 256, batch: int = 16
) -> float:
    """Images decoded and encoded per second of processor time, by one thread.

    Parameters
    ----------
    files : sequence of Path
        Images.
    name : str
        Backbone.
    size, batch : int
        Side of the images in pixels, and how many are encoded at once.
    """
    backbone = Backbone(name, size)

    def encode(some: Sequence[Path]) -> None:
        backbone(np.stack([read_image(file, size) for file in some]))

    encode(files[:batch])
    start = time.process_time()
    for first in range(0, len(files), batch):
        encode(files[first : first + batch])
    return len(files) / (time.process_time() - start)


def measure(comparison: Comparison, repetitions: int) -> dict[str, Any]:
    """Time both sides in turn.

    Parameters
    ----------
    comparison : Comparison
    repetitions : int
        Of each side, after one that is not counted.

    Returns
    -------
    dict
        task, peer, repetitions; ours_s, theirs_s (medians of processor seconds: what else runs on
        the machine disturbs these least), ratio; difference (the largest of any repetition,
        relative to the largest number).
    """
    times: dict[str, list[float]] = {"ours": [], "theirs": []}
    difference = 0.0
    for _ in range(repetitions + 1):
        numbers = {}
        for side, spent in times.items():
            start = time.process_time()
            numbers[side] = getattr(comparison, side)()
            spent.append(time.process_time() - start)
        largest = np.abs(numbers["theirs"]).max()
        difference = max(difference, np.abs(numbers["ours"] - numbers["theirs"]).max() / largest)
    ours, theirs = (statistics.median(spent[1:]) for spent in times.values())
    return {
        "task": comparison.task,
        "peer": comparison.peer,
        "repetitions": repetitions,
        "ours_s": ours,
        "theirs_s": theirs,
        "ratio": theirs / ours,
        "difference": float(difference),
    }


def measure_speed(output: Path) -> str:
    """Measure all, write the figures down and return their table.

    Raises
    ------
    InputError
        If a peer is not installed.
    """
    started = begin()
    torch.set_num_threads(1)
    measured = []
    for comparison, repetitions in comparisons():
        measured.append(measure(comparison, repetitions))
        print(f"{measured[-1]['task']}: {measured[-1]['ratio']:.2f}", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        files = sorted(generate(Path(folder), ["bottle"]).glob("bottle/*/*/*.png"))
        rate = encoding_rate(files)
    with tempfile.TemporaryDirectory() as folder:
        load = measure_load(Path(folder))
    speed = {
        "comparisons": measured,
        "encoding": {"backbone": "tf_efficientnet_lite0", "size": 256, "images_per_s": rate},
        "load": load,
        "provenance": stamp(started).model_dump(mode="json"),
    }
    write_json(output, speed)
    return markdown.blocks(table.section(speed))


def freia_twin(flow: ConditionalFlow) -> nn.Module:
    """Build the flow of the official BGAD code from FrEIA, with the parameters of `flow`.

    Parameters
    ----------
    flow : ConditionalFlow
        The flow to copy.

    Returns
    -------
    FrEIA.framework.SequenceINN
        Called with vectors (N, C) and a list of one condition (N, D).

    Raises
    ------
    InputError
        FrEIA is not installed.
    """
    with _needed("FrEIA"):
        from FrEIA.framework import SequenceINN
        from FrEIA.modules import AllInOneBlock

    def subnet(inputs: int, outputs: int) -> nn.Module:
        return nn.Sequential(
            nn.Linear(inputs, 2 * inputs), nn.ReLU(), nn.Linear(2 * inputs, outputs)
        )

    twin = SequenceINN(flow.channels)
    for block, rotation in enumerate(flow.rotation):
        twin.append(
            AllInOneBlock,
            cond=0,
            cond_shape=(flow.condition_dim,),
            subnet_constructor=subnet,
            affine_clamping=1.9,
            global_affine_type="SOFTPLUS",
            permute_soft=True,
        )
        module = twin[block]
        first, _, second = module.subnet
        with torch.no_grad():
            first.weight.copy_(torch.cat([flow.x_weight[block], flow.condition_weight[block]], 1))
            first.bias.copy_(flow.hidden_bias[block])
            second.weight.copy_(flow.out_weight[block])
            second.bias.copy_(flow.out_bias[block])
            module.global_scale.copy_(flow.global_scale[block])
            module.global_offset.copy_(flow.global_offset[block])
            module.w_perm.copy_(rotation)
            module.w_perm_inv.copy_(rotation.T)
    return twin


def sorted_aupro(maps: np.ndarray, masks: np.ndarray, limit: float = 0.3) -> float:
    """Area under the per-region-overlap curve the usual way, with all pixels sorted.

    Parameters
    ----------
    maps, masks : ndarray, shape (N, H, W)
    limit : float
        Greatest false-positive rate.
    """
    weights, regions = np.zeros(maps.shape), 0
    for image, mask in enumerate(masks):
        labelled, count = ndimage.label(mask, np.ones((3, 3)))
        areas = np.bincount(labelled.ravel())
        weights[image] = np.where(labelled > 0, 1 / areas[labelled], 0)
        regions += count
    order = np.argsort(maps, axis=None)[::-1]
    scores = maps.ravel()[order]
    last_of_ties = np.append(scores[1:] != scores[:-1], True)
    false_positives = np.cumsum(~masks.ravel()[order])[last_of_ties] / (~masks).sum()
    overlap = np.cumsum(weights.ravel()[order])[last_of_ties] / regions
    x, y = np.append(0, false_positives), np.append(0, overlap)
    inside = np.searchsorted(x, limit, side="right")
    y = np.append(y[:inside], np.interp(limit, x, y))
    x = np.append(x[:inside], limit)
    return float(np.diff(x) @ (y[1:] + y[:-1]) / 2 / limit)


@contextmanager
def _needed(package: str) -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise InputError(f"this comparison needs {package}: pip install {package}") from error


def _twin_likelihood(twin: nn.Module, vectors: Tensor, conditions: Tensor) -> Tensor:
    z, log_det = twin(vectors, [conditions])
    channels = z.shape[1]
    log_normal = -channels / 2 * math.log(2 * math.pi) - 0.5 * z.square().sum(1)
    return (log_normal + log_det) / channels
