"""Cells and grids."""

from dataclasses import asdict

import pytest

from benchmark.protocol.cells import CONTROLS, Cell, grid
from bgad.errors import InputError

BOTTLE = {
    "dataset": "d",
    "category": "bottle",
    "setting": "general",
    "shots": 1,
    "seed": 2,
    "profile": "p",
}


def test_seeds_follow_the_seed_unless_given():
    cell = Cell(**BOTTLE, train_seed=7)
    assert (cell.split_seed, cell.train_seed, cell.augment_seed) == (2, 7, 2)
    assert cell.seeds_apart == {"train": 7}
    assert "train seed 7" in str(cell)


def test_a_cell_is_rebuilt_from_its_fields():
    cell = Cell(**BOTTLE | {"setting": "hard"}, known_type="crack", augment_seed=0)
    assert Cell(**asdict(cell)) == cell


@pytest.mark.parametrize(
    "change",
    [
        {"setting": "soft"},
        {"setting": "hard"},
        {"known_type": "crack"},
        {"setting": "control"},
        {"setting": "control", "control": "nothing"},
        {"control": "swapped_labels"},
        {"shots": -1},
        {"seed": 0.5},
        {"split_seed": -3},
        {"category": ".."},
        {"category": "a/b"},
        {"dataset": ""},
        {"profile": ".hidden"},
        {"category": None},
        {"setting": "hard", "known_type": "../x"},
    ],
)
def test_impossible_cells_are_refused(change):
    with pytest.raises(InputError, match=next(iter(reversed(change))) + "|known type|control"):
        Cell(**BOTTLE | change)


def test_grid_has_every_combination_once_category_by_category():
    cells = grid("d", {"b": ["x", "y"], "a": ["z"]}, [0, 10, 0], [1, 2], "p")
    assert [(c.category, c.shots, c.seed) for c in cells] == [
        (category, shots, seed) for category in "ba" for shots in (0, 10) for seed in (1, 2)
    ]
    assert {c.known_type for c in cells} == {None}


def test_hard_grid_has_a_cell_for_each_known_type():
    cells = grid("d", {"b": ["x", "y"], "a": ["z"]}, [10], [1], "p", "hard")
    assert [(c.category, c.known_type) for c in cells] == [("b", "x"), ("b", "y"), ("a", "z")]


def test_control_grid_has_a_cell_for_each_control():
    cells = grid("d", {"b": ["x", "y"]}, [10], [1], "p", "control")
    assert [cell.control for cell in cells] == list(CONTROLS)
    assert {cell.known_type for cell in cells} == {None}
    assert "swapped_labels" in " ".join(map(str, cells))
    assert grid("d", {"b": []}, [10], [1], "p", "control", controls=CONTROLS[1:2]) == cells[1:2]


@pytest.mark.parametrize("part", ["split", "train", "augment"])
def test_one_seed_can_be_varied_alone(part):
    cells = grid("d", {"b": []}, [10], [3, 4, 5], "p", vary=part)
    assert [c.seed for c in cells] == [3, 3, 3]
    assert [c.seeds_apart for c in cells] == [{}, {part: 4}, {part: 5}]
