"""PaDiM: a Gaussian of normal features at each position."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from benchmark.peers.peer import Peer
from bgad.anomaly_map import upsample
from bgad.features import EncodedImages
from bgad.neighbourhood import neighbourhoods

__all__ = ["PaDiM"]


@dataclass(kw_only=True, eq=False)
class PaDiM(Peer):
    """Position-wise Gaussians (Defard et al., ICPR 2020 workshops, arXiv 2011.08785).

    Features of strides 4, 8 and 16 are joined at stride 4; a random choice of channels is modelled
    at each position by the mean and regularised covariance of the training normals; a cell's score
    is its Mahalanobis distance. Known anomalies are not used.

    Parameters
    ----------
    channels : int
        How many of the joined channels are kept (the paper's 100 for a ResNet-18); all if fewer.
    regularisation : float
        Added to the covariance's diagonal (the paper's 0.01).
    sigma : float
        Of the blur, in pixels (the paper's 4).
    **common
        See `benchmark.peers.peer.Peer`.

    Notes
    -----
    Deviations: the backbone, which is BGAD's; cells of stride 4 in pairs (means over 2 x 2 cells of
    the finest level, grid of stride 8), for memory's sake.
    """

    channels: int = 100
    regularisation: float = 0.01
    sigma: float = 4.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check("channels", self.channels >= 1, "at least 1")
        self.check("regularisation", self.regularisation > 0, "above 0")
        self.check("sigma", self.sigma >= 0, "at least 0")

    def fit(
        self,
        normal: EncodedImages,
        anomalous: EncodedImages | None = None,
        masks: np.ndarray | None = None,
    ) -> "PaDiM":
        """Estimate each position's Gaussian from the normal images."""
        total = sum(level.shape[-1] for level in normal.levels)
        rng = np.random.default_rng(self.seed)
        kept = np.sort(rng.choice(total, min(self.channels, total), replace=False))
        self.kept_ = torch.from_numpy(kept)
        x = torch.cat(list(self._features(normal)))
        self.mean_ = x.mean(0)
        x -= self.mean_
        covariance = torch.einsum("npc,npd->pcd", x, x) / max(1, len(x) - 1)
        covariance += self.regularisation * torch.eye(covariance.shape[-1])
        self.whitening_ = torch.linalg.inv(torch.linalg.cholesky(covariance))
        maps = self.anomaly_maps(normal)
        self.boundary_threshold_ = float(np.quantile(maps, 1 - self.false_positives))
        return self

    def anomaly_maps(self, images: EncodedImages) -> np.ndarray:
        """Mahalanobis distances, blurred, shape (N, image_size, image_size)."""
        _, height, width, _ = images.levels[1].shape
        distances = [
            torch.einsum("pcd,npd->npc", self.whitening_, x - self.mean_).norm(dim=-1)
            for x in self._features(images)
        ]
        cells = torch.cat(distances).unflatten(1, (height, width))
        return upsample(cells, self.image_size, self.sigma)

    def _features(self, images: EncodedImages) -> Iterator[Tensor]:
        """The kept channels, some images after the others, shape (n, positions, channels)."""
        finest = neighbourhoods(images, slice(0, 1), side=1)
        coarser = neighbourhoods(images, slice(1, 3), side=1)
        for fine, coarse in zip(finest, coarser, strict=True):
            n, height, width, _ = coarse.shape
            pairs = fine.reshape(n, height, 2, width, 2, -1).mean((2, 4))
            yield torch.cat([pairs, coarse], -1)[..., self.kept_].flatten(1, 2)
