"""PatchCore: distance to the nearest of a few stored patch features of normal images."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from benchmark.peers.peer import Peer, parameter
from bgad.anomaly_map import upsample
from bgad.features import EncodedImages
from bgad.memory import greedy_coreset, nearest_distances
from bgad.neighbourhood import neighbourhoods

__all__ = ["PatchCore", "reweighted"]


@dataclass(kw_only=True, eq=False)
class PatchCore(Peer):
    """A memory of normal patch features (Roth et al., CVPR 2022, arXiv 2106.08265).

    Patch features are averages over 3x3 cells of strides 8 and 16, joined at stride 8; the memory
    is their greedy k-center coreset; a cell's score is the distance to its nearest neighbour there,
    an image's that of its farthest cell, re-weighted (the paper's equation 7). Known anomalies are
    not used.

    Parameters
    ----------
    coreset : float
        Share of the patch features that the memory keeps; 0.01 is one of the paper's three.
    neighbours : int
        Of a memory entry, by which an image's score is re-weighted (anomalib's default).
    sigma : float
        Of the blur, in pixels (the paper's).
    **common
        See `benchmark.peers.peer.Peer`.

    Notes
    -----
    Deviations: the backbone, which is BGAD's instead of a WideResNet-50 (whose weights need a hub:
    give ``backbone: wide_resnet50_2``); 256 px without crop. The coreset is exact where the paper's
    looks at random projections, and the first entry is drawn at random.
    """

    coreset: float = parameter(0.01, "more than 0, at most 1", lambda value: 0 < value <= 1)
    neighbours: int = parameter(9, "at least 1", lambda value: value >= 1)
    sigma: float = parameter(4.0, "at least 0", lambda value: value >= 0)

    def fit(
        self,
        normal: EncodedImages,
        anomalous: EncodedImages | None = None,
        masks: np.ndarray | None = None,
    ) -> "PatchCore":
        """Choose the memory among the normal images' patch features."""
        patches = torch.cat([x.flatten(0, 2) for x in neighbourhoods(normal)])
        patches = patches.to(self.device)
        size = max(1, int(self.coreset * len(patches)))
        first = int(np.random.default_rng(self.seed).integers(len(patches)))
        chosen = greedy_coreset(patches, size, first)
        self.memory_ = patches[chosen]
        # What a normal image scores that is not in the memory itself.
        owners = chosen // (len(patches) // len(normal))
        maps = upsample(self._distances(normal, owners), self.image_size, self.sigma)
        self.set_boundary(maps)
        return self

    def anomaly_maps(self, images: EncodedImages) -> np.ndarray:
        """Distances to the nearest neighbour, blurred, shape (N, image_size, image_size)."""
        return upsample(self._distances(images), self.image_size, self.sigma)

    def maps_and_scores(self, images: EncodedImages) -> tuple[np.ndarray, np.ndarray]:
        """Anomaly maps, and the re-weighted distance of each image's farthest cell."""
        scores = [reweighted(x, self.memory_, self.neighbours) for x in self._cells(images)]
        return self.anomaly_maps(images), np.array(scores, np.float32)

    def _cells(self, images: EncodedImages):
        for batch in neighbourhoods(images):
            yield from batch.flatten(1, 2).to(self.device)

    def _distances(self, images: EncodedImages, owners: Tensor | None = None) -> np.ndarray:
        """Nearest-neighbour distances of cells; with `owners`, not to an image's own entries."""
        _, height, width, _ = images.levels[1].shape
        distances = np.empty((len(images), height, width), np.float32)
        for index, cells in enumerate(self._cells(images)):
            memory = self.memory_ if owners is None else self.memory_[owners != index]
            nearest = nearest_distances(cells, memory)
            distances[index] = nearest.view(height, width).cpu().numpy()
        return distances


def reweighted(cells: Tensor, memory: Tensor, neighbours: int) -> float:
    """Score of an image (the paper's equation 7).

    Parameters
    ----------
    cells : Tensor, shape (cells, C)
    memory : Tensor, shape (entries, C)
    neighbours : int
        b of the paper.

    Returns
    -------
    float
        Distance of the cell that is farthest from the memory, times one less the softmax over the
        distances from it to the `neighbours` entries around its nearest entry, at that entry: low
        if all are as far as that one, high if that one is in a place where few are.
    """
    distances, entries = torch.cdist(cells, memory).min(1)
    worst = distances.argmax()
    entry = memory[entries[worst]]
    near = (memory - entry).norm(dim=1).topk(min(neighbours, len(memory)), largest=False).indices
    near = (memory[near] - cells[worst]).norm(dim=1)
    # The entry is its own nearest neighbour, so it is among them.
    weight = 1 - torch.exp(distances[worst] - near.logsumexp(0))
    return float(distances[worst] * weight)
