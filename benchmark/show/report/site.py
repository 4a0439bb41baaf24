"""The report's pages: what is on them, and writing them."""

import json
import shutil
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from benchmark.paths import DEMOS
from benchmark.protocol.cells import Cell
from benchmark.protocol.metrics import METRICS
from benchmark.protocol.schema import Failure, Result
from benchmark.results import references
from benchmark.results.frame import grid_cells, results_frame
from benchmark.results.locate import locate
from benchmark.results.rescore import curves
from benchmark.results.store import Store, load_all
from benchmark.results.verdict import judge
from benchmark.show import html, overview
from benchmark.show.document import Code, Note, Section, Table
from benchmark.show.explore import Stored, find_stored
from benchmark.show.labels import HEADLINE, SHORT_TITLES, dataset_label, display_name, not_run
from benchmark.show.layers import svg
from benchmark.show.report.compare import image_layers, image_scores
from benchmark.show.report.notebooks import Executed, find_notebooks
from benchmark.show.report.pictures import Picture, from_figure, from_file, pixel_curves
from benchmark.show.tables import (
    OF_RUN,
    SECTIONS,
    Source,
    anomaly_types,
    category,
    failures,
    make_section,
    missed,
    provenance,
    runs,
    scores,
    verdict,
)
from bgad.atomic import write_atomically
from bgad.data.registry import DATASETS, find_dataset
from bgad.errors import InputError
from bgad.progress import Progress, tell

__all__ = ["write_report"]

_PICTURES = 1_650_000
"""Bytes of a page's pictures at most: with all else it stays below 2 MB."""

_WITHOUT_PICTURES = Note(
    "results hold figures alone, and no image of a data set is published with them. A run on your "
    "machine has its galleries here: ",
    Code("python run_all.py --dataset NAME --data-root DIR"),
    ".",
)


def write_report(out: str | Path, published: str | Path, own: Sequence[str | Path] = ()) -> Path:
    """Write the report: ``index.html``, a page for each category, and executed notebooks.

    A run on data that none of the published cells are of has ``index.html`` for itself; the others
    are then on ``published.html``. ``compare.html`` holds two runs against each other, if any kept
    their scores.

    Pictures of images that are not synthetic are in it only if a run's notebooks are: those are
    under no version control, and their report must not be, either.

    Parameters
    ----------
    out
        Folder of the report.
    published, own
        Folders of results; own cells win, and are held against the published ones.

    Returns
    -------
    Path
        Its first page.
    """
    out, roots = Path(out), [Path(published), *map(Path, own)]
    results = load_all(roots)
    source = Source.read(published, own)
    notebooks = find_notebooks(roots)
    cells = grid_cells(source.frame)
    failed = [failure for root in own for failure in Store(root).failures()]
    mine = {entry.cell.dataset for entry in [*load_all(own), *failed]}
    datasets = sorted(cells["dataset"].unique(), key=lambda name: (name not in mine, _place(name)))
    pairs = cells[["dataset", "category"]].drop_duplicates()
    located, kept = locate(roots), find_stored(roots)
    tell("writing the report: %d pages of categories", len(pairs))
    progress = Progress(len(pairs))
    for dataset in datasets:
        for name in pairs.loc[pairs["dataset"] == dataset, "category"]:
            place = dataset, name
            chosen = [r for r in results if (r.cell.dataset, r.cell.category) == place]
            executed = [n for n in notebooks if (n.dataset, n.category) == place]
            here = [(s, r) for s, r in located if (r.cell.dataset, r.cell.category) == place]
            judged = [k for k in kept if (k.result.cell.dataset, k.result.cell.category) == place]
            page = _category_page(out, dataset, name, chosen, executed, here, judged)
            _write(out / dataset / f"{name}.html", "category.html", **page)
            progress.advance()
    judgement = judge(source.published, results_frame(load_all(own)))
    stored = image_scores(kept)
    compare = {name: stored[name] for name in datasets if name in stored}
    if compare:
        scores = json.dumps(compare, ensure_ascii=False)
        layers = image_layers(
            notebooks, [result.cell for result in results], _PICTURES - len(scores)
        )
        _write(out / "compare.html", "compare.html", scores=scores, layers=layers)
    rest = {
        "compare": bool(compare),
        "verdict": verdict.section(judgement),
        "verdict_word": judgement.word,
    }
    index = out / "index.html"
    if not mine or mine & set(source.published["dataset"]):
        _write_index(index, source, datasets, results, failed=failed, others=None, **rest)
        return index
    elsewhere = [name for name in datasets if name not in mine]
    others = "published.html" if elsewhere else None
    if others:
        _write_index(out / others, source, elsewhere, results, others=None, **rest)
    ours = replace(source, frame=source.frame[source.frame["dataset"].isin(mine)])
    own_data = [name for name in datasets if name in mine]
    names = [*(f"advice-{name}" for name in own_data), *OF_RUN]
    _write_index(index, ours, own_data, results, names, failed, others=others, **rest)
    return index


