"""One look for all figures: colours, type sizes, heading."""

from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import Literal, ParamSpec, TypeVar

import matplotlib as mpl
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmark.protocol.cells import Cell
from benchmark.show.labels import dataset_label

__all__ = [
    "ANOMALOUS",
    "ASIDE",
    "BOUNDARY",
    "CONTOUR",
    "CYCLE",
    "GROUND_TRUTH",
    "KNOWN",
    "MUTED",
    "NORMAL",
    "TESTED",
    "describe",
    "fit_shares",
    "legend_beside",
    "new_figure",
    "styled",
]

# Okabe and Ito's palette, told apart with every common colour vision; its blue is darkened, and the
# first three differ in lightness, so that they are told apart in print, too.
CYCLE = ("#004C7F", "#D55E00", "#56B4E9", "#009E73", "#CC79A7", "#E69F00")
NORMAL, ANOMALOUS = CYCLE[:2]
KNOWN, TESTED, ASIDE = "#7A3B69", "#56B4E9", "#D4D4D4"
GROUND_TRUTH, CONTOUR = "#56B4E9", "#E69F00"
BOUNDARY, MUTED = "#1A1A1A", "#6B6B6B"

_RC = {
    **sns.axes_style("ticks"),
    **sns.plotting_context("paper"),
    "axes.edgecolor": "#9A9A9A",
    "axes.grid": True,
    "axes.labelcolor": "#333333",
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 9.5,
    "figure.dpi": 110,
    "figure.facecolor": "white",
    "grid.color": "#ECECEC",
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "text.color": "#222222",
    "text.parse_math": False,  # names are shown as they are, "$" included
    "xtick.color": "#6B6B6B",
    "ytick.color": "#6B6B6B",
    "xtick.labelcolor": "#333333",
    "ytick.labelcolor": "#333333",
}
_HEADING, _MARGIN = 0.58, 0.08  # inches

_Parameters = ParamSpec("_Parameters")
_Return = TypeVar("_Return")


def styled(draw: Callable[_Parameters, _Return]) -> Callable[_Parameters, _Return]:
    """Let a function draw in this style, and leave matplotlib's settings as they were."""

    @wraps(draw)
    def drawn(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Return:
        with mpl.rc_context(_RC):
            return draw(*args, **kwargs)

    return drawn


def new_figure(title: str, subtitle: str, width: float, height: float) -> Figure:
    """Make an empty figure with a heading.

    It does not belong to pyplot: there is nothing to close.

    Parameters
    ----------
    title, subtitle
        What is seen, and of what.
    width, height
        Inches; the heading comes on top, and makes the figure wider where it needs to.
    """
    total = height + _HEADING
    figure = Figure(figsize=(width, total), layout="constrained")
    figure.get_layout_engine().set(rect=(0, 0, 1, height / total))
    texts = (
        figure.text(0, 1 - 0.10 / total, title, va="top", fontsize=12, fontweight="bold"),
        figure.text(0, 1 - 0.34 / total, subtitle, va="top", fontsize=9, color=MUTED),
    )
    needed = max(text.get_window_extent().width for text in texts) / figure.dpi + 2 * _MARGIN
    figure.set_figwidth(max(width, needed))
    for text in texts:
        text.set_x(_MARGIN / figure.get_figwidth())
    return figure


def fit_shares(axes: Iterable[Axes], axis: Literal["x", "y"], least: float = 0.05) -> None:
    """Let an axis that several have in common end where their shares do, but never beyond 0 and 1.

    Parameters
    ----------
    axes
        Drawn already; marks at a limit stay whole.
    axis
        Which.
    least
        Range at least: what looks far apart is.
    """
    axes = list(axes)
    intervals = np.array([getattr(ax.dataLim, f"interval{axis}") for ax in axes])
    intervals = intervals[np.isfinite(intervals).all(axis=1)]
    if not intervals.size:
        return
    low, high = intervals[:, 0].min(), intervals[:, 1].max()
    room = max(least - (high - low), 0.08 * (high - low)) / 2
    low, high = low - room, high + room
    low, high = low - max(high - 1, 0), high - min(low, 0)  # moved inside as a whole first
    for ax in axes:
        ax.set(**{f"{axis}lim": (max(low, 0), min(high, 1))})
        for artist in (*ax.lines, *ax.collections):
            artist.set(clip_on=False, in_layout=False)


def legend_beside(ax: Axes, title: str | None = None, of: Sequence[Axes] = ()) -> None:
    """Put a legend on the right, outside: of these axes, or of several, each label once."""
    found = [each.get_legend_handles_labels() for each in of or [ax]]
    entries = {label: handle for parts in found for handle, label in zip(*parts, strict=True)}
    place = {"loc": "upper left", "bbox_to_anchor": (1.01, 1), "borderaxespad": 0.7}
    ax.legend(entries.values(), entries, **place, fontsize=8.5, title=title, alignment="left")


def describe(cell: Cell) -> str:
    """Subtitle of a cell's figures."""
    return f"{dataset_label(cell.dataset)} · {cell} · profile {cell.profile}"
