"""Figures of one cell: its split, training, curves and scores."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmark.show.labels import SHORT_TITLES
from benchmark.show.style import (
    ANOMALOUS,
    ASIDE,
    BOUNDARY,
    CYCLE,
    KNOWN,
    MUTED,
    NORMAL,
    TESTED,
    describe,
    legend_beside,
    new_figure,
    styled,
)
from bgad.metrics import PixelCurve, pixel_curve

if TYPE_CHECKING:
    from benchmark.run.experiment import CellRun
    from bgad.data.folder import Sample

__all__ = [
    "detection_curves",
    "metrics_table",
    "score_distributions",
    "split_overview",
    "training_curves",
    "types_table",
]

_CURVE_POINTS = 1000
_BINS = 120


def metrics_table(run: CellRun) -> pd.DataFrame:
    """Figures of a cell on both test sets; in brackets a 95 % interval, if there is one.

    "n/d" stands for undefined.
    """
    columns = {}
    for test_set, metrics in run.result.metrics.items():
        intervals = run.result.intervals.get(test_set, {})
        columns[f"test set {test_set}"] = [
            _figure_text(getattr(metrics, name), intervals.get(name)) for name in SHORT_TITLES
        ]
    return pd.DataFrame(columns, index=list(SHORT_TITLES.values()))


def types_table(run: CellRun) -> pd.DataFrame:
    """Figures of each anomaly type on ``common``; in the last row, those of the good images.

    A good image that is called defective is a false alarm.
    """
    result, scores = run.result, run.scores
    types = np.array([sample.type for sample in run.samples])
    called = {}
    if run.threshold is not None:
        called["beyond the explicit boundary"] = (
            np.array([m.max() for m in run.maps]) > run.threshold
        )
    if (threshold := run.score_threshold) is not None:
        called["called defective, 5 % calibrated"] = scores > threshold
    rows = {}
    for kind, figures in sorted(result.per_type.get("common", {}).items()):
        chosen = run.common & (types == kind)
        rows[f"{kind}: recall"] = {
            "images": figures.n,
            "image-AUC": _figure_text(figures.image_auroc),
        }
        rows[f"{kind}: recall"] |= {name: f"{of[chosen].mean():.3f}" for name, of in called.items()}
    good = run.common & ~run.labels
    if good.any():
        shares = {name: f"{of[good].mean():.3f}" for name, of in called.items()}
        rows["good: false alarms"] = {"images": int(good.sum()), "image-AUC": ""} | shares
    return pd.DataFrame(rows).T


@styled
def split_overview(run: CellRun) -> Figure:
    """Show how many images of each type are known, set aside and tested, and which are known.

    Set aside are those that the test set ``common`` lacks because more shots would know them.
    """
    tested = [s for s, common in zip(run.samples, run.common, strict=True) if common]
    aside = [s for s, common in zip(run.samples, run.common, strict=True) if not common]
    types = _types([*run.samples, *run.known])
    height = 0.55 + 0.3 * len(types)
    n_normal = len(run.split.train_normal)
    figure = new_figure(
        f"Split: {n_normal} normal images to train on", describe(run.cell), 10, height
    )
    ax = figure.subplots()
    left = np.zeros(len(types))
    for label, samples, colour in (
        ("known anomaly", run.known, KNOWN),
        ("set aside", aside, ASIDE),
        ("tested", tested, TESTED),
    ):
        counts = np.array([sum(s.type == type_ for s in samples) for type_ in types])
        if not counts.any():
            continue
        bars = ax.barh(types, counts, left=left, color=colour, height=0.72, label=label)
        ink = "white" if colour == KNOWN else "black"
        numbers = [str(n) if n else "" for n in counts]
        ax.bar_label(bars, numbers, label_type="center", fontsize=8, color=ink)
        left += counts
    for row, type_ in enumerate(types):
        files = ", ".join(s.path.stem for s in run.known if s.type == type_)
        if files:
            ax.annotate(
                f"known: {files}",
                (left[row], row),
                (6, 0),
                textcoords="offset points",
                va="center",
                fontsize=8,
                color=MUTED,
            )
    ax.invert_yaxis()
    ax.margins(x=0.25)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.grid(axis="y", visible=False)
    ax.tick_params(left=False)
    ax.set_xlabel("Images")
    legend_beside(ax)
    return figure


@styled
def training_curves(run: CellRun) -> Figure:
    """Draw losses, likelihood of the normal vectors and explicit boundary, level by level."""
    levels = len(run.history)
    figure = new_figure("Training, level by level", describe(run.cell), 10, 4.2)
    axes = figure.subplots(2, levels, sharex="col", sharey="row", squeeze=False)
    terms = {"ml": "maximum likelihood", "pull": "pull", "push": "push"}
    traces = {"log_likelihood": "mean of normal vectors", "boundary": "explicit boundary"}
    for level, history in enumerate(run.history):
        place = {0: " (finest)", levels - 1: " (coarsest)"}.get(level, "")
        axes[0, level].set_title(f"Level {level + 1}{place}")
        for colour, (key, label) in zip(CYCLE, terms.items(), strict=False):
            _curve(axes[0, level], history[key], colour, label)
        for colour, (key, label) in zip((NORMAL, BOUNDARY), traces.items(), strict=True):
            _curve(axes[1, level], history[key], colour, label)
        axes[1, level].set_xlabel("Step")
    axes[0, 0].set_ylabel("Loss")
    axes[1, 0].set_ylabel("Log-likelihood\nper channel")
    for row, keys in zip(axes, (terms, traces), strict=True):
        row[0].set_ylim(*_robust_limits([h[key] for h in run.history for key in keys]))
        legend_beside(row[-1])
    figure.align_ylabels(axes[:, 0])
    return figure


@styled
def detection_curves(run: CellRun) -> Figure:
    """Draw ROC and precision-recall curves of images and of pixels, on the test set ``common``.

    The dot is the operating point of the explicit boundary, known before any test image was seen;
    the diamond that of the best F1, which only the test labels can tell.
    """
    metrics = run.result.metrics["common"]
    figure = new_figure("Detection of anomalous images and pixels", describe(run.cell), 10, 2.9)
    axes = figure.subplots(1, 4)
    image_scores, image_labels = (v.reshape(-1, 1, 1) for v in (run.scores, run.labels))
    for level, roc, precision_recall, scores, labels, threshold in (
        ("image", *axes[:2], image_scores, image_labels, _boundary_of_scores(run)),
        ("pixel", *axes[2:], run.maps, run.masks, run.threshold),
    ):
        area, average = getattr(metrics, f"{level}_auroc"), getattr(metrics, f"{level}_ap")
        roc.set_title(f"{level.title()} ROC · AUC {_figure_text(area)}")
        roc.set(xlabel="False-positive rate", ylabel="True-positive rate")
        precision_recall.set_title(f"{level.title()} PR · AP {_figure_text(average)}")
        precision_recall.set(xlabel="Recall", ylabel="Precision")
        for ax in (roc, precision_recall):
            ax.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), aspect="equal")
        thresholds = () if threshold is None else (threshold,)
        curve = pixel_curve(scores, labels, thresholds, np.flatnonzero(run.common))
        if area is None:
            for ax in (roc, precision_recall):
                ax.text(0.5, 0.5, "undefined:\none class only", ha="center", color=MUTED)
            continue
        _draw_curve(roc, precision_recall, curve, threshold)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=8.5)
    return figure


@styled
def score_distributions(run: CellRun) -> Figure:
    """Draw the scores of images by type, and of pixels, on ``common``, with the boundary."""
    scores, samples = run.scores[run.common], np.array(run.samples, dtype=object)[run.common]
    types = _types(samples)
    height = max(2.6, 0.6 + 0.32 * len(types))
    figure = new_figure("Scores and the explicit boundary", describe(run.cell), 10, height)
    by_type, pixels = figure.subplots(1, 2, width_ratios=(1.15, 1))
    names = np.array([sample.type for sample in samples])
    hue = np.where(names == "good", "normal", "anomalous")
    palette = {"normal": NORMAL, "anomalous": ANOMALOUS}
    common = {"x": scores, "y": names, "order": types, "hue": hue, "palette": palette}
    sns.stripplot(**common, ax=by_type, legend=False, size=4, alpha=0.65, jitter=0.2)
    medians = [np.median(scores[names == type_]) for type_ in types]
    by_type.plot(medians, range(len(types)), "|", ms=17, mew=2, color="#444444")
    labels = [f"{type_} ({np.sum(names == type_)})" for type_ in types]
    by_type.set_yticks(range(len(types)), labels)
    by_type.tick_params(left=False)
    by_type.set(title="Images by type (bar: median)", xlabel="Image score", ylabel=None)
    maps, masks = run.maps[run.common], run.masks[run.common]
    edges = np.linspace(maps.min(), maps.max(), _BINS + 1)
    for label, values in (("normal", maps[~masks]), ("anomalous", maps[masks])):
        if values.size:
            density = np.histogram(values, edges, density=True)[0]
            pixels.stairs(density, edges, fill=True, alpha=0.25, color=palette[label])
            pixels.stairs(density, edges, color=palette[label], lw=1.4, label=label)
    pixels.set_yscale("log")
    pixels.yaxis.set_major_formatter("{x:g}")
    pixels.yaxis.set_minor_formatter("")
    pixels.set(title="Pixels", xlabel="Map value", ylabel="Density (log scale)")
    for ax, threshold in ((by_type, _boundary_of_scores(run)), (pixels, run.threshold)):
        if threshold is not None:
            ax.axvline(threshold, color=BOUNDARY, lw=1.3, ls="--", label="explicit boundary")
    legend_beside(pixels)
    return figure


def _boundary_of_scores(run: CellRun) -> float | None:
    """The explicit boundary, a map's value, among image scores; None where these are no maxima."""
    maxima = np.array([map_.max() for map_ in run.maps])
    return run.threshold if np.allclose(maxima, run.scores, rtol=1e-6) else None


