"""Notebooks: as they are kept, and that their code runs."""

import re

import matplotlib
import nbformat
import numpy as np
import pytest
from cell_results import result_of
from cell_runs import make_run
from stored_cells import keep

from benchmark.paths import NOTEBOOK
from benchmark.protocol.cells import Cell
from benchmark.results.store import Store
from benchmark.run import experiment
from bgad.data.synthetic import generate

NOTEBOOKS = sorted(NOTEBOOK.parent.glob("*.ipynb"))


def read(name):
    return nbformat.read(NOTEBOOK.with_name(f"{name}.ipynb"), as_version=4)


def parameters_cells(notebook):
    return [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]


def run_code(name, shown, **parameters):
    """Run a notebook's code here, without a kernel; returns its variables."""
    namespace = {"__name__": "notebook"}
    for cell in read(name).cells:
        if cell.cell_type == "code":
            exec(re.sub(r"^%.*$", "", cell.source, flags=re.MULTILINE), namespace)
        if "parameters" in cell.metadata.get("tags", []):
            namespace |= parameters
        if "display" in namespace:
            namespace["display"] = lambda *things: shown.extend(things)
    return namespace


def headings(shown):
    markdown = [getattr(thing, "data", "") for thing in shown]
    return [text for text in markdown if isinstance(text, str) and text.startswith("#")]


def text_of(shown):
    return "\n".join(str(getattr(thing, "data", "")) for thing in shown)


