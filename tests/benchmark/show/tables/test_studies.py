"""Study tables: differences on the same cells, by hand."""

import re

import pytest
from cell_results import result_of

from benchmark.protocol.cells import CONTROLS, Cell, grid
from benchmark.protocol.metrics import METRICS
from benchmark.results.frame import grid_cells, results_frame
from benchmark.show import markdown
from benchmark.show.tables import controls, seeds, study


def study_tables(frame, name: str) -> str:
    return markdown.blocks(study.section(frame, name))


def control_tables(frame) -> str:
    return markdown.blocks(controls.section(frame))


def seed_tables(frame) -> str:
    return markdown.blocks(seeds.section(frame))


SCORES = {("bottle", 0): 0.9, ("bottle", 1): 0.8, ("pill", 0): 0.7, ("pill", 1): 0.7}


def cell(category: str, seed: int, profile: str = "cpu", **changes) -> Cell:
    return Cell("d", category, "general", 10, seed, profile, **changes)


def rows_of(text: str, first: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith(f"| {first}")]
    return [[entry.strip() for entry in line.split("|")[1:-1]] for line in lines]


@pytest.fixture
def reference():
    return [result_of(cell(*key), value) for key, value in SCORES.items()]


def changed(change: dict, profile: str = "push-only", **kwargs):
    return [
        result_of(cell(*key, profile), value + change[key], study="ablation", **kwargs)
        for key, value in SCORES.items()
        if key in change
    ]


def test_differences_are_means_over_categories_then_seeds(reference):
    change = {("bottle", 0): -0.02, ("bottle", 1): 0.02, ("pill", 0): -0.04, ("pill", 1): 0.02}
    text = study_tables(results_frame(reference + changed(change)), "ablation")
    (figures,), (base,) = rows_of(text, "push-only")[:1], rows_of(text, r"**cpu**")
    assert base[5:7] == ["2, 2", "0.775 ± 0.035"]
    # seed 0: -0.03, seed 1: +0.02: mean -0.005, deviation 0.035
    assert figures[6] == "0.770 ± 0.000 (\N{MINUS SIGN}0.5 ± 3.5)"
    by_category = rows_of(text, "push-only")[1]
    assert by_category[1:] == ["+0.0 ± 2.8", "\N{MINUS SIGN}1.0 ± 4.2"]


def test_only_cells_that_both_have_are_compared(reference):
    change = dict.fromkeys(SCORES, 0.01)
    alone = result_of(cell("screw", 0, "push-only"), 0.1, study="ablation")
    other = result_of(cell("bottle", 0, "push-only"), 0.1, study="other")
    elsewhere = result_of(cell("bottle", 0, "cpu", train_seed=5), 0.1)
    frame = results_frame([*reference, *changed(change), alone, other, elsewhere])
    text = study_tables(frame, "ablation")
    assert rows_of(text, "push-only")[0][6] == "0.785 ± 0.035 (+1.0 ± 0.0)"
    assert "no such cell: 1." in text
    of_other_images = changed(change, data={"fingerprint": "x"})
    text = study_tables(results_frame(reference + of_other_images), "ablation")
    assert "No runs yet of cells that `cpu` has" in text


def test_profiles_of_plus_are_held_against_plus(reference):
    def with_plus(results):
        return [
            r.model_copy(update={"config": r.config.model_copy(update={"method": "plus"})})
            for r in results
        ]

    plus = with_plus([result_of(cell("bottle", 0, "plus"), 0.5)])
    larger = with_plus(changed({("bottle", 0): -0.3}, "plus-large"))
    text = study_tables(results_frame(reference + plus + larger), "ablation")
    assert not rows_of(text, r"**cpu**") and rows_of(text, r"**plus**")[0][6] == "0.500"
    assert rows_of(text, "plus-large")[0][6] == "0.600 (+10.0)"


def test_images_of_another_size_are_compared_by_their_names(reference):
    other = {"data": {"fingerprint": "x"}}
    results = changed(dict.fromkeys(SCORES, 0.01), "large", **other)
    results = [
        r.model_copy(update={"config": r.config.model_copy(update={"study": "resolution"})})
        for r in results
    ]
    assert rows_of(study_tables(results_frame(reference + results), "resolution"), "large")


