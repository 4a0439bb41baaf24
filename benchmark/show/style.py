"""One look for all figures: colours, type sizes, heading."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import matplotlib as mpl
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
    "legend_beside",
    "new_figure",
    "styled",
]

# Okabe and Ito's palette, told apart with every common colour vision.
NORMAL, ANOMALOUS = "#0072B2", "#D55E00"
KNOWN, TESTED, ASIDE = "#CC79A7", "#56B4E9", "#C4C4C4"
GROUND_TRUTH, CONTOUR = "#56B4E9", "#E69F00"
BOUNDARY, MUTED = "#1A1A1A", "#6B6B6B"
CYCLE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")

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
_HEADING = 0.58  # inches

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
        Inches; the heading comes on top.
    """
    total = height + _HEADING
    figure = Figure(figsize=(width, total), layout="constrained")
    figure.get_layout_engine().set(rect=(0, 0, 1, height / total))
    left = 0.08 / width
    figure.text(left, 1 - 0.10 / total, title, va="top", fontsize=12, fontweight="bold")
    figure.text(left, 1 - 0.34 / total, subtitle, va="top", fontsize=9, color=MUTED)
    return figure


def legend_beside(ax: Axes, title: str | None = None) -> None:
    """Put the legend on the right, outside of the axes."""
    place = {"loc": "upper left", "bbox_to_anchor": (1.01, 1), "borderaxespad": 0}
    ax.legend(**place, fontsize=8.5, title=title, alignment="left")


def describe(cell: Cell) -> str:
    """Subtitle of a cell's figures."""
    return f"{dataset_label(cell.dataset)} · {cell} · profile {cell.profile}"
