"""A weighted sum of detectors: beyond the paper."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from bgad.detectors.base import Detector
from bgad.detectors.bgad import BGAD
from bgad.detectors.file import State
from bgad.detectors.patchcore import PatchCore
from bgad.detectors.segmentation_head import SegmentationHead
from bgad.errors import InputError
from bgad.features import EncodedImages
from bgad.parameters import Count, Proportion, parameters

__all__ = ["WEIGHTS", "Plus"]

WEIGHTS = {"flows": 2, "memory": 1, "heads": 2}
"""Of the members' maps, in the units that `Plus` states."""

_MEMBERS = {"flows": BGAD, "memory": PatchCore, "heads": SegmentationHead}
_CALIBRATION = 100  # training normals at most, evenly spaced, that scales and threshold come from


@parameters
class Plus(Detector):
    """Weighted sum of three detectors on the same frozen features.

    BGAD, whose flows know every cell's position but see it alone; PatchCore, whose memory sees
    neighbourhoods; and, if there are known anomalies, segmentation heads that have seen these in
    all eight orientations. The maps of the first two are standardised by mean and std over pixels
    of training normals that they are shown as if they were new, so that no test image has a say in
    the sum. The heads count as the surprise -log P(normal) of their mean log-odds: next to nothing
    where they see nothing that they know, so that they hardly vote on anomalies unlike the known
    ones. The synthetic stand-in chose this and the weights, 2 to 1 to 2 (docs/convergence.md).

    Parameters
    ----------
    flows, memory, heads : dict
        Parameters of `bgad.detectors.bgad.BGAD`, `bgad.detectors.patchcore.PatchCore` and
        `bgad.detectors.segmentation_head.SegmentationHead`, but those that all share.
    false_positives : float
        Share of the training normals' pixels beyond `boundary_threshold_`.
    n_jobs : int
        As of BGAD.
    **common
        See `bgad.detectors.base.Detector`.

    Notes
    -----
    The heads can't leave out a normal image: they have seen a small part of its cells. So with
    known anomalies `calibration_scores_` are a little low unless some normals are held out.
    """

    version: ClassVar[int] = 5
    added: ClassVar[Mapping[str, Any]] = {
        name: method.added for name, method in _MEMBERS.items() if method.added
    }
    needs_masks: ClassVar[bool] = True

    flows: dict[str, Any] = Field(default_factory=dict)
    memory: dict[str, Any] = Field(default_factory=dict)
    heads: dict[str, Any] = Field(default_factory=dict)
    false_positives: Proportion = 0.01
    n_jobs: Count = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        self.memory = {"coreset": 0.02} | self.memory
        self.heads = {"hidden": 128, "ensemble": 2, "turned": True} | self.heads
        shared = self._shared_parameters()
        for name in _MEMBERS:
            if both := set(shared) & set(getattr(self, name)):
                raise InputError(f"{name}: {', '.join(sorted(both))} is for all members together")
            parameters = self._member(name).get_params()
            setattr(self, name, {key: v for key, v in parameters.items() if key not in shared})

    def _fit(
        self,
        normal: EncodedImages,
        anomalous: EncodedImages | None,
        masks: np.ndarray | None,
    ) -> None:
        names = [name for name in _MEMBERS if name != "heads" or anomalous is not None]
        self.members_ = {name: self._member(name) for name in names}
        chosen = np.unique(np.linspace(0, len(normal) - 1, _CALIBRATION).round().astype(int))
        maps = {}
        for name, member in self.members_.items():
            member.encoder = self.encoder
            member.fit(normal, anomalous, masks)
            maps[name] = member.left_out(normal, chosen)[0]
        self.history_ = self.members_["flows"].history_
        self.scales_ = {  # a surprise has a unit of its own, nats
            name: (0.0, 1.0) if name == "heads" else (float(m.mean()), float(m.std()) + 1e-6)
            for name, m in maps.items()
        }
        joined, scores = self._join(maps)
        self.boundary_threshold_ = float(np.quantile(joined, 1 - self.false_positives))
        self.calibration_scores_ = scores

    def _maps_and_scores(self, images: EncodedImages) -> tuple[np.ndarray, np.ndarray]:
        return self._join({n: m.anomaly_maps(images) for n, m in self.members_.items()})

    def _join(self, maps: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        if "heads" in maps:
            log_odds = maps["heads"] / np.float32(self.heads["ensemble"])
            maps = maps | {"heads": np.logaddexp(np.float32(0), log_odds)}
        joined = sum(
            (maps[name] - np.float32(mean)) * np.float32(WEIGHTS[name] / std)
            for name, (mean, std) in self.scales_.items()
        )
        return joined, joined.max(axis=(1, 2))

    def _state(self) -> dict[str, Tensor]:
        state = {
            f"{name}.{key}": value
            for name, member in self.members_.items()
            for key, value in member.state().items()
        }
        scales = [self.scales_[name] for name in self.members_]
        return state | {"scales": torch.tensor(scales, dtype=torch.float64)}

    def _restore(self, state: State) -> None:
        names = [name for name in _MEMBERS if any(key.startswith(f"{name}.") for key in state)]
        scales = state.take("scales", len(names), 2, dtype=torch.float64).tolist()
        self.scales_ = dict(zip(names, map(tuple, scales), strict=True))
        self.members_ = {name: self._member(name) for name in names}
        for name, member in self.members_.items():
            member.encoder = self.encoder
            member.set_state(state.take_part(f"{name}."), self._levels)

    def _member(self, name: str) -> Detector:
        own = {"n_jobs": self.n_jobs} if name == "flows" else {}
        return _MEMBERS[name](**self._shared_parameters() | own | getattr(self, name))

    def _shared_parameters(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(Detector)}
