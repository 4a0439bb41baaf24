"""BGAD beside a memory of normal features and a supervised head: beyond the paper."""

import math
from inspect import signature
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from bgad.anomaly_map import anomaly_maps, upsample
from bgad.backbone import Backbone
from bgad.errors import InputError
from bgad.features import EncodedImages, encode
from bgad.inputs import as_masks
from bgad.memory import greedy_coreset, nearest_distances
from bgad.model import BGAD
from bgad.neighbourhood import neighbourhoods, sample_rows
from bgad.segmentation import covered_cells, train_head

__all__ = ["BGADPlus"]

_CALIBRATION = 32  # training normals whose maps give each member's mean and std
_HEADS = 2
_PIXEL_WEIGHTS = (4, 1, 1)  # of flows, memory and heads: the flows outline a defect most exactly
_IMAGE_WEIGHTS = (1, 3, 1)  # the memory tells best whether there is one
_NORMALITY_FLOOR = 0.01  # where the logarithm of the flows' normality ends
_MEMORY_IMAGES = 500  # normals at most, evenly spaced, among whose neighbourhoods it is chosen
_SAMPLE = 20000  # normal cells that stand for all in the heads' training


class BGADPlus:
    """Sum of three detectors on the same frozen features.

    `bgad.model.BGAD`, whose flows know every cell's position but see it alone, by the negative
    logarithm of the normality that its maps take from their number of levels; the distance of each
    neighbourhood to the nearest one of a memory of normals (the idea of PatchCore, Roth et al.,
    CVPR 2022, arXiv 2106.08265); and, if there are known anomalies, small segmentation heads
    trained on their masks, each anomaly seen in all eight orientations. Each one's map is
    standardised by its mean and std over pixels of training normals, so that no test image has a
    say in the sum. Pixels and images weigh the three differently.

    Parameters
    ----------
    backbone, image_size, weights, seed, augment_seed, device, n_jobs
        As of `bgad.model.BGAD`.
    coreset : float
        Share of the training normals' neighbourhoods that the memory keeps.
    hidden, head_steps, head_learning_rate
        As of `bgad.segmentation.train_head`.
    **flow
        Further parameters of `bgad.model.BGAD`.
    """

    version: ClassVar[int] = 3
    """Raised whenever the same parameters and images come to give other maps."""

    def __init__(
        self,
        backbone: str = "tf_efficientnet_lite2",
        image_size: int = 256,
        weights: str | Path | None = None,
        coreset: float = 0.01,
        hidden: int = 128,
        head_steps: int = 400,
        head_learning_rate: float = 2e-3,
        seed: int = 0,
        augment_seed: int | None = None,
        device: str = "cpu",
        n_jobs: int = 1,
        **flow: Any,
    ):
        for name, value, least in (("hidden", hidden, 0), ("head_steps", head_steps, 1)):
            if value < least:
                raise InputError(f"{name} must be at least {least}, got {value}")
        if not 0 < coreset <= 1:
            raise InputError(f"coreset must be above 0 and at most 1, got {coreset}")
        if not 0 < head_learning_rate < float("inf"):
            raise InputError(f"head_learning_rate must be above 0, got {head_learning_rate}")
        self.coreset, self.hidden = coreset, hidden
        self.head_steps, self.head_learning_rate = head_steps, head_learning_rate
        self.flow = BGAD(
            backbone,
            image_size,
            weights,
            seed=seed,
            augment_seed=augment_seed,
            device=device,
            n_jobs=n_jobs,
            **flow,
        )

    def get_params(self) -> dict[str, Any]:
        """All keyword arguments it was made with, defaults included."""
        own = set(signature(type(self)).parameters) - {"flow"}
        flow = self.flow.get_params()
        return {name: getattr(self, name) for name in own - set(flow)} | flow

    @property
    def encoder(self) -> Backbone:
        """The frozen backbone."""
        return self.flow.encoder

    @property
    def history_(self) -> list[dict[str, np.ndarray]]:
        """Training curves of the flows."""
        return self.flow.history_

    def fit(self, normal: Any, anomalous: Any = None, masks: Any = None) -> "BGADPlus":
        """Train on normal images and known anomalies, see `bgad.model.BGAD.fit`."""
        normal = self.flow._encode(normal)
        if anomalous is not None:
            anomalous = self.flow._encode(anomalous)
            masks = None if masks is None else as_masks(masks, self.flow.image_size)
        self.flow.fit(normal, anomalous, masks)
        rng = np.random.default_rng(self.flow.seed)
        some = normal[:: math.ceil(len(normal) / _MEMORY_IMAGES)]
        patches = torch.cat([x.flatten(0, 2) for x in neighbourhoods(some)])
        sample = sample_rows(patches, _SAMPLE, rng)
        size = max(1, int(self.coreset * len(patches)))
        self._memory = patches[greedy_coreset(patches, size, int(rng.integers(len(patches))))]
        self._mean, self._std = sample.mean(0), sample.std(0) + 1e-6
        self._heads = []
        if anomalous is not None:
            self._heads = self._train_heads((sample - self._mean) / self._std, anomalous, masks)
        chosen = np.unique(np.linspace(0, len(normal) - 1, _CALIBRATION).round().astype(int))
        members = self._members(normal[chosen])
        self._scales = [(float(maps.mean()), float(maps.std()) + 1e-6) for maps in members]
        beta = self.flow.training.beta
        self.boundary_threshold_ = float(np.quantile(self._join(members, _PIXEL_WEIGHTS), 1 - beta))
        return self

    def anomaly_maps(self, images: Any) -> np.ndarray:
        """Anomaly maps.

        Parameters
        ----------
        images : EncodedImages, or any form of `bgad.inputs.as_images`

        Returns
        -------
        ndarray of float32, shape (N, image_size, image_size)
            Sum of the standardised maps; an image's map does not depend on the others.
        """
        return self.maps_and_scores(images)[0]

    def score_samples(self, images: Any) -> np.ndarray:
        """Image scores, shape (N,): see `maps_and_scores`."""
        return self.maps_and_scores(images)[1]

    def maps_and_scores(self, images: Any) -> tuple[np.ndarray, np.ndarray]:
        """Anomaly maps, and image scores: the maxima of a sum in which the memory weighs more."""
        if not hasattr(self, "_scales"):
            raise InputError("this BGADPlus is not fitted yet: call fit first")
        members = self._members(self.flow._encode(images))
        scores = self._join(members, _IMAGE_WEIGHTS).max(axis=(1, 2))
        return self._join(members, _PIXEL_WEIGHTS), scores

    def _train_heads(
        self, normal: Tensor, anomalous: EncodedImages, masks: np.ndarray
    ) -> list[nn.Module]:
        turned = encode(self.encoder, _orientations(anomalous.images))
        x = torch.cat(list(neighbourhoods(turned)))
        x = (x - self._mean) / self._std
        positive, rest = covered_cells(_orientations(masks), x)
        if not len(positive):
            return []
        normal = torch.cat([normal, rest])
        return [
            train_head(
                normal,
                positive,
                self.hidden,
                self.head_steps,
                self.head_learning_rate,
                _HEADS * self.flow.seed + i,
            )
            for i in range(_HEADS)
        ]

    @torch.inference_mode()
    def _members(self, encoded: EncodedImages) -> list[np.ndarray]:
        """Each member's anomaly maps, not standardised."""
        flow = self.flow
        likelihoods = flow.log_likelihoods(encoded)
        anomaly = anomaly_maps(likelihoods, flow.maxima_, flow.image_size)
        maps = [-np.log(len(likelihoods) * np.exp(-anomaly) + np.float32(_NORMALITY_FLOOR))]
        distances, logits = [], []
        for batch in neighbourhoods(encoded):
            flat, shape = batch.flatten(0, 2), batch.shape[:3]
            distances.append(nearest_distances(flat, self._memory).reshape(shape))
            if self._heads:
                flat = (flat - self._mean) / self._std
                logits.append(sum(head(flat) for head in self._heads).reshape(shape))
        maps.append(upsample(torch.cat(distances), self.flow.image_size, sigma=4))
        if logits:
            maps.append(upsample(torch.cat(logits), self.flow.image_size, sigma=2))
        return maps

    def _join(self, members: list[np.ndarray], weights: tuple[int, ...]) -> np.ndarray:
        weighted = zip(members, self._scales, weights, strict=False)  # no heads at 0 shots
        return sum(
            (maps - np.float32(mean)) * np.float32(weight / std)
            for maps, (mean, std), weight in weighted
        )


def _orientations(images: np.ndarray) -> np.ndarray:
    """Square images, shape (N, size, size, …), turned and mirrored: (8 N, size, size, …)."""
    turned = [np.rot90(images, quarter, (1, 2)) for quarter in range(4)]
    return np.concatenate([*turned, *(image[:, :, ::-1] for image in turned)])
