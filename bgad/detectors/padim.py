"""PaDiM: a Gaussian of normal features at each position."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from bgad.anomaly_map import upsample
from bgad.detectors.base import Detector
from bgad.detectors.file import State
from bgad.errors import InputError
from bgad.features import EncodedImages
from bgad.neighbourhood import neighbourhoods
from bgad.parameters import Count, Positive, Proportion, Weight, parameters

__all__ = ["PaDiM"]


@parameters
class PaDiM(Detector):
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
    false_positives : float
        Share of the training normals' pixels beyond `boundary_threshold_`.
    **common
        See `bgad.detectors.base.Detector`.

    Notes
    -----
    Deviations: the backbone, which is BGAD's; coarser levels are upsampled bilinearly, as PatchCore
    does, where the paper's patches repeat them; 256 px without crop.
    """

    channels: Count = 100
    regularisation: Positive = 0.01
    sigma: Weight = 4.0
    false_positives: Proportion = 0.01

    def _fit(
        self,
        normal: EncodedImages,
        anomalous: EncodedImages | None,
        masks: np.ndarray | None,
    ) -> None:
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
        self._normals = n
        maps, self.calibration_scores_ = self.left_out(normal, range(n))
        self.boundary_threshold_ = float(np.quantile(maps, 1 - self.false_positives))

    def left_out(self, normal: EncodedImages, rows: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Score training normals by what the others alone would give.

        With few more images than channels, an image is much nearer to Gaussians that it has part
        in. Sherman and Morrison's formula takes it out of mean and covariance (the latter's divisor
        apart) without estimating them anew.
        """
        n, distances = self._normals, self._distances(normal[rows])
        if n > 1:
            squared = distances.astype(np.float64) ** 2
            share = n / (n - 1) ** 2
            # Less than 1 by the regularisation alone: rounding must not reach it.
            remaining = np.maximum(1 - share * squared, 1e-6)
            distances = n / (n - 1) * np.sqrt(squared / remaining)
        maps = upsample(distances, self.image_size, self.sigma)
        return maps, maps.max(axis=(1, 2))

    def _maps_and_scores(self, images: EncodedImages) -> tuple[np.ndarray, np.ndarray]:
        maps = upsample(self._distances(images), self.image_size, self.sigma)
        return maps, maps.max(axis=(1, 2))

    def _state(self) -> dict[str, Tensor]:
        return {"kept": self.kept_, "mean": self.mean_, "whitening": self.whitening_}

    def _restore(self, state: State) -> None:
        height, width, _ = self._levels[0]
        total = sum(level[-1] for level in self._levels)
        kept, cells = min(self.channels, total), height * width
        self.kept_ = state.take("kept", kept, dtype=torch.int64)
        if not ((self.kept_ >= 0) & (self.kept_ < total)).all():
            raise InputError("tensor kept names channels that are not there")
        self.mean_ = state.take("mean", cells, 1, kept).to(self.device)
        self.whitening_ = state.take("whitening", cells, kept, kept).to(self.device)

    def _distances(self, images: EncodedImages) -> np.ndarray:
        distances = [
            torch.bmm(x - self.mean_, self.whitening_.mT).norm(dim=-1).T.cpu()
            for x in self._features(images)
        ]
        return torch.cat(distances).unflatten(1, images.levels[0].shape[1:3]).numpy()

    def _features(self, images: EncodedImages) -> Iterator[Tensor]:
        """The kept channels, some images after the others, shape (positions, n, channels)."""
        for x in neighbourhoods(images, slice(0, 3), side=1):
            yield x.flatten(1, 2)[..., self.kept_].transpose(0, 1).to(self.device)
