"""The report's pages: what is on them, and writing them."""

import warnings
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from benchmark.paths import REPOSITORY
from benchmark.protocol.schema import METRICS, Result
from benchmark.results.rescore import curves
from benchmark.results.store import Store, load_all, write_atomically
from benchmark.results.tables import (
    AVERAGE,
    HEADLINE,
    LEGEND,
    NOT_RUN,
    SHORT_TITLES,
    TITLES,
    dataset_label,
    display_name,
    format_score,
    grid_cells,
    not_run,
    ordered_categories,
    results_frame,
    score_table,
    summarise,
    types_frame,
)
from benchmark.results.verdict import Verdict, judge
from benchmark.show import overview, readme, references
from benchmark.show.report.content import Table, from_markdown, table_of
from benchmark.show.report.notebooks import Executed, find_notebooks
from benchmark.show.report.pictures import Picture, from_figure, from_file, pixel_curves
from bgad.errors import InputError

__all__ = ["write_report"]

_BEST = "Semibold: the highest mean of a column in the general setting, on the same test images."
_GROUP = ["setting", "known_type", "shots", "profile"]
_DEMO = REPOSITORY / "docs" / "demo"


def write_report(out: str | Path, published: str | Path, own: Sequence[str | Path] = ()) -> Path:
    """Write the report: ``index.html``, a page for each category, and executed notebooks.

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
    frame = results_frame(results)
    verdict = judge(results_frame(load_all([published])), results_frame(load_all(own)))
    notebooks = find_notebooks(roots)
    cells = grid_cells(frame)
    datasets = sorted(cells["dataset"].unique(), key=lambda name: (name == "synthetic", name))
    for dataset in datasets:
        for category in cells.loc[cells["dataset"] == dataset, "category"].unique():
            chosen = [
                result
                for result in results
                if (result.cell.dataset, result.cell.category) == (dataset, category)
            ]
            executed = [n for n in notebooks if (n.dataset, n.category) == (dataset, category)]
            page = _category_page(out, dataset, category, chosen, executed, roots)
            _write(out / dataset / f"{category}.html", "category.html", **page)
    index = out / "index.html"
    _write(index, "index.html", **_index_page(frame, results, datasets, verdict, roots))
    return index


def _index_page(
    frame: pd.DataFrame,
    results: Sequence[Result],
    datasets: Sequence[str],
    verdict: Verdict,
    roots: Sequence[Path],
) -> dict[str, Any]:
    blocks = {
        name: (title, from_markdown(text, title))
        for name, (title, text) in readme.blocks(frame, roots).items()
    }
    blocks = {
        name: (title, parts)
        for name, (title, parts) in blocks.items()
        if any(isinstance(part, Table) or "<li>" in part for part in parts)  # else "no runs yet"
    }
    return {
        "findings": blocks.pop("findings", None),
        "datasets": [_dataset_section(frame, dataset) for dataset in datasets],
        "blocks": blocks,
        "legend": from_markdown(LEGEND, "")[0],
        "best": _BEST,
        "verdict": from_markdown(verdict.markdown(), "Differences from the published results")
        if verdict.compared
        else [],
        "verdict_word": verdict.word,
        "provenance": _provenance(results),
        "versions": _versions(results),
        "n_results": len(results),
        "root": "",
    }


def _dataset_section(frame: pd.DataFrame, dataset: str) -> dict[str, Any]:
    cells = grid_cells(frame, dataset)
    categories = ordered_categories(cells["category"])
    links = {display_name(name): _category_link(dataset, name) for name in categories}

    def tables(metrics: Sequence[str]) -> list[Table]:
        return [
            table_of(score_table(frame, dataset, metric), TITLES[metric], links, "general")
            for metric in metrics
        ]

    return {
        "name": dataset,
        "label": dataset_label(dataset),
        "is_synthetic": dataset == "synthetic",
        "n_runs": len(cells),
        "links": links,
        "not_run": ", ".join(map(display_name, not_run(cells["category"]))),
        "headline": tables(HEADLINE),
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
    category: str,
    results: Sequence[Result],
    notebooks: Sequence[Executed],
    roots: Sequence[Path],
) -> dict[str, Any]:
    frame = results_frame(results)
    cells = grid_cells(frame)
    label = f"{display_name(category)}, {dataset_label(dataset)}"
    galleries = []
    demo = _DEMO / f"{category}.webp"
    if dataset == "synthetic" and demo.is_file():
        alt = "Test images in turn: image, ground truth, anomaly map, contour"
        galleries.append(("Ten known anomalies, profile quick", [from_file(demo, alt)]))
    for notebook in notebooks:
        galleries += _galleries(notebook, results)
    return {
        "label": label,
        "dataset": dataset_label(dataset),
        "category": display_name(category),
        "is_synthetic": dataset == "synthetic",
        "root": "../",
        "summary": _summary_table(cells, label),
        "types": _types_table(cells, label),
        "seeds": _seeds_table(frame, label),
        "curves": _curves(results, roots, label),
        "galleries": galleries,
        "notebooks": _write_notebooks(out / dataset, label, notebooks),
    }


def _summary_table(cells: pd.DataFrame, label: str) -> Table:
    rows: dict[tuple, dict[str, str]] = {}
    for metric in METRICS:
        summary = summarise(cells, metric)
        for row in summary[summary["category"] != AVERAGE].itertuples():
            types = f" (types: {row.parts})" if row.parts else ""
            entry = rows.setdefault(
                (row.setting, row.shots, row.profile), {"Seeds": str(row.n), "types": types}
            )
            entry[SHORT_TITLES[metric]] = format_score(row.mean, row.std, row.n)
    table = [
        {"Setting": f"{setting}{entry.pop('types')}", "Shots": str(shots), "Profile": profile}
        | entry
        for (setting, shots, profile), entry in rows.items()
    ]
    caption = f"{label}: all metrics, mean ± standard deviation over seeds"
    return table_of(pd.DataFrame(table), caption, None, "general", _BEST)


def _types_table(cells: pd.DataFrame, label: str) -> Table | None:
    types = types_frame(cells[cells["setting"] == "general"])
    if types.empty:
        return None
    means = types.groupby(["type", "profile", "shots"])[["n", "image_auroc", "recall"]].mean()
    table = pd.DataFrame(
        [
            {
                "Anomaly type": type_,
                "Profile": profile,
                "Shots": str(shots),
                "Images": f"{row.n:.3g}",
                "image-AUC": _text(row.image_auroc),
                "Recall at the explicit boundary": _text(row.recall),
            }
            for (type_, profile, shots), row in means.iterrows()
        ]
    )
    note = (
        "Means over seeds, each type against all normal test images, in the general setting. "
        "Recall: share of a type's images with a pixel beyond the explicit boundary; it outlines "
        "defects and is no verdict on images, for normal ones may have such a pixel, too."
    )
    return table_of(table, f"{label}: anomaly types", note=note)


def _seeds_table(frame: pd.DataFrame, label: str) -> Table:
    table = pd.DataFrame(
        [
            {
                "Setting": _joined(row.setting, row.known_type, row.control),
                "Shots": str(row.shots),
                "Profile": row.profile + f" ({row.study})" * pd.notna(row.study),
                "Seed": _joined(
                    row.seed,
                    *(
                        f"{name} {seed}"
                        for name, seed in (
                            ("split", row.split_seed),
                            ("train", row.train_seed),
                            ("augment", row.augment_seed),
                        )
                        if seed != row.seed
                    ),
                ),
            }
            | {title: _text(figures[name]) for name, title in SHORT_TITLES.items()}
            | {
                "Seconds": f"{row.seconds:.0f}",
                "Memory, MB": f"{row.memory_mb:.0f}".replace("nan", NOT_RUN),
            }
            for row, figures in zip(
                frame.itertuples(), _common(frame).to_dict("records"), strict=True
            )
        ]
    )
    return table_of(table, f"{label}: every run", note="Test set common.")


def _curves(results: Sequence[Result], roots: Sequence[Path], label: str) -> Picture | None:
    found: dict[str, list] = {}
    for result in results:
        cell = result.cell
        if cell.setting != "general" or cell.seeds_apart or result.config.study is not None:
            continue
        for store in (Store(folder) for root in roots for folder in (root, root / cell.profile)):
            if store.curves_path(cell).is_file():
                try:
                    curve = curves(store, result)["common"]
                except (InputError, KeyError, ValueError) as error:
                    warnings.warn(f"no curve in the report: {error}", stacklevel=2)
                    continue
                if curve.auroc() is not None:
                    name = f"{cell.shots} shots, {cell.profile}"
                    found.setdefault(name, []).append((curve, result.boundary_threshold))
                break
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
                _write(path, "notebook.html", title=title, body=notebook.html(), root="../")
        except Exception as error:  # whatever a notebook may hold, it spoils no report
            warnings.warn(f"{notebook.path}: not in the report: {error!r}", stacklevel=2)
            continue
        links.append((f"{notebook.path.stem}, profile {notebook.profile}", quote(name)))
    return links


def _provenance(results: Sequence[Result]) -> Table:
    rows = [
        {
            "Data": dataset_label(result.cell.dataset),
            "Profile": result.cell.profile,
            "Study": result.config.study or "",
            "commit": (result.provenance.commit or "unknown")[:10]
            + " (with uncommitted changes)" * bool(result.provenance.dirty),
            "cpu": f"{result.provenance.cpu or 'unknown'}, {result.provenance.device}",
            "started": result.provenance.started[:16].replace("T", " "),
            "finished": result.provenance.finished[:16].replace("T", " "),
            "hours": result.timings_s.total / 3600,
        }
        for result in results
    ]
    frame = pd.DataFrame(rows)
    groups = frame.groupby(["Data", "Profile", "Study"]) if rows else ()
    table = pd.DataFrame(
        [
            dict(zip(("Data", "Profile", "Study"), key, strict=True))
            | {
                "Runs": str(len(group)),
                "Hours in all": f"{group['hours'].sum():.2f}",
                "Commit": ", ".join(sorted(group["commit"].unique())),
                "Machine": "; ".join(sorted(group["cpu"].unique())),
                "First started, UTC": group["started"].min(),
                "Last finished, UTC": group["finished"].max(),
            }
            for key, group in groups
        ]
    )
    return table_of(table, "What made these results")


def _versions(results: Sequence[Result]) -> Table:
    versions: dict[str, set[str]] = {}
    for result in results:
        for package, version in result.provenance.versions.items():
            versions.setdefault(package, set()).add(version)
    rows = [
        {"Package": package, "Versions": ", ".join(sorted(found))}
        for package, found in sorted(versions.items())
    ]
    return table_of(pd.DataFrame(rows), "Versions of packages")


def _galleries(notebook: Executed, results: Sequence[Result]) -> list[tuple[str, list[Picture]]]:
    """Galleries of a notebook: for each number of shots in the general setting, of one seed."""
    shots = {str(r.cell): r.cell.shots for r in results if r.cell.setting == "general"}
    chosen: dict[int, tuple[str, list[Picture]]] = {}
    for cell, pictures in notebook.galleries.items():
        if cell in shots:
            chosen.setdefault(shots[cell], (f"{cell}, profile {notebook.profile}", pictures))
    return list(chosen.values())


def _common(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[[f"common/{name}" for name in METRICS]].set_axis(list(METRICS), axis=1)


def _joined(*parts: object) -> str:
    """Those parts that are there: a column that has None for some rows may have NaN for it."""
    return ", ".join(str(part) for part in parts if pd.notna(part))


def _text(value: float) -> str:
    return format_score(value, float("nan"), 1)


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