def _place(dataset: str) -> int:
    """Where tables show a data set: after the user's own, in the order of the registry."""
    return list(DATASETS).index(dataset) if dataset in DATASETS else -1


def _write_index(
    path: Path,
    source: Source,
    datasets: Sequence[str],
    results: Sequence[Result],
    names: Sequence[str] = tuple(SECTIONS),
    failed: Sequence[Failure] = (),
    **context: Any,
) -> None:
    results = [result for result in results if result.cell.dataset in datasets]
    made = {name: make_section(name, source) for name in names if name != "findings"}
    sections = {name: section for name, section in made.items() if html.has_content(section)}
    lost = failures.section(failed)
    first = [name for name in sections if name.startswith(("all-findings", "advice-"))]
    cells = grid_cells(source.frame[source.frame["dataset"].isin(datasets)])
    filters = {
        "dataset": [(name, dataset_label(name)) for name in datasets],
        "profile": [(name, name) for name in sorted(cells["profile"].unique())],
        "shots": [(n, n) for n in sorted(cells["shots"].unique())],
        "metric": list(SHORT_TITLES.items()),
    }
    _write(
        path,
        "index.html",
        findings=[*([lost] if lost.blocks else []), *(sections.pop(name) for name in first)],
        datasets=[_dataset_section(source.frame, dataset) for dataset in datasets],
        sections=list(sections.values()),
        legend=scores.LEGEND,
        best=category.BEST,
        provenance=provenance.section(results),
        n_results=len(results),
        filters=filters,
        root="",
        **context,
    )


def _dataset_section(frame: pd.DataFrame, dataset: str) -> dict[str, Any]:
    cells = grid_cells(frame, dataset)
    categories = find_dataset(dataset).ordered(cells["category"])
    links = {display_name(name): _category_link(dataset, name) for name in categories}

    def tables(metrics: Sequence[str]) -> dict[str, Table]:
        return {metric: scores.score_table(frame, dataset, metric) for metric in metrics}

    return {
        "name": dataset,
        "label": dataset_label(dataset),
        "is_synthetic": find_dataset(dataset).is_synthetic,
        "n_runs": len(cells),
        "links": links,
        "not_run": ", ".join(map(display_name, not_run(dataset, cells["category"]))),
        "headline": tables(HEADLINE),
        "images": scores.images(cells, dataset),
        "others": tables([metric for metric in METRICS if metric not in HEADLINE]),
        "figures": _overview_figures(frame, cells, dataset),
    }


def _overview_figures(frame: pd.DataFrame, cells: pd.DataFrame, dataset: str) -> list[Picture]:
    figures = []
    if cells.loc[cells["setting"] == "general", "shots"].nunique() > 1:
        figures += [overview.shots_curves(frame, dataset, name) for name in HEADLINE[::2]]
    for profile in sorted(cells["profile"].unique()):
        figures.append(overview.general_and_hard(frame, dataset, profile))
        figures.append(overview.boundary_and_oracle(frame, dataset, profile))
    comparison = references.compare(frame, references.load_references())
    if shots := max(comparison["shots"], default=0):
        figures.append(overview.ours_and_references(comparison, dataset, shots))
    return [from_figure(figure) for figure in figures if figure is not None]


def _category_page(
    out: Path,
    dataset: str,
    name: str,
    results: Sequence[Result],
    notebooks: Sequence[Executed],
    located: Sequence[tuple[Store, Result]],
    kept: Sequence[Stored],
) -> dict[str, Any]:
    frame = results_frame(results)
    cells = grid_cells(frame)
    label = f"{display_name(name)}, {dataset_label(dataset)}"
    is_synthetic = find_dataset(dataset).is_synthetic
    galleries = []
    demo = DEMOS / f"{name}.webp"
    if is_synthetic and demo.is_file():
        alt = "Test images in turn: image, ground truth, anomaly map, contour"
        galleries.append(("Ten known anomalies, profile quick", [from_file(demo, alt)]))
    for notebook in notebooks:
        galleries += _galleries(notebook, results)
    shown = _light(galleries)
    sections: list[Section] = [
        category.section(cells),
        anomaly_types.section(cells),
        missed.section(_readable(kept)),
        runs.section(frame),
    ]
    return {
        "label": label,
        "dataset": dataset_label(dataset),
        "category": display_name(name),
        "is_synthetic": is_synthetic,
        "root": "../",
        "sections": [section for section in sections if section.blocks],
        "curves": _curves(located, label),
        "galleries": shown,
        "n_left_out": sum(len(p) for _, p in galleries) - sum(len(p) for _, p in shown),
        "why_none": _WITHOUT_PICTURES,
        "notebooks": _write_notebooks(out / dataset, label, notebooks),
    }


