"""Pictures of the synthetic stand-in: image, ground truth, anomaly map and contour.

``python -m benchmark demo`` trains a model of 10 shots for each category and writes
animated ``docs/demo/CATEGORY.webp``, ``docs/demo/strip.webp`` of some of them, and an executed copy
of ``notebooks/category.ipynb``.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from benchmark.paths import NOTEBOOK, cache_dir
from benchmark.protocol.cells import Cell
from benchmark.protocol.profiles import Profile
from benchmark.results.store import Store
from benchmark.show.gallery import panels, strip
from benchmark.show.layers import MEDIA_TYPE
from bgad.atomic import write_atomically
from bgad.data.synthetic import ensure
from bgad.errors import InputError

if TYPE_CHECKING:
    from benchmark.run.experiment import CellRun

__all__ = ["MAX_BYTES", "animation", "demo_images", "write_demos"]

MAX_BYTES = 250_000
STRIP = ("carpet", "metal_nut", "screw", "transistor")
"""Categories of the README's strip of pictures."""

_FRAMES = 8
_SECONDS = 1.8  # a frame
_DPI = 96
_STRIP_DPI = 190
_QUALITIES = (82, 70, 58, 46, 34, 22, 10)


def demo_images(run: CellRun, n: int = _FRAMES) -> list[int]:
    """Choose test images of ``common``: of each type in turn the next one by name.

    Returns
    -------
    list of int
        Indices into `run.samples`, anomalous types first, at most `n`.
    """
    by_type: dict[str, list[int]] = {}
    for index in np.flatnonzero(run.common).tolist():
        by_type.setdefault(run.samples[index].type, []).append(index)
    types = sorted(by_type, key=lambda type_: (type_ == "good", type_))
    turns = chain.from_iterable(zip_longest(*(by_type[type_] for type_ in types)))
    return [index for index in turns if index is not None][:n]


def animation(figures: Sequence[Figure], max_bytes: int = MAX_BYTES, dpi: float = _DPI) -> bytes:
    """Encode figures as an endless animated WebP, as well as the size allows.

    Parameters
    ----------
    figures : sequence of Figure
        Of the same size, one or more.
    max_bytes : int
        What the file may take.
    dpi : float
        Pixels for an inch.

    Raises
    ------
    InputError
        If it takes more even in the poorest quality.
    """
    frames = [_render(figure, dpi) for figure in figures]
    for quality in _QUALITIES:
        buffer = io.BytesIO()
        frames[0].save(
            buffer,
            "WEBP",
            save_all=True,
            append_images=frames[1:],
            duration=round(1000 * _SECONDS),
            loop=0,
            quality=quality,
            method=4,
        )
        if buffer.tell() <= max_bytes:
            return buffer.getvalue()
    raise InputError(f"{len(frames)} frames do not fit into {max_bytes} bytes: show fewer")


def write_demos(categories: Iterable[str], profile: Profile, folder: Path) -> Iterator[Path]:
    """Write ``CATEGORY.webp`` into a folder, from a 10-shot model of each category.

    If all of `STRIP` are among them, ``strip.webp`` follows, and ``category.ipynb`` as it is
    executed without parameters: its result goes where those of such a run go.
    """
    folder.mkdir(parents=True, exist_ok=True)
    chosen = {}
    for category in categories:
        run = _run(category, profile)
        indices = demo_images(run)
        if category in STRIP:
            chosen[category] = run, indices[0]
        path = folder / f"{category}.webp"
        path.write_bytes(animation([panels(run, index) for index in indices]))
        yield path
    if chosen.keys() == set(STRIP):
        path = folder / "strip.webp"
        figure = strip([chosen[category] for category in STRIP])
        path.write_bytes(animation([figure], dpi=_STRIP_DPI))
        yield path
        yield _execute(folder / NOTEBOOK.name)


def _execute(path: Path) -> Path:
    """Execute the notebook; its copy names no folder of this machine."""
    from benchmark.run.execute import execute

    with tempfile.TemporaryDirectory() as scratch:
        executed = Path(scratch) / path.name
        error, _ = execute(NOTEBOOK, executed, {})
        if error:
            raise InputError(f"{NOTEBOOK}: {error}")
        notebook = nbformat.read(executed, as_version=4)
    for part in (notebook, *notebook.cells):
        part.metadata.pop("papermill", None)
        part.metadata.pop("execution", None)
    for cell in notebook.cells:
        cell["outputs"] = [o for o in cell.get("outputs", []) if o.get("name") != "stderr"]
        for output in cell["outputs"]:
            output.get("data", {}).pop(MEDIA_TYPE, None)  # which only the report shows
        if cell.cell_type != "code":
            del cell["outputs"]
    write_atomically(path, nbformat.writes(notebook).encode())
    return path


def _run(category: str, profile: Profile) -> CellRun:
    from benchmark.run.experiment import run_cell  # needs torch: after the options were checked

    cell = Cell("synthetic", category, "general", 10, 0, profile.name)
    with tempfile.TemporaryDirectory() as scratch:
        run = run_cell(cell, ensure(cache_dir()), profile, Store(scratch), cache_dir())
    # A contour at the score beyond which an image is called defective rings nothing on good ones.
    return replace(run, threshold=run.score_threshold or run.threshold)


def _render(figure: Figure, dpi: float) -> Image.Image:
    figure.set_dpi(dpi)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
