"""BGAD: flows over frozen features, with an explicit boundary that known anomalies teach."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from einops import rearrange
from pydantic import Field
from torch import Tensor

from bgad.anomaly_map import anomaly_maps, mask_cells
from bgad.boundary import NORMALIZER, explicit_boundary
from bgad.density import LevelDensity
from bgad.detectors.base import Detector
from bgad.detectors.file import State
from bgad.features import EncodedImages, encode
from bgad.flow import ConditionalFlow
from bgad.parameters import Count, Natural, parameters
from bgad.progress import tell
from bgad.standardisation import (
    FOLDS,
    STANDARDISATIONS,
    Standardisation,
    StandardisationEstimate,
)
from bgad.synthesis import cut_paste, random_rectangles
from bgad.training import Anomalies, Training, train_level

__all__ = ["BGAD", "Flows"]

_BATCH = 16  # images whose maps are in memory at once
_TIED = 0.01  # share of images at most whose scores may be the same by chance


_Fitted = tuple[LevelDensity, dict[str, np.ndarray], np.ndarray]
"""A level, its training curves, and the log-likelihoods of its training normals."""


@parameters
class Flows(Detector):
    """A flow for each feature level, with an explicit boundary; how they are trained is open.

    Parameters
    ----------
    n_blocks, condition_dim : int
        Couplings of each flow, and channels of the position encoding.
    standardisation : str
        "gaussian", "whitening", "position", "channel" or "none", see
        `bgad.standardisation.StandardisationEstimate`.
    **others
        See `bgad.detectors.base.Detector`.

    Attributes
    ----------
    maxima_ : list of float
        Per level, the greatest log-likelihood of a training-normal vector.
    boundaries_ : list of float
        Per level, the explicit boundary over all training normals (log-likelihood per channel).
    history_ : list of dict of ndarray
        Per level, the training curves of `bgad.training.train_level`.

    Notes
    -----
    Training, maxima, boundaries and calibration scores are cross-fitted: what standardises a
    training normal is estimated from the four of five folds to which it does not belong, so that it
    looks to the flow as a new image does. The flow itself is the one trained on all of them: on six
    categories of the stand-in the median calibration score was within 9 % of new normals', above
    and below (docs/convergence.md). With fewer than five normals there is no cross-fitting, and
    there are no calibration scores.
    """

    needs_masks: ClassVar[bool] = True
    has_likelihoods: ClassVar[bool] = True

    n_blocks: Annotated[int, Field(ge=1, le=64)] = 8
    condition_dim: Annotated[int, Field(ge=4, le=1024, multiple_of=4)] = 128
    standardisation: Literal[STANDARDISATIONS] = "gaussian"

    def _settle(self, normal: EncodedImages, fitted: Sequence[_Fitted]) -> None:
        """Take over trained levels, and fix on the training normals what scores need."""
        self.densities_, self.history_, self._normal_likelihoods = map(
            list, zip(*fitted, strict=True)
        )
        for density in self.densities_:
            density.eval()
        self.boundaries_ = [
            NORMALIZER * float(explicit_boundary(torch.from_numpy(x), self.beta, self.tau).normal)
            for x in self._normal_likelihoods
        ]
        self.set_maxima([float(level.max()) for level in self._normal_likelihoods])
        if len(normal) >= FOLDS:
            rows = np.arange(len(normal))
            batches = np.split(rows, rows[_BATCH::_BATCH])
            scores = [self.left_out(normal, batch)[1] for batch in batches]
            self.calibration_scores_ = np.concatenate(scores)

    def set_maxima(self, maxima: Sequence[float]) -> None:
        """Change the log-likelihoods that count as perfectly normal, and the threshold with them.

        The threshold is the map value where every level's log-likelihood lies at its boundary.
        """
        self.maxima_ = list(maxima)
        at_boundary = zip(self.boundaries_, self.maxima_, strict=True)
        normality = [np.exp(min(0, boundary - maximum)) for boundary, maximum in at_boundary]
        self.boundary_threshold_ = float(-np.log(np.mean(normality)))

    def left_out(self, normal: EncodedImages, rows: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Score training normals by what the other folds say, see Notes."""
        return self._join([level[rows] for level in self._normal_likelihoods])

    def log_likelihoods(self, images: Any) -> list[np.ndarray]:
        """Log-likelihood per channel of every feature cell.

        Parameters
        ----------
        images : EncodedImages, or any form of `bgad.inputs.as_images`

        Returns
        -------
        list of ndarray of float32, shape (N, h, w)
            One array per level.
        """
        return self._log_likelihoods(self._encode_to_score(images))

    def _log_likelihoods(self, images: EncodedImages) -> list[np.ndarray]:
        pairs = zip(self.densities_, images.levels, strict=True)
        return [density.score(features) for density, features in pairs]

    def _maps_and_scores(self, images: EncodedImages) -> tuple[np.ndarray, np.ndarray]:
        maps, scores = self._join(self._log_likelihoods(images))
        tied = len(scores) - len(np.unique(scores))
        if tied > _TIED * len(scores):
            warnings.warn(
                f"{tied} of {len(scores)} images have a score that another one has as well: "
                "nothing tells which is more anomalous",
                stacklevel=3,
            )
        return maps, scores

    def _join(self, log_likelihoods: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        maps = anomaly_maps(log_likelihoods, self.maxima_, self.image_size)
        return maps, maps.max(axis=(1, 2))

    def _state(self) -> dict[str, Tensor]:
        state = {
            f"{level}.{key}": value
            for level, density in enumerate(self.densities_)
            for key, value in density.state_dict().items()
        }
        for key in ("maxima", "boundaries"):
            state[key] = torch.tensor(getattr(self, f"{key}_"), dtype=torch.float64)
        return state

    def _restore(self, state: State) -> None:
        n_levels = len(self._levels)
        for key in ("maxima", "boundaries"):
            setattr(self, f"{key}_", state.take(key, n_levels, dtype=torch.float64).tolist())
        self.densities_ = []
        for level, (height, width, channels) in enumerate(self._levels):
            shapes = (cells := height * width, channels), (cells, channels, channels), (cells,)
            empty = Standardisation(*map(torch.empty, shapes))
            density = self._density(height, width, channels, empty)
            state.take_part(f"{level}.").load_into(density)
            self.densities_.append(density.to(self.device).eval())

    def _new_density(
        self, level: int, features: np.ndarray
    ) -> tuple[LevelDensity, list[Standardisation]]:
        """Untrained density of a level, and what standardises each fold of its normal features."""
        estimate = StandardisationEstimate(features, self.standardisation)
        n_folds = FOLDS if len(features) >= FOLDS else 0
        folds = [estimate.layer(without=fold).to(self.device) for fold in range(n_folds)]
        density = self._density(*features.shape[1:], estimate.layer(), self._level_seed(level))  # type: ignore[call-arg]
        return density.to(self.device), folds

    def _level_seed(self, level: int) -> int:
        return int(np.random.SeedSequence([self.seed, level]).generate_state(1)[0])

    def _density(
        self,
        height: int,
        width: int,
        channels: int,
        standardisation: Standardisation,
        seed: int = 0,
    ) -> LevelDensity:
        generator = torch.Generator().manual_seed(seed)
        flow = ConditionalFlow(channels, self.condition_dim, self.n_blocks, generator)
        return LevelDensity(height, width, standardisation, flow)


@parameters
class BGAD(Flows, Training):
    """Boundary-guided anomaly detector.

    Frozen backbone features of three levels, a conditional flow for each, trained on normal
    images and, if there are any, a few known anomalies with masks, whose features an explicit
    boundary keeps apart from the normal ones (Yao et al., CVPR 2023, arXiv 2207.01463).

    Parameters
    ----------
    cut_paste : int
        Anomalous images made by RandAugment CutPaste from the known ones; a batch draws half of
        its anomalous images from them. 0 for none.
    normal_patches : int
        Where no anomaly is known, so many rectangles of normal images are taken for known ones, of
        which a batch sees the CutPaste images alone. 0 for none.
    n_jobs : int
        Levels trained at the same time, each on a thread of its own; the result is the same.
    **others
        See `bgad.training.Training`, `Flows` and `bgad.detectors.base.Detector`.

    Examples
    --------
    >>> import numpy as np
    >>> images = np.random.default_rng(0).integers(0, 256, (8, 64, 64, 3), dtype=np.uint8)
    >>> model = BGAD(image_size=64, steps=(5, 5, 5)).fit(images)
    >>> model.anomaly_maps(images).shape
    (8, 64, 64)
    """

    version: ClassVar[int] = 3
    added: ClassVar[Mapping[str, Any]] = {"normal_patches": 0}

    cut_paste: Natural = 64
    normal_patches: Natural = 0
    n_jobs: Count = 1

    def __post_init__(self) -> None:
        Detector.__post_init__(self)
        Training.__post_init__(self)

    def _fit(
        self,
        normal: EncodedImages,
        anomalous: EncodedImages | None,
        masks: np.ndarray | None,
        after_epoch: Callable[[int, int, LevelDensity], None] | None = None,
    ) -> None:
        """Train the levels.

        `after_epoch` is called with level, number of one of 25 equal parts of its steps, from 0,
        and its density after it; with `n_jobs` above 1 from several threads.
        """
        known = anomalous
        if known is not None:
            share = len(known) / (len(normal) + len(known))
            known, masks, probabilities = self._with_cut_paste(normal, known, masks)
        elif self.normal_patches and self.cut_paste:
            share = self.normal_patches / (len(normal) + self.normal_patches)
            known, masks, probabilities = self._with_normal_patches(normal)
        tasks = []
        for level, features in enumerate(normal.levels):
            anomalies = None
            if known is not None:
                shape = features.shape[1:3]
                anomalies = Anomalies(
                    rearrange(known.levels[level], "n h w c -> n (h w) c"),
                    rearrange(mask_cells(masks, shape), "n h w -> n (h w)"),
                    probabilities,
                    share,
                )
            tasks.append((level, features, anomalies, after_epoch))
        with ThreadPoolExecutor(self.n_jobs) as pool:
            fitted = list(pool.map(lambda task: self._fit_level(*task), tasks))
        self._settle(normal, fitted)

    def _with_cut_paste(
        self, normal: EncodedImages, known: EncodedImages, masks: np.ndarray
    ) -> tuple[EncodedImages, np.ndarray, np.ndarray]:
        n = len(known)
        if not self.cut_paste:
            return known, masks, np.full(n, 1 / n)
        images, pasted_masks = cut_paste(
            normal.images, known.images, masks, self.cut_paste, self.augment_seed
        )
        pasted = encode(self.encoder, images)
        both = EncodedImages(
            np.concatenate([known.images, pasted.images]),
            tuple(map(np.concatenate, zip(known.levels, pasted.levels, strict=True))),
        )
        # Half of the draws show a known anomaly as it is, half a CutPaste image (official code).
        probabilities = np.repeat([0.5 / n, 0.5 / len(images)], [n, len(images)])
        return both, np.concatenate([masks, pasted_masks]), probabilities

    def _with_normal_patches(
        self, normal: EncodedImages
    ) -> tuple[EncodedImages, np.ndarray, np.ndarray]:
        rng = np.random.default_rng(self.augment_seed)
        cut_from = normal.images[rng.integers(len(normal), size=self.normal_patches)]
        marked = random_rectangles(self.normal_patches, cut_from.shape[1:3], self.augment_seed)
        images, masks = cut_paste(
            normal.images, cut_from, marked, self.cut_paste, self.augment_seed
        )
        return encode(self.encoder, images), masks, np.full(len(images), 1 / len(images))

    def _fit_level(
        self,
        level: int,
        features: np.ndarray,
        anomalies: Anomalies | None,
        after_epoch: Callable[[int, int, LevelDensity], None] | None,
    ) -> _Fitted:
        tell("training level %d of %d", level + 1, len(self.steps))
        density, folds = self._new_density(level, features)
        flat = rearrange(features, "n h w c -> n (h w) c")
        steps, seed = self.steps[level], self._level_seed(level)
        report = after_epoch and (lambda epoch: after_epoch(level, epoch, density))
        history = train_level(density, flat, anomalies, self, steps, seed, report, folds)
        return density, history, cross_fitted(density, folds, features)


def cross_fitted(
    density: LevelDensity, folds: Sequence[Standardisation], features: np.ndarray
) -> np.ndarray:
    """Log-likelihoods of training normals, standardised by what the other folds say."""
    if not folds:
        return density.score(features)
    likelihoods = np.empty(features.shape[:3], np.float32)
    for fold, layer in enumerate(folds):
        unseen = LevelDensity(density.height, density.width, layer, density.flow)
        unseen.to(density.condition.device)
        likelihoods[fold :: len(folds)] = unseen.score(features[fold :: len(folds)])
    return likelihoods