def _draw_curve(
    roc: Axes, precision_recall: Axes, curve: PixelCurve, threshold: float | None
) -> None:
    """Draw both curves of images or pixels, with their two operating points."""
    false_positive_rate, recall = curve.roc()
    precision, _ = curve.precision_recall()
    last = len(recall) - 1
    shown = np.unique(np.linspace(0, last, _CURVE_POINTS).astype(int))
    roc.plot([0, 1], [0, 1], color=ASIDE, lw=1, ls=":")
    roc.plot(
        [0, *false_positive_rate[shown], 1],
        [0, *recall[shown], 1],
        color=NORMAL,
        drawstyle="steps-post",
    )
    prevalence = curve.positives.sum() / (curve.positives.sum() + curve.negatives)
    precision_recall.axhline(prevalence, color=ASIDE, lw=1, ls=":")
    precision_recall.plot([*recall[shown], 1], [*precision[shown], prevalence], color=NORMAL)
    points = [(curve.f1_max().threshold, "D", "white", "best F1 (chosen on test)")]
    if threshold is not None:
        points.append((threshold, "o", BOUNDARY, "explicit boundary"))
    for value, marker, colour, label in points:
        at = last - np.searchsorted(curve.edges, np.float32(value))
        style = {"c": colour, "edgecolors": BOUNDARY, "marker": marker, "s": 30, "zorder": 3}
        roc.scatter(false_positive_rate[at], recall[at], **style, label=label)
        precision_recall.scatter(recall[at], precision[at], **style)


def _curve(ax: Axes, values: np.ndarray, colour: str, label: str) -> None:
    """Draw a noisy curve with its running mean; nothing if it is zero throughout."""
    if not np.any(values):
        return
    steps = np.arange(len(values))
    ax.plot(steps, values, color=colour, alpha=0.22, lw=0.8)
    smooth = pd.Series(values).rolling(max(1, len(values) // 20), 1, center=True).mean()
    ax.plot(steps, smooth, color=colour, label=label)


def _robust_limits(series: Iterable[np.ndarray]) -> tuple[float, float]:
    """Limits that a few outliers do not stretch."""
    values = np.concatenate([values for values in series if np.any(values)])
    low, high = np.quantile(values, [0.005, 0.995])
    room = 0.06 * max(high - low, 1e-6)
    return low - room, high + room


def _types(samples: Iterable[Sample]) -> list[str]:
    """Types that occur, the normal one first."""
    return sorted({sample.type for sample in samples}, key=lambda type_: (type_ != "good", type_))


def _figure_text(value: float | None, interval: tuple[float, float] | None = None) -> str:
    if value is None:
        return "n/d"
    return f"{value:.3f}" + (f" ({interval[0]:.3f} to {interval[1]:.3f})" if interval else "")