def test_all_are_there():
    names = ["category", "explore", "overview", "quickstart"]
    assert [path.stem for path in NOTEBOOKS] == names


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_valid_and_holds_no_outputs(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    assert notebook.cells[0].source.startswith("# ")
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert not cell.outputs
            assert cell.execution_count is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "category",
            {
                "dataset",
                "data_root",
                "category",
                "cells",
                "profile",
                "results",
                "cache",
                "device",
                "keep_maps",
            },
        ),
        ("overview", {"results", "hidden_profiles"}),
        (
            "explore",
            {"results", "data_roots", "models", "dataset", "category", "profile", "shots", "seed"},
        ),
    ],
)
def test_parameters_are_tagged_for_papermill(name, expected):
    (cell,) = parameters_cells(read(name))
    namespace = {}
    exec(cell.source, namespace)
    assert set(namespace) - {"__builtins__"} == expected


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A working directory that has nothing to do with the project."""
    matplotlib.use("agg")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_category(shown, folder, cells):
    return run_code(
        "category",
        shown,
        data_root=str(folder),
        dataset="own",
        category="widget",
        cells=cells,
        profile="smoke",
        results=str(folder / "results"),
    )


def test_category_shows_each_cell_it_is_given(elsewhere, monkeypatch):
    asked = []

    def run_cell(cell, data_root, profile, store, cache, device, keep_maps):
        asked.append((cell, data_root, store.root))
        assert device == "cpu"
        return make_run(elsewhere, cell)

    monkeypatch.setattr(experiment, "run_cell", run_cell)
    cells = [
        {"shots": 0, "seed": 1},
        {"setting": "hard", "known_type": "crack", "shots": 3, "seed": 1},
    ]
    shown = []
    namespace = run_category(shown, elsewhere, cells)
    expected = [
        Cell("own", "widget", "general", 0, 1, "smoke"),
        Cell("own", "widget", "hard", 3, 1, "smoke", known_type="crack"),
    ]
    assert asked == [(cell, str(elsewhere), elsewhere / "results") for cell in expected]
    assert headings(shown) == [f"## {cell}" for cell in expected]
    kinds = [type(thing).__name__ for thing in shown]
    assert kinds.count("Figure") == 2 * 4
    assert 2 * 2 + 1 <= kinds.count("Shown") <= 2 * 4 + 1, "known anomalies where there are any"
    assert "**Data: Widget, own. Profile smoke, number of cells: 2.**" in text_of(shown)
    assert list(namespace["frame"]["shots"]) == [0, 3]


def test_a_cell_that_fails_stops_no_other(elsewhere, monkeypatch, capsys):
    def run_cell(cell, *arguments):
        if cell.seed == 1:
            raise ValueError("broke")
        return make_run(elsewhere, cell)

    monkeypatch.setattr(experiment, "run_cell", run_cell)
    cells = [{"shots": 0, "seed": seed} for seed in (0, 1, 2)]
    shown = []
    with pytest.raises(RuntimeError, match=r"failed, see above: widget, general, 0 shots, seed 1$"):
        run_category(shown, elsewhere, cells)
    assert len(headings(shown)) == 3
    assert [type(thing).__name__ for thing in shown].count("Figure") == 2 * 4
    assert "ValueError: broke" in capsys.readouterr().err


def test_category_asks_for_the_folder_of_other_data(elsewhere):
    with pytest.raises(ValueError, match="give data_root"):
        run_code("category", [], dataset="mvtec_ad", cache=str(elsewhere))


@pytest.mark.parametrize("datasets", [(), ("synthetic",), ("mvtec_ad", "synthetic")])
def test_overview_shows_whatever_is_stored(elsewhere, datasets):
    store = Store(elsewhere / "results")
    types = {"crack": {"n": 2, "image_auroc": 0.9, "recall": 0.5}}
    for dataset in datasets:
        for shots in (0, 10):
            cell = Cell(dataset, "bottle", "general", shots, 0, "quick")
            store.write(result_of(cell, 0.8, per_type={"common": types}))
    hidden = Cell("hidden", "bottle", "general", 0, 0, "smoke")
    store.write(result_of(hidden, 0.1))
    shown = []
    run_code("overview", shown, results=[str(store.root)])
    text = "\n".join(headings(shown))
    assert ("### Results on the synthetic stand-in" in text) == ("synthetic" in datasets)
    assert ("### Results on MVTec AD" in text) == ("mvtec_ad" in datasets)
    assert "hidden" not in text
    figures = [thing for thing in shown if type(thing).__name__ == "Figure"]
    references = 2 * ("mvtec_ad" in datasets)  # at 0 and at 10 shots
    assert len(figures) == 4 * len(datasets) + references


@pytest.mark.parametrize("with_maps", [False, True])
def test_explore_shows_pictures_where_maps_were_kept(elsewhere, data_root, with_maps, capsys):
    for shots in (0, 10):
        keep(elsewhere / "results", data_root, shots, with_maps)
    shown = []
    places = {"results": [str(elsewhere / "results")], "data_roots": {"own": str(data_root)}}
    run_code("explore", shown, **places)
    text = "\n".join(str(getattr(thing, "data", "")) for thing in shown)
    assert (
        "2 cells have kept their scores; first, own: widget, general, 10" in capsys.readouterr().out
    )
    assert ("<svg" in text) == with_maps
    assert ("--keep-maps" in text) != with_maps
    assert type(shown[-1]).__name__ == "VBox", "the widgets"


@pytest.mark.slow
def test_category_runs_in_a_kernel(tmp_path):
    papermill = pytest.importorskip("papermill")
    store, output = tmp_path / "results", tmp_path / "bottle.ipynb"
    papermill.execute_notebook(
        NOTEBOOK,
        output,
        {
            "data_root": str(generate(tmp_path / "data", ["bottle"])),
            "category": "bottle",
            "cells": [{"shots": 2, "seed": 0}],
            "profile": "smoke",
            "results": str(store),
            "cache": str(tmp_path / "cache"),
        },
        kernel_name="python3",
        progress_bar=False,
        cwd=tmp_path,
    )
    (result,) = Store(store).results()
    assert result.cell == Cell("synthetic", "bottle", "general", 2, 0, "smoke")
    outputs = [o for cell in nbformat.read(output, 4).cells for o in cell.get("outputs", [])]
    pictures = [o for o in outputs if {"image/png", "image/jpeg"} & set(o.get("data", {}))]
    assert len(pictures) in (8, 9), "without any that is wrong, or with them"
    told = "".join(o.text for o in outputs if o.output_type == "stream" and o.name == "stderr")
    phases = ("features", "training level 3 of 3", "scoring", "metrics")
    assert all(phase in told for phase in phases) and "warn" not in told.lower()


@pytest.mark.slow
def test_quickstart_runs(elsewhere):
    namespace = run_code("quickstart", [])
    truth = np.array([path.parent.name != "good" for path in namespace["new"]])
    assert namespace["defective"][truth].mean() > 0.5
    assert namespace["defective"][~truth].mean() < 0.3
    assert namespace["same"]
