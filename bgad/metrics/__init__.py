"""Exact image and pixel metrics: no binning, ties counted, undefined told from zero."""

from bgad.metrics.image import image_metrics
from bgad.metrics.intervals import auroc_interval, proportion_interval
from bgad.metrics.pimo import Aupimo, aupimo
from bgad.metrics.pixel import F1, PixelCurve, pixel_curve, pixel_metrics

__all__ = [
    "F1",
    "Aupimo",
    "PixelCurve",
    "aupimo",
    "auroc_interval",
    "image_metrics",
    "pixel_curve",
    "pixel_metrics",
    "proportion_interval",
]
