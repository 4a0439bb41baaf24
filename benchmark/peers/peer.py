"""What all peers share: parameters and the frozen backbone."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from bgad.backbone import Backbone
from bgad.errors import InputError
from bgad.features import EncodedImages

__all__ = ["Peer", "check_supervised"]


@dataclass(kw_only=True, eq=False)
class Peer:
    """A method that is given the same frozen features as BGAD.

    Parameters
    ----------
    backbone, image_size, weights, device
        See `bgad.backbone.Backbone`.
    seed : int
        All that is random in the method.
    augment_seed, n_jobs
        Not used: no peer augments images or works in threads of its own.
    false_positives : float
        Share of the training normals' pixels beyond `boundary_threshold_`; as BGAD's beta.
    """

    version: ClassVar[int] = 1

    backbone: str = "tf_efficientnet_lite2"
    image_size: int = 256
    weights: str | Path | None = None
    seed: int = 0
    augment_seed: int | None = None
    device: str = "cpu"
    n_jobs: int = 1
    false_positives: float = 0.01

    def __post_init__(self) -> None:
        self.check("seed", self.seed >= 0, "at least 0")
        self.check("false_positives", 0 < self.false_positives < 1, "between 0 and 1")

    def check(self, name: str, holds: bool, expected: str) -> None:
        """Refuse a parameter's value.

        Raises
        ------
        InputError
            Unless it holds.
        """
        if not holds:
            raise InputError(f"{name} must be {expected}, got {getattr(self, name)!r}")

    def get_params(self) -> dict[str, Any]:
        """All keyword arguments it was made with, defaults included."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @property
    def encoder(self) -> Backbone:
        """The frozen backbone, made at first use."""
        if not hasattr(self, "_encoder"):
            self._encoder = Backbone(self.backbone, self.image_size, self.weights, self.device)
        return self._encoder

    def image_scores(self, images: EncodedImages, maps: np.ndarray) -> np.ndarray:
        """Image scores, shape (N,): the maximum of each anomaly map."""
        return maps.max(axis=(1, 2))


def check_supervised(name: str, anomalous: EncodedImages | None) -> None:
    """Refuse to train a supervised method without a known anomaly.

    Raises
    ------
    InputError
        Without known anomalies.
    """
    if anomalous is None or not len(anomalous):
        raise InputError(f"{name} learns from known anomalies: give --shots 1 or more, not 0")