def _readable(kept: Sequence[Stored]) -> Iterator[tuple[Cell, pd.DataFrame]]:
    for stored in kept:
        cell, config = stored.result.cell, stored.result.config
        if config.study is not None or cell.seeds_apart:
            continue
        try:
            yield cell, stored.store.read_scores(stored.result)
        except InputError as error:
            warnings.warn(f"not among what is called wrongly: {error}", stacklevel=2)


def _curves(located: Sequence[tuple[Store, Result]], label: str) -> Picture | None:
    found: dict[str, list] = {}
    for store, result in located:
        cell = result.cell
        if cell.setting != "general" or cell.seeds_apart or result.config.study is not None:
            continue
        if not store.curves_path(cell).is_file():
            continue
        try:
            curve = curves(store, result)["common"]
        except (InputError, KeyError, ValueError) as error:
            warnings.warn(f"no curve in the report: {error}", stacklevel=2)
            continue
        if curve.auroc() is not None:
            name = f"{cell.shots} shots, {cell.profile}"
            found.setdefault(name, []).append((curve, result.boundary_threshold))
    if not found:
        return None
    return from_figure(pixel_curves(dict(sorted(found.items())), f"{label} · a line a seed"))


def _write_notebooks(
    folder: Path, label: str, notebooks: Sequence[Executed]
) -> list[tuple[str, str]]:
    """Write notebooks as HTML, unless that is done; return titles and links."""
    links = []
    for notebook in notebooks:
        name = f"{notebook.path.stem}-{notebook.profile}-notebook.html"
        path = folder / name
        try:
            if not path.is_file() or path.stat().st_mtime < notebook.path.stat().st_mtime:
                title = f"{label}: executed notebook, profile {notebook.profile}"
                pictures = path.with_suffix("")
                shutil.rmtree(pictures, ignore_errors=True)  # of an earlier execution
                body = notebook.html(pictures)
                _write(path, "notebook.html", title=title, body=body, root="../")
        except Exception as error:  # whatever a notebook may hold, it spoils no report
            warnings.warn(f"{notebook.path}: not in the report: {error!r}", stacklevel=2)
            continue
        links.append((f"{notebook.path.stem}, profile {notebook.profile}", quote(name)))
    return links


def _galleries(notebook: Executed, results: Sequence[Result]) -> list[tuple[str, list[Picture]]]:
    """Galleries of a notebook: for each number of shots in the general setting, of one seed."""
    shots = {str(r.cell): r.cell.shots for r in results if r.cell.setting == "general"}
    chosen: dict[int, tuple[str, list[Picture]]] = {}
    for cell, pictures in notebook.galleries.items():
        if cell in shots:
            chosen.setdefault(shots[cell], (f"{cell}, profile {notebook.profile}", pictures))
    return list(chosen.values())


def _light(galleries: Sequence[tuple[str, list[Picture]]]) -> list[tuple[str, list[Picture]]]:
    """As many pictures, from the first on, as a page may weigh."""
    left, kept = _PICTURES, []
    for title, pictures in galleries:
        chosen = []
        for picture in pictures:
            left -= picture.size
            chosen += [picture] if left >= 0 else []
        if chosen:
            kept.append((title, chosen))
    return kept


def _category_link(dataset: str, category: str) -> str:
    return f"{quote(dataset, safe='')}/{quote(f'{category}.html', safe='')}"


def _write(path: Path, template: str, **context: Any) -> None:
    now = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    text = _ENVIRONMENT.get_template(template).render(**context, now=now)
    write_atomically(path, text.encode())


_ENVIRONMENT = Environment(
    loader=PackageLoader("benchmark.show.report"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.filters.update(html.FILTERS)
_ENVIRONMENT.filters["svg"] = lambda drawn: Markup(svg(drawn))
_ENVIRONMENT.tests.update(html.TESTS)
