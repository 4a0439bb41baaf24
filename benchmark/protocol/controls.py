"""Negative controls: something is spoilt on purpose, so that the figures are known beforehand."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from benchmark.protocol.intervention import Intervention, Scored

__all__ = ["ConstantMaps", "RandomWeights", "ShuffledLabels", "SwappedLabels"]


class RandomWeights(Intervention):
    """The backbone is untrained.

    Figures are to fall: it is what the backbone has learnt that tells anomalies apart.
    """

    def parameters(self, model: dict[str, Any]) -> dict[str, Any]:
        """Parameters with random weights."""
        return model | {"weights": "random"}


class ShuffledLabels(Intervention):
    """Normal training images and known anomalies are mixed.

    As many random images as there are known anomalies are taken for these, with these' masks, and
    all others for normal. Figures are to be no better than without known anomalies: masks that
    point at nothing teach nothing.
    """

    def rows(self, normal: slice, known: Sequence[int]) -> tuple[list[int], list[int]]:
        """Rows drawn by the split's seed."""
        rows = [*range(normal.stop)[normal], *known]
        shuffled = np.random.default_rng(self.cell.split_seed).permutation(rows).tolist()
        return sorted(shuffled[len(known) :]), shuffled[: len(known)]


class SwappedLabels(Intervention):
    """Normal is called anomalous and the other way round: each AUROC becomes 1 less itself."""

    def score(self, *arguments: Any) -> Scored:
        """Scores with the opposite truth."""
        scored = super().score(*arguments)
        return replace(scored, labels=~scored.labels, masks=~scored.masks)


class ConstantMaps(Intervention):
    """All pixels and images score alike: each AUROC is 0.5."""

    def score(self, *arguments: Any) -> Scored:
        """Scores that are all zero."""
        scored = super().score(*arguments)
        zeros = {name: np.zeros_like(getattr(scored, name)) for name in ("maps", "scores")}
        return replace(scored, **zeros)
