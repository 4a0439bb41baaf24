"""Widgets over stored cells: two of them beside each other, at any threshold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import pandas as pd

from benchmark.show.explore import Counts, Stored, falsely_alarmed, missed, worst_of_types
from benchmark.show.labels import dataset_label, display_name
from benchmark.show.layers import svg
from bgad.errors import InputError

if TYPE_CHECKING:
    from ipywidgets import Widget

__all__ = ["explorer"]


def explorer(stored: Sequence[Stored], first: Stored | None = None) -> Widget:
    """Make widgets to choose two cells and an image, and to move their thresholds.

    Parameters
    ----------
    stored
        See `find_stored`.
    first
        Whose category is shown first.

    Raises
    ------
    InputError
        If there is no cell to choose.
    """
    import ipywidgets as widgets

    if not stored:
        raise InputError("no stored cell has kept its images' scores: run run_all.py first")
    dataset = widgets.Dropdown(description="Data set")
    category = widgets.Dropdown(description="Category")
    image = widgets.Dropdown(description="Image", layout={"width": "28rem"})
    zoom = widgets.FloatSlider(description="Zoom", value=1, min=1, max=8, step=0.5)
    opacity = widgets.FloatSlider(description="Map", value=0.0, min=0, max=1, step=0.05)
    boxes = {"value": True, "indent": False, "layout": {"width": "auto", "margin": "0 1rem"}}
    truth = widgets.Checkbox(description="Truth", **boxes)
    contour = widgets.Checkbox(description="Contour", **boxes)
    view = {"zoom": zoom, "map_opacity": opacity, "truth": truth, "contour": contour}
    panels = [_Panel(widgets, image, view, side) for side in (0, 1)]

    def choose_category(_: object = None) -> None:
        chosen = [s for s in stored if s.result.cell.dataset == dataset.value]
        _offer(category, sorted({s.result.cell.category for s in chosen}), display_name)

    def show_first() -> None:
        if first is not None:
            dataset.value = first.result.cell.dataset
            choose_category()
            category.value = first.result.cell.category

    def choose_cells(_: object = None) -> None:
        key = dataset.value, category.value
        chosen = [s for s in stored if (s.result.cell.dataset, s.result.cell.category) == key]
        for panel in panels:
            panel.offer(chosen)

    _offer(dataset, sorted({s.result.cell.dataset for s in stored}), dataset_label)
    choose_category()
    show_first()
    choose_cells()
    dataset.observe(choose_category, "value")
    category.observe(choose_cells, "value")
    where = widgets.HBox([dataset, category, image], layout={"flex_flow": "row wrap"})
    how = widgets.HBox([zoom, opacity, truth, contour], layout={"flex_flow": "row wrap"})
    return widgets.VBox([where, how, widgets.HBox([panel.box for panel in panels])])


class _Panel:
    """One cell's part of the explorer."""

    def __init__(self, widgets: Any, image: Widget, view: dict[str, Widget], side: int) -> None:
        self.image, self.view, self.side = image, view, side
        self.stored: Stored | None = None
        self.profile, self.shots, self.seed, self.named = (
            widgets.Dropdown(description=text) for text in ("Profile", "Shots", "Seed", "Set to")
        )
        self.threshold = widgets.FloatSlider(
            description="Threshold", readout_format=".3f", layout={"width": "24rem"}
        )
        self.counts, self.picture, self.tables = (widgets.HTML() for _ in range(3))
        self.picture.layout.width = "26rem"
        parts = (self.profile, self.shots, self.seed, self.named, self.threshold)
        self.box = widgets.VBox([*parts, self.counts, self.picture, self.tables])
        self.box.layout.margin = "0 1rem 0 0"
        self._chosen: list[Stored] = []
        for widget, act in (
            (self.profile, self._offer_shots),
            (self.shots, self._offer_seeds),
            (self.seed, self._take),
            (self.named, self._set_threshold),
            (self.threshold, self._show),
            (image, self._show_picture),
            *((widget, self._show_picture) for widget in view.values()),
        ):
            widget.observe(act, "value")

    def offer(self, chosen: list[Stored]) -> None:
        """Take the cells of another category."""
        self._chosen, self.stored = chosen, None
        _offer(self.profile, sorted({s.result.cell.profile for s in chosen}))
        self._offer_shots()

    def _of(self, **fields: Any) -> list[Stored]:
        return [
            s
            for s in self._chosen
            if all(_field(s.result.cell, name) == value for name, value in fields.items())
        ]

    def _offer_shots(self, _: object = None) -> None:
        shots = sorted(
            {_field(s.result.cell, "shots") for s in self._of(profile=self.profile.value)}
        )
        first = shots[-1 if self.side else 0] if shots else None
        _offer(self.shots, shots, lambda key: key[1], first)
        self._offer_seeds()

    def _offer_seeds(self, _: object = None) -> None:
        cells = self._of(profile=self.profile.value, shots=self.shots.value)
        _offer(self.seed, sorted({_field(s.result.cell, "seed") for s in cells}))
        self._take()

    def _take(self, _: object = None) -> None:
        key = {name: getattr(self, name).value for name in ("profile", "shots", "seed")}
        found = self._of(**key)
        if not found or found[0] is self.stored:
            return
        self.stored = None  # what follows is shown once, in the end
        stored = found[0]
        values = [*stored.scores["score"], *stored.thresholds.values()]
        low, high = float(min(values)), float(max(values))
        room = 0.02 * (high - low) or 1.0
        self.threshold.min, self.threshold.max = min(low, self.threshold.min), high + room
        self.threshold.min, self.threshold.step = low - room, room / 10
        self.named.options = [(f"{k} ({v:.3f})", v) for k, v in stored.thresholds.items()]
        self.stored = stored
        self.named.value = next(iter(stored.thresholds.values()), None)
        self._set_threshold()
        if self.side == 0:
            self._offer_images()
        self._show()

    def _offer_images(self) -> None:
        table = self.stored.scores
        scores = dict(zip(table["name"], table["score"], strict=True))
        _offer(self.image, scores, lambda name: f"{name} · {scores[name]:.3f}")

    def _set_threshold(self, _: object = None) -> None:
        if self.stored is not None and self.named.value is not None:
            self.threshold.value = self.named.value

    def _show(self, _: object = None) -> None:
        if self.stored is None:
            return
        scores, threshold = self.stored.scores, self.threshold.value
        counts = Counts.at(scores, threshold)
        self.counts.value = _counts_html(counts)
        worst = worst_of_types(scores)
        self.tables.value = "".join(
            f"<p style='margin:.6em 0 0'><b>{title}</b></p>{_table(table)}"
            for title, table in (
                (f"Missed: {counts.missed}", missed(scores, threshold)),
                (f"Falsely alarmed: {counts.false_alarms}", falsely_alarmed(scores, threshold)),
                ("Worst image of each type", worst),
            )
        )
        self._show_picture()

    def _show_picture(self, _: object = None) -> None:
        if self.stored is None or self.image.value is None:
            return
        view = {name: widget.value for name, widget in self.view.items()}
        zoom = view.pop("zoom")
        known = (self.stored.scores["name"] == self.image.value).any()
        drawn = self.stored.picture(self.image.value, self.threshold.value) if known else None
        if drawn is None:
            why = self.stored.why_no_picture() if known else "this cell has not tested this image"
            self.picture.value = f"<p>No picture: {escape(why)}.</p>"
            return
        self.picture.value = (
            f"<div style='overflow:auto;width:25rem;height:25rem' tabindex=0>"
            f"<div style='width:{100 * zoom:g}%'>{svg(drawn, **view)}</div></div>"
            f"<p style='margin:0'>{escape(drawn.heading)}</p>"
        )


