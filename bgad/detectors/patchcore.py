"""PatchCore: distance to the nearest of a few stored patch features of normal images."""

from collections.abc import Iterable, Sequence
from itertools import repeat

import numpy as np
import torch
from torch import Tensor

from bgad.anomaly_map import upsample
from bgad.detectors.base import Detector
from bgad.detectors.file import State
from bgad.features import EncodedImages
from bgad.memory import greedy_coreset, nearest_entries
from bgad.neighbourhood import neighbourhoods
from bgad.parameters import Count, Part, Proportion, Weight, parameters

__all__ = ["PatchCore", "reweighted"]


@parameters
class PatchCore(Detector):
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
    false_positives : float
        Share of the training normals' pixels beyond `boundary_threshold_`.
    **common
        See `bgad.detectors.base.Detector`.

    Notes
    -----
    Deviations: the backbone, which is BGAD's instead of a WideResNet-50 (whose weights need a hub:
    give ``backbone: wide_resnet50_2``); 256 px without crop. The coreset is exact where the paper's
    looks at random projections, and the first entry is drawn at random.
    """

    coreset: Part = 0.01
    neighbours: Count = 9
    sigma: Weight = 4.0
    false_positives: Proportion = 0.01

    def _fit(
        self,
        normal: EncodedImages,
        anomalous: EncodedImages | None,
        masks: np.ndarray | None,
    ) -> None:
        patches = torch.cat([x.flatten(0, 2) for x in neighbourhoods(normal)])
        patches = patches.to(self.device)
        size = max(1, int(self.coreset * len(patches)))
        first = int(np.random.default_rng(self.seed).integers(len(patches)))
        chosen = greedy_coreset(patches, size, first)
        self.memory_ = patches[chosen]
        self._owners = chosen // (len(patches) // len(normal))
        maps, self.calibration_scores_ = self.left_out(normal, range(len(normal)))
        self.boundary_threshold_ = float(np.quantile(maps, 1 - self.false_positives))

    def left_out(self, normal: EncodedImages, rows: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Score training normals without their own entries in the memory."""
        others = (self._owners != row for row in rows)
        memories = (self.memory_[kept] if kept.any() else self.memory_ for kept in others)
        return self._score(normal[rows], memories)

    def _maps_and_scores(self, images: EncodedImages) -> tuple[np.ndarray, np.ndarray]:
        return self._score(images, repeat(self.memory_))

    def _score(
        self, images: EncodedImages, memories: Iterable[Tensor]
    ) -> tuple[np.ndarray, np.ndarray]:
        distances = np.empty(images.levels[1].shape[:3], np.float32)
        scores = np.empty(len(images), np.float32)
        cells = (image for batch in neighbourhoods(images) for image in batch.flatten(1, 2))
        for i, (x, memory) in enumerate(zip(cells, memories, strict=False)):
            x = x.to(self.device)
            nearest, entries = nearest_entries(x, memory)
            distances[i] = nearest.view(distances.shape[1:]).cpu().numpy()
            worst = nearest.argmax()
            scores[i] = reweighted(x[worst], memory, entries[worst], self.neighbours)
        return upsample(distances, self.image_size, self.sigma), scores

    def _state(self) -> dict[str, Tensor]:
        return {"memory": self.memory_}

    def _restore(self, state: State) -> None:
        channels = sum(level[-1] for level in self._levels[1:3])
        self.memory_ = state.take("memory", None, channels).to(self.device)


def reweighted(cell: Tensor, memory: Tensor, entry: Tensor, neighbours: int) -> float:
    """Score of an image (the paper's equation 7).

    Parameters
    ----------
    cell : Tensor, shape (C,)
        That which is farthest from the memory.
    memory : Tensor, shape (entries, C)
    entry : Tensor of int
        Index of its nearest entry.
    neighbours : int
        b of the paper.

    Returns
    -------
    float
        Its distance times one less the softmax over the distances from it to the `neighbours`
        entries around its nearest one, at that one: low if all are as far as that one, high if that
        one is in a place where few are.
    """
    around = (memory - memory[entry]).norm(dim=1)
    near = around.topk(min(neighbours, len(memory)), largest=False).indices
    near = (memory[near] - cell).norm(dim=1)
    distance = (memory[entry] - cell).norm()
    # The entry is its own nearest neighbour, so it is among them.
    return float(distance * (1 - torch.exp(distance - near.logsumexp(0))))
