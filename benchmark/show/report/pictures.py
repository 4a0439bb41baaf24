"""Pictures of the report: figures and stored galleries, as data that a page can hold."""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from benchmark.show.layers import Layers
from benchmark.show.style import ASIDE, BOUNDARY, CYCLE, legend_beside, new_figure, styled
from bgad.metrics import PixelCurve

__all__ = ["Picture", "from_figure", "from_file", "pixel_curves"]

_DPI, _COLOURS = 170, 32
_POINTS = 400


@dataclass(frozen=True)
class Picture:
    """A picture as a data URI, with the text that stands for it.

    Attributes
    ----------
    layers
        Of its images, each to be shown in its place.
    """

    uri: str
    alt: str
    width: int | None = None
    height: int | None = None
    layers: tuple[Layers, ...] = ()

    @property
    def size(self) -> int:
        """About how many bytes a page takes to show it."""
        return sum(len(d.image) + len(d.map) for d in self.layers) or len(self.uri)


def from_figure(figure: Figure) -> Picture:
    """Encode a figure; its heading is the text that stands for it."""
    figure.savefig(drawn := io.BytesIO(), format="png", dpi=_DPI)
    # Plots have few colours, whose edges these many keep smooth at two thirds of the bytes.
    plot = Image.open(drawn).convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
    plot.convert("RGB").save(buffer := io.BytesIO(), "WEBP", lossless=True, quality=60, method=4)
    alt = ". ".join(text.get_text() for text in figure.texts[:2])
    width, height = (round(96 * inches) for inches in figure.get_size_inches())
    return Picture(_uri("image/webp", buffer.getvalue()), alt, width, height)


def from_file(path: Path, alt: str) -> Picture:
    """Take a WebP file as it is."""
    return Picture(_uri("image/webp", path.read_bytes()), alt)


@styled
def pixel_curves(
    curves: Mapping[str, Sequence[tuple[PixelCurve, float | None]]], subtitle: str
) -> Figure:
    """Draw ROC and precision-recall curves of pixels.

    Parameters
    ----------
    curves
        Label -> a curve for each seed with the map value of its explicit boundary, if it has one.
    subtitle
        Of what.
    """
    figure = new_figure("Pixels: ROC and precision-recall", subtitle, 9, 3.2)
    roc, precision_recall = figure.subplots(1, 2)
    for place, (label, seeds) in enumerate(curves.items()):
        colour = CYCLE[place % len(CYCLE)]
        for number, (curve, threshold) in enumerate(seeds):
            rate, recall = curve.roc()
            precision, _ = curve.precision_recall()
            last = len(recall) - 1
            shown = np.unique(np.linspace(0, last, _POINTS).astype(int))
            line = {"color": colour, "lw": 1.3, "alpha": 0.85}
            roc.plot([0, *rate[shown], 1], [0, *recall[shown], 1], **line)
            precision_recall.plot(
                recall[shown], precision[shown], **line, label=None if number else label
            )
            points = [(curve.f1_max().threshold, "D", "white")]
            points += [] if threshold is None else [(threshold, "o", BOUNDARY)]
            for value, marker, fill in points:
                at = last - min(np.searchsorted(curve.edges, np.float32(value)), last)
                style = {"c": fill, "edgecolors": BOUNDARY, "marker": marker, "s": 22, "zorder": 3}
                roc.scatter(rate[at], recall[at], **style)
                precision_recall.scatter(recall[at], precision[at], **style)
    for name, marker, fill in (("explicit boundary", "o", BOUNDARY), ("best F1", "D", "white")):
        style = {"c": fill, "edgecolors": BOUNDARY, "marker": marker, "s": 22}
        precision_recall.scatter([], [], **style, label=name)
    roc.plot([0, 1], [0, 1], color=ASIDE, lw=1, ls=":")
    roc.set(xlabel="False-positive rate", ylabel="True-positive rate", title="ROC")
    precision_recall.set(xlabel="Recall", ylabel="Precision", title="Precision and recall")
    for ax in (roc, precision_recall):
        ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    legend_beside(precision_recall)
    return figure


def _uri(media_type: str, content: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"
