"""Pictures of one cell: test images with ground truth, anomaly map and contour."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize, TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patheffects import withStroke

from benchmark.show.labels import display_name
from benchmark.show.layers import MEDIA_TYPE, Layers, layers
from benchmark.show.style import (
    CONTOUR,
    GROUND_TRUTH,
    MUTED,
    NORMAL,
    describe,
    new_figure,
    styled,
)
from bgad.data.images import read_image

if TYPE_CHECKING:
    from benchmark.run.experiment import CellRun
    from bgad.data.folder import Sample

__all__ = [
    "Shown",
    "all_by_score",
    "best",
    "gallery",
    "hardest",
    "known_anomalies",
    "panels",
    "ranking_errors",
    "strip",
    "wrong",
]

_ROWS = ("Image", "Ground truth", "Anomaly map", "Contour")
_COLUMNS = 6
_SMALL, _IN_A_ROW = 64, 14  # pixels of a small multiple, and how many stand side by side


class Shown:
    """A figure as a notebook holds it: a JPEG, a tenth of a PNG's size where it shows photographs.

    Parameters
    ----------
    figure : Figure
    description : str
        The text that stands for it.
    run, indices
        Test images whose `Layers` go along, for pages that overlay and zoom them.
    """

    def __init__(
        self,
        figure: Figure,
        description: str,
        run: CellRun | None = None,
        indices: Iterable[int] = (),
    ) -> None:
        self.jpeg, self.description = _to_jpeg(figure), description
        self.layers = [] if run is None else [_layers(run, index).model_dump() for index in indices]

    def _repr_mimebundle_(self, **_: object) -> tuple[dict[str, Any], dict[str, Any]]:
        data: dict[str, Any] = {"image/jpeg": base64.b64encode(self.jpeg).decode()}
        if self.layers:
            data[MEDIA_TYPE] = self.layers
        return data, {"image/jpeg": {"alt": self.description}}


@styled
def gallery(run: CellRun, indices: Sequence[int], title: str) -> Figure:
    """Show test images above ground truth, anomaly map and contour at the explicit boundary.

    Parameters
    ----------
    run : CellRun
    indices : sequence of int
        Into `run.samples`; a column each.
    title : str
        What was chosen.
    """
    side, gap, text, margin = 1.35, 0.05, 0.52, 1.0
    width = (
        margin + _COLUMNS * (side + gap) + 0.75
    )  # the same for every gallery, so that sizes agree
    figure = new_figure(title, describe(run.cell), width, text + 4 * (side + gap) + 0.05)
    figure.set_layout_engine("none")
    errors = ranking_errors(run)
    scale = _map_scale(run)
    for column, index in enumerate(indices):
        axes = [
            _add_axes(
                figure,
                margin + column * (side + gap),
                0.05 + (3 - row) * (side + gap),
                side,
                side,
            )
            for row in range(4)
        ]
        mappable = _draw_panels(axes, run, index, scale)
        heading = _column_heading(run, index, errors)
        axes[0].set_title(heading, fontsize=8, loc="center", linespacing=1.25)
        if column == 0:
            for ax, label in zip(axes, _ROWS, strict=True):
                ax.set_ylabel(label, rotation=0, ha="right", va="center", fontsize=9)
    bar = _add_axes(
        figure, margin + len(indices) * (side + gap) + 0.08, 0.05 + side + gap, 0.1, side
    )
    _colour_bar(figure, bar, mappable, run.threshold)
    return figure


@styled
def known_anomalies(run: CellRun) -> Figure:
    """Show the images that training knows to be anomalous, with their ground truth."""
    rows = -(-len(run.known) // _COLUMNS)
    side, gap, label = 1.6, 0.05, 0.22
    title = f"Known anomalies: {len(run.known)}"
    width, height = 0.08 + _COLUMNS * (side + gap), rows * (side + gap + label)
    figure = new_figure(title, describe(run.cell), width, height)
    figure.set_layout_engine("none")
    size = run.images.shape[1:3]
    for place, sample in enumerate(run.known):
        row, column = divmod(place, _COLUMNS)
        bottom = (rows - 1 - row) * (side + gap + label)
        ax = _add_axes(figure, 0.08 + column * (side + gap), bottom + gap, side, side)
        ax.imshow(read_image(sample.path, size))
        if sample.mask_paths:
            _outline(ax, sample.truth(size), 0.5, GROUND_TRUTH)
        ax.set_title(_name(sample, 28), fontsize=8, pad=3)
    return figure


@styled
def panels(run: CellRun, index: int) -> Figure:
    """Show one test image beside its ground truth, anomaly map and contour, in a strip."""
    side, gap = 1.8, 0.06
    width, height = 0.16 + 4 * side + 3 * gap, side + 0.3
    figure = new_figure(_headline(run, index), describe(run.cell), width, height)
    figure.set_layout_engine("none")
    axes = [
        _add_axes(figure, 0.08 + column * (side + gap), 0.08, side, side) for column in range(4)
    ]
    for ax, label in zip(axes, _ROWS, strict=True):
        ax.set_title(label, fontsize=8.5, pad=3)
    _draw_panels(axes, run, index, _map_scale(run))
    return figure


@styled
def strip(chosen: Sequence[tuple[CellRun, int]]) -> Figure:
    """Show a test image of each of several runs beside its truth, map and contour.

    Parameters
    ----------
    chosen : sequence of (CellRun, int)
        A run, and an index into its `samples`; two are in a row. A score above the run's threshold
        is called defective.
    """
    side, gap, space, text = 1.05, 0.04, 0.2, 0.2
    rows, width = -(-len(chosen) // 2), 8 * side + 6 * gap + space
    figure = Figure(figsize=(width, rows * (side + text + gap) + text))
    for place, (run, index) in enumerate(chosen):
        row, column = divmod(place, 2)
        left = column * (4 * side + 3 * gap + space)
        bottom = (rows - 1 - row) * (side + text + gap) + text
        axes = [_add_axes(figure, left + i * (side + gap), bottom, side, side) for i in range(4)]
        if row == 0:
            for ax, label in zip(axes, _ROWS, strict=True):
                ax.set_title(label, fontsize=8, pad=3)
        _draw_panels(axes, run, index, _map_scale(run))
        axes[0].annotate(
            _verdict(run, index),
            (0, 0),
            (0, -3),
            "axes fraction",
            "offset points",
            fontsize=8,
            va="top",
        )
    return figure


@styled
def all_by_score(run: CellRun) -> Figure:
    """Show all test images of ``common`` as small multiples, the highest score first.

    Where calibration has fixed a verdict, images on the wrong side of it are named as such.
    """
    chosen = np.flatnonzero(run.common)
    chosen = chosen[np.argsort(-run.scores[chosen], kind="stable")]
    threshold = run.score_threshold
    columns, side, text = _IN_A_ROW, 0.72, 0.3
    rows = -(-len(chosen) // columns)
    width, height = columns * side + 0.1, rows * (side + text)
    figure = new_figure("All test images by score", describe(run.cell), width, height + 0.25)
    figure.set_layout_engine("none")
    said = "blue frame: defective images" + (
        "" if threshold is None else f"; called defective above {threshold:.3g} (5 % false alarms)"
    )
    figure.text(0.008, 1 - 0.56 / figure.get_figheight(), said, va="top", fontsize=8, color=MUTED)
    for place, index in enumerate(chosen):
        row, column = divmod(place, columns)
        bottom = (rows - 1 - row) * (side + text) + text
        ax = _add_axes(figure, 0.05 + column * side, bottom, side - 0.06, side - 0.06)
        step = max(1, run.images.shape[1] // _SMALL)
        ax.imshow(run.images[index, ::step, ::step])
        if anomalous := bool(run.labels[index]):
            ax.spines[:].set(visible=True, color=NORMAL, linewidth=2.2)
        lines = [f"{run.scores[index]:.2f}", _shorten(run.samples[index].type, 13)]
        is_wrong = threshold is not None and (run.scores[index] > threshold) != anomalous
        if is_wrong:
            lines[1] = "missed" if anomalous else "false alarm"
        weight = "bold" if is_wrong else "normal"
        ax.set_xlabel(
            "\n".join(lines), fontsize=6, labelpad=1.5, linespacing=1.1, fontweight=weight
        )
    return figure


def ranking_errors(run: CellRun) -> np.ndarray:
    """How wrongly each test image is ranked.

    Returns
    -------
    ndarray of float, shape (N,)
        The share of the other class's images, among those of ``common``, that lie on the wrong
        side of its score, ties counting half; NaN where there are none.
    """
    errors = np.full(len(run.scores), np.nan)
    for anomalous in (False, True):
        mine = run.labels == anomalous
        others = run.scores[run.common & ~mine]
        if others.size:
            side = np.sign(run.scores[mine, None] - others)  # 1 above, 0 tied, -1 below
            errors[mine] = (1 - side if anomalous else 1 + side).mean(axis=1) / 2
    return errors


def wrong(run: CellRun, n: int = 6) -> list[int]:
    """Indices of test images of ``common`` on the wrong side of others, the worst first."""
    errors = ranking_errors(run)
    return [i for i in _by_error(run)[::-1] if run.common[i] and errors[i] > 0][:n]


def hardest(run: CellRun, n: int = 6) -> list[int]:
    """Indices of test images of ``common`` that are ranked rightly, the hardest first."""
    errors = ranking_errors(run)
    return [i for i in _by_error(run)[::-1] if run.common[i] and not errors[i] > 0][:n]


def best(run: CellRun, n: int = 6) -> list[int]:
    """Indices of the anomalous test images of ``common`` that are told most clearly."""
    return [i for i in _by_error(run) if run.common[i] and run.labels[i]][:n]


def _to_jpeg(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="jpeg", pil_kwargs={"quality": 60, "optimize": True})
    return buffer.getvalue()


def _layers(run: CellRun, index: int) -> Layers:
    heading = ", ".join(_column_heading(run, index, ranking_errors(run)).split("\n"))
    pixels = run.images[index], run.masks[index], run.maps[index]
    return layers(*pixels, run.threshold, _map_scale(run), run.samples[index].name, heading)


def _add_axes(figure: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    """Axes for a picture, placed in inches."""
    total_width, total_height = figure.get_size_inches()
    ax = figure.add_axes(
        (left / total_width, bottom / total_height, width / total_width, height / total_height)
    )
    ax.set(xticks=[], yticks=[])
    ax.grid(False)
    ax.spines[:].set_visible(False)
    return ax


def _draw_panels(axes: Iterable[Axes], run: CellRun, index: int, scale: Normalize) -> AxesImage:
    """Draw an image's four pictures; returns the map's, for a colour bar."""
    plain, truth, heat, contour = axes
    image, mask, map_ = run.images[index], run.masks[index], run.maps[index]
    plain.imshow(image)
    truth.imshow(image)
    _outline(truth, mask, 0.5, GROUND_TRUTH)
    mappable = heat.imshow(map_, cmap="magma", norm=scale)
    contour.imshow(image)
    if run.threshold is not None:
        _outline(contour, map_, run.threshold, CONTOUR)
    return mappable


def _outline(ax: Axes, values: np.ndarray, threshold: float, colour: str) -> None:
    """Line around the pixels above a threshold, framed so that it shows on any ground."""
    if not values.max() > threshold:
        return
    values = values.astype(np.float32)
    # A border below the threshold closes the line where the region touches the picture's edge.
    border = min(values.min(), 2 * threshold - values.max())
    padded = np.pad(values, 1, constant_values=border)
    y, x = np.ogrid[-1 : values.shape[0] + 1, -1 : values.shape[1] + 1]
    lines = ax.contour(x.ravel(), y.ravel(), padded, [threshold], colors=colour, linewidths=1.3)
    lines.set_path_effects([withStroke(linewidth=2.6, foreground="black", alpha=0.75)])


def _map_scale(run: CellRun) -> Normalize:
    """Colour scale of all maps of a cell, from the typical pixel to the greatest value.

    Its middle is the explicit boundary: what is bright lies beyond it.
    """
    low, high = float(np.median(run.maps[:, ::8, ::8])), float(run.maps.max())
    if run.threshold is not None and low < run.threshold < high:
        return TwoSlopeNorm(run.threshold, low, high)
    return Normalize(low, high)


def _colour_bar(figure: Figure, ax: Axes, mappable: AxesImage, threshold: float | None) -> None:
    bar = figure.colorbar(mappable, cax=ax)
    bar.outline.set_visible(False)
    ax.tick_params(labelsize=7, length=2)
    if threshold is not None and mappable.norm.vmin <= threshold <= mappable.norm.vmax:
        ax.axhline(threshold, color=CONTOUR, lw=2.5)
        ax.set_title("explicit\nboundary", fontsize=7.5, color="#9A6A00")


def _column_heading(run: CellRun, index: int, errors: np.ndarray) -> str:
    sample, score = run.samples[index], run.scores[index]
    lines = [_shorten(sample.type, 21), f"{_shorten(sample.path.stem, 10)} · score {score:.2f}"]
    if not np.isnan(errors[index]):
        others = int(np.sum(run.common & (run.labels != run.labels[index])))
        side, kind = ("below", "normals") if run.labels[index] else ("above", "anomalies")
        lines.append(f"{side} {errors[index] * others:.3g} of {others} {kind}")
    return "\n".join(lines)


def _verdict(run: CellRun, index: int) -> str:
    name = f"{display_name(run.cell.category)}, {run.samples[index].type.replace('_', ' ')}"
    if run.threshold is None:
        return name
    called = "defective" if run.scores[index] > run.threshold else "good"
    is_right = (called == "defective") == run.labels[index]
    return f"{name}: called {called}{'' if is_right else ', wrongly'}"


def _headline(run: CellRun, index: int) -> str:
    score, name = run.scores[index], _name(run.samples[index], 40)
    threshold = "" if run.threshold is None else f", threshold {run.threshold:.2f}"
    return f"{name} · score {score:.2f}{threshold}"


def _by_error(run: CellRun) -> np.ndarray:
    """All images from best to worst; among equals, by distance from the other class's median."""
    errors = np.nan_to_num(ranking_errors(run))
    margin = np.zeros(len(errors))
    for anomalous in (False, True):
        mine = run.labels == anomalous
        others = run.scores[run.common & ~mine]
        if others.size:
            margin[mine] = np.abs(run.scores[mine] - np.median(others))
    return np.lexsort((-margin, errors))


def _name(sample: Sample, limit: int) -> str:
    return _shorten(f"{sample.type} {sample.path.stem}", limit)


def _shorten(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