def _field(cell: Any, name: str) -> Any:
    """What tells cells apart: shots with the setting, a seed with those that were set apart."""
    if name == "shots":
        rest = ", ".join(filter(None, (cell.setting, cell.known_type, cell.control)))
        return cell.shots, f"{cell.shots}, {rest}"
    if name == "seed":
        return " ".join([str(cell.seed), *(f"{k} {v}" for k, v in cell.seeds_apart.items())])
    return getattr(cell, name)


def _offer(
    dropdown: Any,
    values: Iterable[Any],
    label: Callable[[Any], str] = str,
    first: Any = None,
) -> None:
    """Change a dropdown's options, and keep its value if that is still one of them."""
    options = [(label(value), value) for value in values]
    kept = dropdown.value
    if list(dropdown.options) == options:
        return
    dropdown.options = options
    there = [value for _, value in options]
    if there:
        dropdown.value = kept if kept in there else there[0] if first is None else first


def _counts_html(counts: Counts) -> str:
    shares = ", ".join(f"{name} <b>{value:.3f}</b>" for name, value in counts.shares().items())
    rows = {
        "defective": {"called defective": counts.found, "called good": counts.missed},
        "good": {"called defective": counts.false_alarms, "called good": counts.passed},
    }
    return f"<p style='margin:0'>{shares}</p>{pd.DataFrame(rows).T.to_html(border=0)}"


def _table(table: pd.DataFrame) -> str:
    if table.empty:
        return "<p style='margin:0'>none</p>"
    return table.to_html(index=False, border=0, float_format="{:.3f}".format, justify="left")
