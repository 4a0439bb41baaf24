"""DevNet: few-shot anomaly scores that deviate from a prior, learnt without masks."""

from typing import Annotated, ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from bgad.anomaly_map import upsample
from bgad.detectors.base import Detector
from bgad.detectors.file import State
from bgad.features import EncodedImages
from bgad.neighbourhood import RowStandardiser, neighbourhoods
from bgad.parameters import Count, Part, Positive, Proportion, Weight, parameters

__all__ = ["DevNet", "deviation_loss", "top_mean"]

_PRIOR_SCORES = 5000  # drawn from the standard normal prior, as the paper's


@parameters
class DevNet(Detector):
    """Deviation network on frozen features (Pang et al., 2021, arXiv 2108.00462).

    A 1x1 convolution scores each cell; an image's score is the mean of its largest absolute cell
    scores (multiple-instance learning). The loss draws the scores of normal images to the mean of a
    standard normal prior, and those of known anomalies at least `margin` of its standard deviations
    away. Known anomalies are used without their masks; half of a batch are anomalous.

    Parameters
    ----------
    top : float
        Share of an image's cells that its score is made of (the paper's 0.1).
    margin : float
        The paper's 5.
    steps, learning_rate
        Of Adam, with weight decay 1e-5.
    batch_images : int
        Images in a batch.
    sigma : float
        Of the maps' blur, in pixels.
    false_positives : float
        Share of the training normals' pixels beyond `boundary_threshold_`.
    **common
        See `bgad.detectors.base.Detector`.

    Notes
    -----
    Deviations: the backbone is BGAD's and frozen, where the paper trains a ResNet-18 with the head;
    features are PatchCore's (averages over 3x3 cells of strides 8 and 16), standardised by the
    training normals; one image scale instead of two; no augmentation; a map is made of the cells'
    absolute scores, where the paper propagates gradients back to the image. So its
    figures are those of the idea on these features, and say nothing of the paper's network.
    """

    min_shots: ClassVar[int] = 1

    top: Part = 0.1
    margin: Positive = 5.0
    steps: Count = 500
    learning_rate: Positive = 1e-3
    batch_images: Annotated[int, Field(ge=2)] = 32
    sigma: Weight = 4.0
    false_positives: Proportion = 0.01

    def _fit(
        self,
        normal: EncodedImages,
        anomalous: EncodedImages | None,
        masks: np.ndarray | None,
    ) -> None:
        normals, anomalies = self._cells(normal), self._cells(anomalous)
        self.standardiser_ = RowStandardiser.fit(normals)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            prior = torch.randn(_PRIOR_SCORES)
            head = nn.Linear(normals.shape[-1], 1)
            n_known = self.batch_images // 2
            labels = torch.arange(self.batch_images) < n_known
            optimizer = torch.optim.Adam(head.parameters(), self.learning_rate, weight_decay=1e-5)
            for _ in range(self.steps):
                known = anomalies[torch.randint(len(anomalies), (n_known,))]
                rest = normals[torch.randint(len(normals), (self.batch_images - n_known,))]
                x = self.standardiser_(torch.cat([known, rest]))
                scores = top_mean(head(x).squeeze(-1).abs(), self.top)
                loss = deviation_loss(scores, labels, prior, self.margin)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        self.head_ = head
        maps = self._maps_and_scores(normal)[0]
        self.boundary_threshold_ = float(np.quantile(maps, 1 - self.false_positives))

    @torch.inference_mode()
    def _maps_and_scores(self, images: EncodedImages) -> tuple[np.ndarray, np.ndarray]:
        batches = (self.standardiser_(x) for x in neighbourhoods(images))
        cells = torch.cat([self.head_(x).squeeze(-1).abs() for x in batches])
        maps = upsample(cells.numpy(), self.image_size, self.sigma)
        return maps, top_mean(cells.flatten(1), self.top).numpy()

    def _state(self) -> dict[str, Tensor]:
        return self.standardiser_.state() | self.head_.state_dict()

    def _restore(self, state: State) -> None:
        channels = sum(level[-1] for level in self._levels[1:3])
        self.standardiser_ = RowStandardiser.restore(state, channels)
        self.head_ = nn.Linear(channels, 1)
        state.load_into(self.head_)

    def _cells(self, images: EncodedImages) -> Tensor:
        return torch.cat([x.flatten(1, 2) for x in neighbourhoods(images)])


def top_mean(cells: Tensor, share: float) -> Tensor:
    """Mean of the largest values of each image.

    Parameters
    ----------
    cells : Tensor, shape (N, cells)
    share : float
        Of the cells that count; at least one does.

    Returns
    -------
    Tensor, shape (N,)
    """
    return cells.topk(max(1, int(share * cells.shape[1])), dim=1).values.mean(1)


def deviation_loss(scores: Tensor, anomalous: Tensor, prior: Tensor, margin: float) -> Tensor:
    """Deviation loss of image scores (the paper's equations 2 and 3).

    Parameters
    ----------
    scores : Tensor, shape (N,)
    anomalous : Tensor of bool, shape (N,)
    prior : Tensor
        Scores drawn from the prior.
    margin : float
        Deviation that anomalous images are to have at least.

    Returns
    -------
    Tensor
        Mean over images of the deviation's size, or, of anomalous ones, of what it lacks to
        `margin`.
    """
    deviation = (scores - prior.mean()) / prior.std()
    return torch.where(anomalous, (margin - deviation).clamp(min=0), deviation.abs()).mean()
