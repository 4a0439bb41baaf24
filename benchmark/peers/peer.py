"""What all peers share: parameters and the frozen backbone."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from bgad.backbone import Backbone
from bgad.errors import InputError
from bgad.features import EncodedImages

__all__ = ["Peer", "check_supervised", "parameter"]


def parameter(default: Any, expected: str, holds: Callable[[Any], bool]) -> Any:
    """Field of a peer with the values that it may have: in words, and as a test."""
    return field(default=default, metadata={"expected": expected, "holds": holds})


@dataclass(kw_only=True, eq=False)
class Peer:
    """A method that is given the same frozen features as BGAD.

    Parameters
    ----------
    backbone, image_size, weights, device
        See `bgad.backbone.Backbone`.
    seed : int
        All that is random in the method.
    augment_seed
        Not used: no peer augments images.
    false_positives : float
        Share of the training normals' pixels beyond `boundary_threshold_`; as BGAD's beta.
    """

    version: ClassVar[int] = 1

    backbone: str = "tf_efficientnet_lite2"
    image_size: int = 256
    weights: str | Path | None = None
    seed: int = parameter(0, "at least 0", lambda value: value >= 0)
    augment_seed: int | None = None
    device: str = "cpu"
    false_positives: float = parameter(0.01, "between 0 and 1", lambda value: 0 < value < 1)

    def __post_init__(self) -> None:
        for known in fields(self):
            value = getattr(self, known.name)
            if known.metadata and not known.metadata["holds"](value):
                expected = known.metadata["expected"]
                raise InputError(f"{known.name} must be {expected}, got {value!r}")

    def set_boundary(self, maps: np.ndarray) -> None:
        """Fix `boundary_threshold_` by anomaly maps of the training normals."""
        self.boundary_threshold_ = float(np.quantile(maps, 1 - self.false_positives))

    def get_params(self) -> dict[str, Any]:
        """All keyword arguments it was made with, defaults included."""
        return {known.name: getattr(self, known.name) for known in fields(self)}

    @property
    def encoder(self) -> Backbone:
        """The frozen backbone, made at first use."""
        if not hasattr(self, "_encoder"):
            self._encoder = Backbone(self.backbone, self.image_size, self.weights, self.device)
        return self._encoder

    def maps_and_scores(self, images: EncodedImages) -> tuple[np.ndarray, np.ndarray]:
        """Anomaly maps, and image scores: the maximum of each."""
        maps = self.anomaly_maps(images)
        return maps, maps.max(axis=(1, 2))


def check_supervised(name: str, anomalous: EncodedImages | None) -> None:
    """Refuse to train a supervised method without a known anomaly.

    Raises
    ------
    InputError
        Without known anomalies.
    """
    if anomalous is None or not len(anomalous):
        raise InputError(f"{name} learns from known anomalies: give --shots 1 or more, not 0")
