"""A supervised segmentation head: the honest floor for using the masks."""

from dataclasses import dataclass

import numpy as np
import torch

from benchmark.peers.peer import Peer, check_supervised, parameter
from bgad.anomaly_map import upsample
from bgad.errors import InputError
from bgad.features import EncodedImages
from bgad.neighbourhood import neighbourhoods, sample_rows
from bgad.segmentation import covered_cells, train_head

__all__ = ["SegmentationHead"]

_SAMPLE = 20000  # normal cells that stand for all


@dataclass(kw_only=True, eq=False)
class SegmentationHead(Peer):
    """A linear or one-hidden-layer classifier of frozen features, trained with the masks.

    The features are PatchCore's (averages over 3x3 cells of strides 8 and 16), standardised by the
    training normals; classes are balanced in every batch. A plain baseline of this suite's own.

    Parameters
    ----------
    hidden, steps, learning_rate
        See `bgad.segmentation.train_head`.
    sigma : float
        Of the blur, in pixels.
    **common
        See `benchmark.peers.peer.Peer`.
    """

    hidden: int = parameter(0, "at least 0", lambda value: value >= 0)
    steps: int = parameter(400, "at least 1", lambda value: value >= 1)
    learning_rate: float = parameter(2e-3, "above 0", lambda value: value > 0)
    sigma: float = parameter(2.0, "at least 0", lambda value: value >= 0)

    def fit(
        self,
        normal: EncodedImages,
        anomalous: EncodedImages | None = None,
        masks: np.ndarray | None = None,
    ) -> "SegmentationHead":
        """Train on normal images and known anomalies.

        Raises
        ------
        InputError
            Without known anomalies, or with empty masks alone.
        """
        check_supervised("a segmentation head", anomalous)
        patches = torch.cat([x.flatten(0, 2) for x in neighbourhoods(normal)])
        sample = sample_rows(patches, _SAMPLE, np.random.default_rng(self.seed))
        self.mean_, self.std_ = sample.mean(0), sample.std(0) + 1e-6
        x = (torch.cat(list(neighbourhoods(anomalous))) - self.mean_) / self.std_
        anomalies, rest = covered_cells(masks, x)
        if not len(anomalies):
            raise InputError("no mask of a known anomaly has an anomalous pixel: nothing to learn")
        normals = torch.cat([(sample - self.mean_) / self.std_, rest])
        self.head_ = train_head(
            normals, anomalies, self.hidden, self.steps, self.learning_rate, self.seed
        )
        self.set_boundary(self.anomaly_maps(normal))
        return self

    @torch.inference_mode()
    def anomaly_maps(self, images: EncodedImages) -> np.ndarray:
        """Logits, blurred, shape (N, image_size, image_size)."""
        batches = ((x - self.mean_) / self.std_ for x in neighbourhoods(images))
        logits = torch.cat([self.head_(x).squeeze(-1) for x in batches])
        return upsample(logits, self.image_size, self.sigma)
