"""The load that is measured: real grids and tables, whose cells cost nothing."""

import nbformat
import pytest
from instant import make_result

from benchmark.measure.load import (
    measure_grid,
    measure_start_up,
    measure_tables,
    offer_copies,
    store_copies,
)
from benchmark.protocol.cells import Cell
from benchmark.protocol.profiles import load_profile
from benchmark.results.store import Store, load_all
from benchmark.run.plan import Request, plan

TEMPLATE = make_result(Cell("synthetic", "bottle", "general", 10, 0, "smoke"))

pytestmark = pytest.mark.filterwarnings("ignore:.*lacks the first 10")


def test_tables_rest_on_as_many_cells_as_asked(tmp_path):
    measured = measure_tables(TEMPLATE, tmp_path, 40)
    assert measured["cells"] == 40 == len({result.cell for result in load_all([tmp_path])})
    assert measured["seconds"] > 0


def test_copies_count_as_the_cells_results(tmp_path, data_root):
    request = Request(load_profile("smoke"), "synthetic", data_root, [], [0, 1], range(2))
    store = Store(tmp_path / "results")
    planned = plan(request, store)
    offer_copies(TEMPLATE, store, planned)
    fields = [vars(cell.cell) for cell in planned]
    store_copies(fields, str(store.root))
    assert all(cell.done for cell in plan(request, store))


def test_start_up_is_that_of_the_real_notebook(tmp_path, data_root):
    measured = measure_start_up(data_root, tmp_path, repetitions=1)
    assert measured["repetitions"] == 1 and measured["seconds"] > 0
    notebook = nbformat.read(tmp_path / "category.ipynb", 4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code)
    assert any("import figures" in cell.source for cell in code)


@pytest.mark.slow
def test_a_grid_through_the_scheduler_loses_nothing(tmp_path, data_root):
    measured = measure_grid(data_root, TEMPLATE, tmp_path, seeds=3, jobs=2)
    assert measured["cells"] == 12 == len(list(Store(tmp_path / "results").results()))
    assert measured["lost"] == 0
