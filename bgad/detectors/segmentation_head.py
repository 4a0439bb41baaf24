"""A supervised segmentation head: the honest floor for using the masks."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from bgad.anomaly_map import upsample
from bgad.detectors.base import Detector
from bgad.detectors.file import State
from bgad.features import EncodedImages, encode
from bgad.neighbourhood import RowStandardiser, neighbourhoods, sample_rows
from bgad.parameters import Count, Natural, Positive, Proportion, Weight, parameters
from bgad.segmentation import covered_cells, make_head, train_head

__all__ = ["SegmentationHead", "orientations"]

_SAMPLE = 20000  # normal cells that stand for all


@parameters
class SegmentationHead(Detector):
    """A linear or one-hidden-layer classifier of frozen features, trained with the masks.

    The features are PatchCore's (averages over 3x3 cells of strides 8 and 16), standardised by the
    training normals; classes are balanced in every batch. A plain baseline of this suite's own.

    Parameters
    ----------
    hidden, steps, learning_rate
        See `bgad.segmentation.train_head`.
    ensemble : int
        Heads, each trained from a seed of its own, whose logits are summed.
    turned : bool
        Show known anomalies in all eight orientations, or the four that keep the shape of images
        that are not square.
    sigma : float
        Of the blur, in pixels.
    false_positives : float
        Share of the training normals' pixels beyond `boundary_threshold_`.
    **common
        See `bgad.detectors.base.Detector`.
    """

    added: ClassVar[Mapping[str, Any]] = {"ensemble": 1, "turned": False}
    min_shots: ClassVar[int] = 1
    needs_masks: ClassVar[bool] = True

    hidden: Natural = 0
    steps: Count = 400
    learning_rate: Positive = 2e-3
    ensemble: Annotated[int, Field(ge=1, le=64)] = 1
    turned: bool = False
    sigma: Weight = 2.0
    false_positives: Proportion = 0.01

    def _fit(
        self,
        normal: EncodedImages,
        anomalous: EncodedImages | None,
        masks: np.ndarray | None,
    ) -> None:
        patches = torch.cat([x.flatten(0, 2) for x in neighbourhoods(normal)])
        sample = sample_rows(patches, _SAMPLE, np.random.default_rng(self.seed))
        self.standardiser_ = RowStandardiser.fit(sample)
        if self.turned:
            anomalous = encode(self.encoder, orientations(anomalous.images))
            masks = orientations(masks)
        known = self.standardiser_(torch.cat(list(neighbourhoods(anomalous))))
        anomalies, rest = covered_cells(masks, known)
        normals = torch.cat([self.standardiser_(sample), rest])
        seeds = [self.ensemble * self.seed + i for i in range(self.ensemble)]
        self.heads_ = [
            train_head(normals, anomalies, self.hidden, self.steps, self.learning_rate, seed)
            for seed in seeds
        ]
        maps = self._maps_and_scores(normal)[0]
        self.boundary_threshold_ = float(np.quantile(maps, 1 - self.false_positives))

    @torch.inference_mode()
    def _maps_and_scores(self, images: EncodedImages) -> tuple[np.ndarray, np.ndarray]:
        batches = (self.standardiser_(x) for x in neighbourhoods(images))
        logits = torch.cat([sum(head(x) for head in self.heads_).squeeze(-1) for x in batches])
        maps = upsample(logits, self.image_size, self.sigma)
        return maps, maps.max(axis=(1, 2))

    def _state(self) -> dict[str, Tensor]:
        return self.standardiser_.state() | nn.ModuleList(self.heads_).state_dict()

    def _restore(self, state: State) -> None:
        channels = sum(level[-1] for level in self._levels[1:3])
        self.standardiser_ = RowStandardiser.restore(state, channels)
        self.heads_ = [make_head(channels, self.hidden).eval() for _ in range(self.ensemble)]
        state.load_into(nn.ModuleList(self.heads_))


def orientations(images: np.ndarray) -> np.ndarray:
    """Images, shape (N, H, W, ...), turned and mirrored: (8 N, H, W, ...), or 4 N if not square."""
    quarters = range(0, 4, 1 if images.shape[1] == images.shape[2] else 2)
    turned = [np.rot90(images, quarter, (1, 2)) for quarter in quarters]
    return np.concatenate([*turned, *(image[:, :, ::-1] for image in turned)])