def test_a_seed_that_a_category_lacks_does_not_count_in_the_mean(reference):
    change = {("bottle", 0): 0.1, ("pill", 0): 0.0, ("pill", 1): 0.3}
    text = study_tables(results_frame(reference + changed(change)), "ablation")
    assert rows_of(text, "push-only")[0][6] == "0.850 (+5.0)"


def test_oracles_are_labelled(reference):
    config = changed({("bottle", 0): 0.1})[0].config.model_copy(
        update={"evaluation": {"maxima": "test"}}
    )
    change = dict.fromkeys(SCORES, 0.0)
    oracles = changed(change, "test-maxima", config=config)
    frame = results_frame(reference + changed(change) + oracles)
    text = study_tables(frame, "ablation")
    assert rows_of(text, "test-maxima")[0][:2] == ["test-maxima", "oracle"]
    assert rows_of(text, "push-only")[0][:2] == ["push-only", ""]
    assert "*Oracle*" in text
    assert "*Oracle*" not in study_tables(results_frame(reference + changed(change)), "ablation")


def test_undefined_figures_are_shown_as_such(reference):
    figures = dict.fromkeys(METRICS, 0.5) | {"pixel_f1_boundary": None}
    both = {"common": figures, "paper": figures}
    text = study_tables(
        results_frame(reference + changed(dict.fromkeys(SCORES, 0.0), metrics=both)), "ablation"
    )
    assert rows_of(text, "push-only")[0][-1] == "n/d"


def test_controls_are_judged_category_by_category():
    names, shots = ("bottle", "pill"), (0, 10)
    plain = [
        result_of(Cell("d", name, "general", n, 0, "cpu"), 0.9 if n else 0.6)
        for name in names
        for n in shots
    ]
    values = dict(zip(CONTROLS, (0.58, 0.7, 0.1, 0.5), strict=True))
    grids = grid("d", {name: [] for name in names}, [10], [0], "cpu", "control")
    as_expected = [result_of(cell, values[cell.control]) for cell in grids]
    text = control_tables(results_frame(plain + as_expected))
    assert "**All met**: 16 expectations." in text
    rows = {row[3]: row[6:9] for row in rows_of(text, "d ") if row[4] == "Pill"}
    assert rows == {
        "shuffled labels": ["0.580", "no more than 0.600 (0 shots)", "yes"],
        "random weights": ["0.700", "less than 0.900", "yes"],
        "swapped labels": ["0.100", "0.100", "yes"],
        "constant maps": ["0.500", "0.500", "yes"],
    }
    assert len(grid_cells(results_frame(plain + as_expected))) == 4


def test_what_a_control_does_not_meet_is_named():
    plain = [result_of(Cell("d", "pill", "general", n, 0, "cpu"), 0.6) for n in (0, 10)]
    cells = grid("d", {"pill": []}, [10], [0], "cpu", "control")
    frame = results_frame(plain + [result_of(cell, 0.65) for cell in cells])
    text = control_tables(frame)
    assert text.startswith("**Not met**: 8 of 8 expectations: ")
    assert [row[8] for row in rows_of(text, "d ")] == ["**no**"] * 4


def test_spread_of_each_seed_alone():
    cells = {cell("bottle", 0): 0.5, cell("bottle", 0, train_seed=1): 0.7}
    cells |= {cell("bottle", 0, split_seed=1): 0.6, cell("bottle", 0, split_seed=2): 0.4}
    cells |= {cell("bottle", 1): 0.9, cell("pill", 0): 0.1, cell("pill", 1): 0.2}
    text = seed_tables(results_frame([result_of(c, value) for c, value in cells.items()]))
    rows = {row[3]: row[4:] for row in rows_of(text, "d ")}
    assert set(rows) == {"split", "train", "all"}
    assert rows["split"][:2] == ["3", "10.00"]
    assert rows["train"][:2] == ["2", "14.14"]
    assert rows["all"][:2] == ["2", "28.28"]  # of bottle, the one whose seeds were set apart


@pytest.mark.parametrize(
    "table", [lambda f: study_tables(f, "ablation"), control_tables, seed_tables]
)
def test_nothing_gives_no_table(table, reference):
    for results in ([], reference):
        assert table(results_frame(results)) == "No runs yet."
    assert not re.search(r"\d", table(results_frame([])))
