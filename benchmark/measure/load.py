"""What the machinery costs beside the cells' own work: scheduler, notebooks, store, tables."""

import json
import os
import time
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import nbformat

from benchmark.paths import NOTEBOOK, PUBLISHED, cache_dir
from benchmark.protocol.cells import Cell
from benchmark.protocol.profiles import load_profile
from benchmark.protocol.schema import Result
from benchmark.results.frame import results_frame
from benchmark.results.store import Store, load_all, to_json
from benchmark.run.cluster import connect
from benchmark.run.jobs import start_child
from benchmark.run.plan import PlannedCell, Request, plan
from benchmark.run.progress import Display
from benchmark.run.runner import Runner, hold
from benchmark.show import markdown
from benchmark.show.tables import scores
from bgad.data.synthetic import ensure
from bgad.errors import InputError

__all__ = [
    "main",
    "measure_grid",
    "measure_load",
    "measure_start_up",
    "measure_tables",
    "offer_copies",
    "store_copies",
]

_NOTEBOOK = """
from benchmark.measure.load import store_copies

store_copies(cells, results)
"""


def main(options: Namespace) -> str:
    """Serve the command; return what was measured as JSON."""
    with TemporaryDirectory() as folder:
        return json.dumps(measure_load(Path(folder)), indent=2)


def measure_load(folder: Path) -> dict[str, dict[str, Any]]:
    """Measure an empty notebook, 510 cells, and the tables of 5,000 (see below), in a folder."""
    template = next(result for result in load_all([PUBLISHED]) if result.cell.shots == 10)
    start_up, grid, tables = (folder / name for name in ("start_up", "grid", "tables"))
    start_up.mkdir()
    grid.mkdir()
    root = ensure(cache_dir())
    return {
        "start_up": measure_start_up(root, start_up, repetitions=3),
        "grid": measure_grid(root, template, grid, seeds=17, jobs=2),
        "tables": measure_tables(template, tables, cells=5000),
    }


def measure_start_up(data_root: Path, folder: Path, repetitions: int) -> dict[str, Any]:
    """Execute the notebook of a category as a worker does, without any cell.

    Parameters
    ----------
    data_root : path
        Of the synthetic stand-in.
    folder : path
        Empty; for the executed notebook and its log.
    repetitions : int

    Returns
    -------
    dict
        Median wall-clock ``seconds``, kernel and imports and the kernel's end included, and
        ``repetitions``.

    Raises
    ------
    InputError
        The notebook failed.
    """
    request = {
        "parent": os.getpid(),
        "notebook": str(NOTEBOOK),
        "output": str(folder / "category.ipynb"),
        "parameters": {"cells": [], "data_root": str(data_root), "results": str(folder)},
    }
    seconds = []
    for _ in range(repetitions):
        started = time.perf_counter()
        with (folder / "log").open("w") as log, start_child(log) as child:
            answer = json.loads(child.communicate(json.dumps(request))[0])
        seconds.append(time.perf_counter() - started)
        if answer["error"]:
            raise InputError(f"the notebook without cells failed: {answer['error']}")
    return {"seconds": median(seconds), "repetitions": repetitions}


def measure_grid(
    data_root: Path, template: Result, folder: Path, seeds: int, jobs: int
) -> dict[str, Any]:
    """Run a grid whose cells copy a result instead of computing one, on workers of this machine.

    Parameters
    ----------
    data_root : path
        Of the synthetic stand-in.
    template : Result
        What is copied.
    folder : path
        Empty; for results and notebooks.
    seeds, jobs : int
        A grid has all categories at 0 and 1 shots.

    Returns
    -------
    dict
        ``cells`` asked for, how many were ``lost``, wall-clock ``seconds`` for all, and ``jobs``.
    """
    notebook = nbformat.v4.new_notebook()
    parameters = nbformat.v4.new_code_cell("cells = []", metadata={"tags": ["parameters"]})
    notebook.cells = [parameters, nbformat.v4.new_code_cell(_NOTEBOOK)]
    nbformat.write(notebook, folder / "copy.ipynb")
    profile = load_profile("smoke")
    request = Request(profile, "synthetic", data_root, [], [0, 1], range(seeds))
    store = Store(folder / "results")
    planned = plan(request, store)
    offer_copies(template, store, planned)
    with hold(store.root) as token:
        started = time.perf_counter()
        with connect(None, jobs, None) as client:
            runner = Runner(client, request, store, folder / "copy.ipynb", token)
            runner.run(planned, Display(len(planned)), jobs)
        seconds = time.perf_counter() - started
    lost = sum(not store.is_current(cell.cell, cell.key) for cell in planned)
    return {"cells": len(planned), "lost": lost, "seconds": seconds, "jobs": jobs}


def offer_copies(template: Result, store: Store, planned: Sequence[PlannedCell]) -> None:
    """Write beside a store what `store_copies` needs: the template, and each cell's key."""
    folder = store.root.parent
    folder.joinpath("template.json").write_text(template.model_dump_json(), encoding="utf-8")
    keys = {str(store.path(cell.cell).relative_to(store.root)): cell.key for cell in planned}
    folder.joinpath("keys.json").write_text(json.dumps(keys), encoding="utf-8")


def store_copies(cells: list[dict[str, Any]], results: str) -> None:
    """Store the template's copy as the result of each cell (in the notebook of `measure_grid`)."""
    store, folder = Store(results), Path(results).parent
    template = Result.model_validate_json(folder.joinpath("template.json").read_bytes())
    keys = json.loads(folder.joinpath("keys.json").read_bytes())
    for cell in (Cell(**fields) for fields in cells):
        key = keys[str(store.path(cell).relative_to(store.root))]
        store.write(template.model_copy(update={"cell": cell, "key": key}))


def measure_tables(template: Result, folder: Path, cells: int) -> dict[str, Any]:
    """Read stored cells, and make the tables of a data set.

    Parameters
    ----------
    template : Result
        What the cells are copies of.
    folder : path
        Empty; for the cells.
    cells : int

    Returns
    -------
    dict
        ``cells`` that the tables rest on, and ``seconds``.
    """
    store = Store(folder)
    names = [f"category{index:02d}" for index in range(15)]
    for index in range(cells):
        seed, place = divmod(index, len(names))
        cell = Cell("load", names[place], "general", 10, seed, template.cell.profile)
        path = store.path(cell)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(to_json(template.model_copy(update={"cell": cell})))
    started = time.perf_counter()
    frame = results_frame(load_all([folder]))
    markdown.blocks(scores.section(frame, "load"))
    return {"cells": len(frame), "seconds": time.perf_counter() - started}
