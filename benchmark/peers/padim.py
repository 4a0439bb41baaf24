"""PaDiM: a Gaussian of normal features at each position."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from benchmark.peers.peer import Peer, parameter
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
    Deviations: the backbone, which is BGAD's; coarser levels are upsampled bilinearly, as PatchCore
    does, where the paper's patches repeat them; 256 px without crop.
    """

    channels: int = parameter(100, "at least 1", lambda value: value >= 1)
    regularisation: float = parameter(0.01, "above 0", lambda value: value > 0)
    sigma: float = parameter(4.0, "at least 0", lambda value: value >= 0)

    def fit(
        self,
        normal: EncodedImages,
        anomalous: EncodedImages | None = None,
        masks: np.ndarray | None = None,
    ) -> "PaDiM":
        """Estimate each position's Gaussian from the normal images."""
        total = sum(level.shape[-1] for level in normal.levels)
        rng = np.random.default_rng(self.seed)
        self.kept_ = torch.from_numpy(rng.permutation(total)[: self.channels])
        n = len(normal)
        self.mean_ = sum(x.sum(1) for x in self._features(normal)).unsqueeze(1) / n
        covariance = torch.diag_embed(torch.full_like(self.mean_[:, 0], self.regularisation))
        for x in self._features(normal):
            x = x - self.mean_
            covariance.baddbmm_(x.mT, x, alpha=1 / max(1, n - 1))
        factor = torch.linalg.cholesky(covariance, out=covariance)
        identity = torch.eye(factor.shape[-1], device=factor.device)
        self.whitening_ = torch.linalg.solve_triangular(factor, identity, upper=False)
        self.set_boundary(upsample(self._left_out(normal), self.image_size, self.sigma))
        return self

    def anomaly_maps(self, images: EncodedImages) -> np.ndarray:
        """Mahalanobis distances, blurred, shape (N, image_size, image_size)."""
        return upsample(self._distances(images), self.image_size, self.sigma)

    def _distances(self, images: EncodedImages) -> np.ndarray:
        distances = [
            torch.bmm(x - self.mean_, self.whitening_.mT).norm(dim=-1).T.cpu()
            for x in self._features(images)
        ]
        return torch.cat(distances).unflatten(1, images.levels[0].shape[1:3]).numpy()

    def _left_out(self, normal: EncodedImages) -> np.ndarray:
        """Distances of the training normals, each to what the others alone would give.

        With few more images than channels, an image is much nearer to Gaussians that it has part
        in. Sherman and Morrison's formula takes it out of mean and covariance (the latter's divisor
        apart) without estimating them anew.
        """
        n = len(normal)
        if n < 2:
            return self._distances(normal)
        squared = self._distances(normal).astype(np.float64) ** 2
        share = n / (n - 1) ** 2
        # Less than 1 by the regularisation alone: rounding must not reach it.
        remaining = np.maximum(1 - share * squared, 1e-6)
        return n / (n - 1) * np.sqrt(squared / remaining)

    def _features(self, images: EncodedImages) -> Iterator[Tensor]:
        """The kept channels, some images after the others, shape (positions, n, channels)."""
        for x in neighbourhoods(images, slice(0, 3), side=1):
            yield x.flatten(1, 2)[..., self.kept_].transpose(0, 1).to(self.device)
