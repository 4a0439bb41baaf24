"""BGAD as its authors' code trains it."""

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from bgad.density import LevelDensity
from bgad.detectors.bgad import Flows, cross_fitted
from bgad.features import EncodedImages
from bgad.parameters import parameters
from bgad.published import PublishedTraining, train_published
from bgad.standardisation import STANDARDISATIONS

__all__ = ["PublishedBGAD"]


@parameters
class PublishedBGAD(Flows, PublishedTraining):
    """BGAD with the training of the authors' code, which takes hours on a processor.

    Parameters
    ----------
    **parameters
        See `bgad.published.PublishedTraining`, `bgad.detectors.bgad.Flows` and
        `bgad.detectors.base.Detector`. The default backbone has the weights that its bare name
        meant when the paper appeared; features are not standardised.

    Notes
    -----
    There are no calibration scores: no training normal is new to a flow that has seen it hundreds
    of times.
    """

    version: ClassVar[int] = 1
    is_resumed: ClassVar[bool] = True

    backbone: str = "tf_efficientnet_b6.aa_in1k"
    standardisation: Literal[STANDARDISATIONS] = "none"

    def _fit(
        self,
        normal: EncodedImages,
        anomalous: EncodedImages | None,
        masks: np.ndarray | None,
        after_epoch: Callable[[int, int, LevelDensity], None] | None = None,
        state: str | Path | None = None,
    ) -> None:
        """Train the levels; `after_epoch` and `state` are those of `train_published`."""
        started = [self._new_density(level, x) for level, x in enumerate(normal.levels)]
        densities = [density for density, _ in started]
        seeds = self.seed, self.augment_seed
        curves = train_published(
            densities, normal, anomalous, masks, self.encoder, self, seeds, after_epoch, state
        )
        parts = zip(started, curves, normal.levels, strict=True)
        self._settle(
            normal,
            [(d, curve, cross_fitted(d, folds, x)) for (d, folds), curve, x in parts],
        )
        self.calibration_scores_ = None
