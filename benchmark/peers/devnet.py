"""DevNet: few-shot anomaly scores that deviate from a prior, learnt without masks."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from benchmark.peers.peer import Peer, check_supervised, parameter
from bgad.anomaly_map import upsample
from bgad.features import EncodedImages
from bgad.neighbourhood import neighbourhoods

__all__ = ["DevNet", "deviation_loss", "top_mean"]

_PRIOR_SCORES = 5000  # drawn from the standard normal prior, as the paper's


@dataclass(kw_only=True, eq=False)
class DevNet(Peer):
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
    **common
        See `benchmark.peers.peer.Peer`.

    Notes
    -----
    Deviations: the backbone is BGAD's and frozen, where the paper trains a ResNet-18 with the head;
    features are PatchCore's (averages over 3x3 cells of strides 8 and 16), standardised by the
    training normals; one image scale instead of two; no augmentation; a map is made of the cells'
    absolute scores, where the paper propagates gradients back to the image. So its
    figures are those of the idea on these features, and say nothing of the paper's network.
    """

    top: float = parameter(0.1, "more than 0, at most 1", lambda value: 0 < value <= 1)
    margin: float = parameter(5.0, "above 0", lambda value: value > 0)
    steps: int = parameter(500, "at least 1", lambda value: value >= 1)
    learning_rate: float = parameter(1e-3, "above 0", lambda value: value > 0)
    batch_images: int = parameter(32, "at least 2", lambda value: value >= 2)
    sigma: float = parameter(4.0, "at least 0", lambda value: value >= 0)

    def fit(
        self,
        normal: EncodedImages,
        anomalous: EncodedImages | None = None,
        masks: np.ndarray | None = None,
    ) -> "DevNet":
        """Train on normal images and known anomalies.

        Raises
        ------
        InputError
            Without known anomalies.
        """
        check_supervised("DevNet", anomalous)
        normals, anomalies = self._cells(normal), self._cells(anomalous)
        std, mean = torch.std_mean(normals, (0, 1))
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
                x = (torch.cat([known, rest]) - mean) / (std + 1e-6)
                scores = top_mean(head(x).squeeze(-1).abs(), self.top)
                loss = deviation_loss(scores, labels, prior, self.margin)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        self.mean_, self.std_, self.head_ = mean, std + 1e-6, head
        self.set_boundary(self.anomaly_maps(normal))
        return self

    def anomaly_maps(self, images: EncodedImages) -> np.ndarray:
        """Absolute scores of cells, blurred, shape (N, image_size, image_size)."""
        cells = self._scores(images).unflatten(1, images.levels[1].shape[1:3])
        return upsample(cells.numpy(), self.image_size, self.sigma)

    def maps_and_scores(self, images: EncodedImages) -> tuple[np.ndarray, np.ndarray]:
        """Anomaly maps, and the mean of each image's largest absolute cell scores."""
        return self.anomaly_maps(images), top_mean(self._scores(images), self.top).numpy()

    @torch.inference_mode()
    def _scores(self, images: EncodedImages) -> Tensor:
        batches = ((x.flatten(1, 2) - self.mean_) / self.std_ for x in neighbourhoods(images))
        return torch.cat([self.head_(x).squeeze(-1).abs() for x in batches])

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
