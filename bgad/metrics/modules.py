"""The exact pixel metrics as `torchmetrics.Metric` classes, as Lightning and anomalib take them."""

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from bgad.errors import InputError
from bgad.metrics.pixel import PixelCurve, count_pixels, region_areas

__all__ = ["AUPRO", "PixelAUROC", "PixelAveragePrecision", "PixelF1Max", "PixelMetric"]

_SORTED = 1 << 20  # normal pixels at a time


class PixelMetric(Metric):
    """A figure of `bgad.metrics.PixelCurve` over all images that were seen, on all processes.

    ``update(preds, target)`` takes maps and masks, (N, H, W) or (N, 1, H, W); ``compute()`` gives a
    scalar in [0, 1], NaN where undefined. Scores are taken as they are, in single precision: no
    sigmoid, no thresholds. In a ``MetricCollection`` all of these share one state.

    Notes
    -----
    Exactness has a price. Counts of normal pixels could be summed across batches and processes only
    if all knew the anomalous pixels' scores beforehand, so every score is kept (four bytes a pixel)
    and concatenated; the number of regions is summed. The result is the same as that of
    `bgad.metrics.pixel_curve` on all images at once, in whatever batches and processes they come.
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False
    plot_lower_bound = 0.0
    plot_upper_bound = 1.0

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for name in ("positives", "areas", "negatives"):
            self.add_state(name, default=[], dist_reduce_fx="cat")
        self.add_state("regions", default=torch.tensor(0), dist_reduce_fx="sum")

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Add images: their anomaly maps, larger is more anomalous, and their masks (0 or 1)."""
        maps, masks = _images(preds, "preds").float(), _images(target, "target") != 0
        if maps.shape != masks.shape:
            raise InputError(f"preds and target must be alike: {preds.shape}, {target.shape}")
        if not maps.isfinite().all():
            raise InputError("an anomaly map holds NaN or infinite values")
        self.positives.append(maps[masks])
        self.negatives.append(maps[~masks])
        for mask in masks[masks.any(dim=(1, 2))].cpu().numpy():
            areas, count = region_areas(mask)
            self.areas.append(torch.from_numpy(areas).to(maps))
            self.regions += count

    def compute(self) -> Tensor:
        """Return the figure of all images."""
        scores, areas, normals = map(_joined, (self.positives, self.areas, self.negatives))
        batches = (batch.numpy() for batch in normals.split(_SORTED))
        curve = count_pixels(scores.numpy(), areas.double().numpy(), int(self.regions), batches)
        value = self._figure(curve)
        return torch.tensor(float("nan") if value is None else value, device=self.device)

    def _figure(self, curve: PixelCurve) -> float | None:
        raise NotImplementedError


class PixelAUROC(PixelMetric):
    """Area under the ROC curve of all pixels.

    Examples
    --------
    >>> import torch
    >>> maps = torch.tensor([[[0.1, 3.0], [0.2, 2.0]]])
    >>> masks = torch.tensor([[[0, 1], [1, 0]]])
    >>> metric = PixelAUROC()
    >>> metric.update(maps, masks)
    >>> metric.compute()
    tensor(0.7500)
    """

    def _figure(self, curve: PixelCurve) -> float | None:
        return curve.auroc()


class PixelAveragePrecision(PixelMetric):
    """Average precision of all pixels."""

    def _figure(self, curve: PixelCurve) -> float | None:
        return curve.average_precision()


class PixelF1Max(PixelMetric):
    """Greatest F1 of all pixels over all thresholds: an oracle, as the threshold is chosen here."""

    def _figure(self, curve: PixelCurve) -> float | None:
        best = curve.f1_max()
        return None if best is None else best.value


class AUPRO(PixelMetric):
    """Area under the per-region-overlap curve up to a false-positive rate, over that rate.

    Parameters
    ----------
    limit : float
        Greatest false-positive rate, in (0, 1].
    """

    def __init__(self, limit: float = 0.3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.limit = limit

    def _figure(self, curve: PixelCurve) -> float | None:
        return curve.aupro(self.limit)


def _images(images: Tensor, name: str) -> Tensor:
    if images.ndim == 4 and images.shape[1] == 1:
        images = images[:, 0]
    if images.ndim != 3:
        raise InputError(f"{name} must be (N, H, W) or (N, 1, H, W), got {tuple(images.shape)}")
    return images


def _joined(state: list[Tensor] | Tensor) -> Tensor:
    """A state on the CPU: a list of what came, or one tensor after processes were merged."""
    return (dim_zero_cat(state) if len(state) else torch.empty(0)).cpu()
