"""Results are found once, with the store that has their files."""

import pytest
from cell_results import result_of

from benchmark.protocol.cells import Cell
from benchmark.results.locate import locate
from benchmark.results.store import Store

CELL = Cell("d", "pill", "general", 10, 0, "cpu")


@pytest.fixture
def roots(tmp_path):
    for root, value in (("published", 0.5), ("runs", 0.9)):
        Store(tmp_path / root / "cpu").write(result_of(CELL, value))
    plus = Cell("d", "pill", "general", 10, 0, "plus")
    Store(tmp_path / "plus-alone").write(result_of(plus, 0.7))
    return [tmp_path / name for name in ("published", "runs", "plus-alone")]


def test_the_later_one_wins_and_comes_once(roots):
    located = {result.cell.profile: store for store, result in locate(roots)}
    assert len(locate(roots)) == 2
    assert located["cpu"].root == roots[1] / "cpu"
    assert locate(roots[1::-1])[0][0].root == roots[0] / "cpu"


def test_a_folder_of_one_profile_is_its_store(roots):
    ((store, result),) = locate(roots[2:])
    assert (store.root, result.cell.profile) == (roots[2], "plus")
    assert store.path(result.cell).is_file()


def test_nothing_is_found_in_nothing(tmp_path):
    assert locate([tmp_path, tmp_path / "missing"]) == []
