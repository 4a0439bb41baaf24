"""Tables: against plain Python over the same results, with holes, ties of seeds and bad names."""

import re
import statistics

import pandas as pd
import pytest
from cell_results import result_of

from benchmark.protocol.cells import Cell
from benchmark.protocol.schema import METRICS
from benchmark.results import tables
from benchmark.results.tables import (
    AVERAGE,
    CATEGORIES,
    column,
    display_name,
    grid_cells,
    markdown,
    ordered_categories,
    results_frame,
    score_table,
    summarise,
    types_frame,
)


@pytest.fixture
def general():
    """Two seeds of bottle, three of metal_nut."""
    scores = {("bottle", 0): 0.9, ("bottle", 1): 0.8}
    scores |= {("metal_nut", 0): 0.5, ("metal_nut", 1): 0.7, ("metal_nut", 2): 0.1}
    return [
        result_of(Cell("d", category, "general", 10, seed, "cpu"), value)
        for (category, seed), value in scores.items()
    ]


def entry(frame: pd.DataFrame, category: str, **of) -> pd.Series:
    chosen = frame[frame["category"] == category]
    for name, value in of.items():
        chosen = chosen[chosen[name] == value]
    (row,) = chosen.iloc
    return row


def test_the_frame_has_a_row_a_cell_and_its_figures():
    cell = Cell("d", "bottle", "hard", 10, 2, "cpu", known_type="crack")
    frame = results_frame([result_of(cell, 0.25, paper=0.75)])
    (row,) = frame.to_dict("records")
    for name in ("dataset", "category", "setting", "known_type", "shots", "seed", "profile"):
        assert row[name] == getattr(cell, name)
    for metric in METRICS:
        assert (row[column(metric)], row[column(metric, "paper")]) == (0.25, 0.75)


def test_json_gives_the_same_frame_and_failures_never_enter(general):
    parsed = [entry.model_dump(mode="json") for entry in general]
    failed = {"status": "failed", "cell": parsed[0]["cell"], "error": "out of memory"}
    pd.testing.assert_frame_equal(results_frame([failed, *parsed]), results_frame(general))


def test_no_results_give_an_empty_frame_and_no_table():
    frame = results_frame([])
    assert frame.empty and column("aupro_30", "paper") in frame
    assert summarise(frame, "image_auroc").empty
    assert markdown(frame, "mvtec_ad") == "No runs yet."


def test_mean_and_deviation_over_seeds(general):
    summary = summarise(results_frame(general), "pixel_ap")
    row = entry(summary, "metal_nut")
    values = [0.5, 0.7, 0.1]
    assert row["mean"] == pytest.approx(statistics.mean(values))
    assert row["std"] == pytest.approx(statistics.stdev(values))
    assert (row["n"], row["parts"]) == (3, 0)


def test_deviation_of_the_average_is_that_of_the_averages(general):
    row = entry(summarise(results_frame(general), "image_auroc"), AVERAGE)
    averages = [(0.9 + 0.5) / 2, (0.8 + 0.7) / 2]  # seed 2 lacks bottle
    assert row["mean"] == pytest.approx(statistics.mean(averages))
    assert row["std"] == pytest.approx(statistics.stdev(averages))
    assert (row["n"], row["parts"]) == (2, 2)


def test_hard_averages_over_known_types_before_seeds():
    scores = {("crack", 0): 0.9, ("hole", 0): 0.5, ("crack", 1): 0.6, ("hole", 1): 0.8}
    scores[("crack", 2)] = 0.0  # the hole is missing: no mean over the same types
    results = [
        result_of(Cell("d", "tile", "hard", 10, seed, "cpu", known_type=name), value)
        for (name, seed), value in scores.items()
    ]
    frame = results_frame(results)
    row = entry(summarise(frame, "image_auroc"), "tile")
    assert row["mean"] == pytest.approx(0.7) and row["std"] == pytest.approx(0)
    assert (row["n"], row["parts"]) == (2, 2)
    assert score_table(frame, "d", "image_auroc")["Tile"].tolist() == ["0.700 ± 0.000 (types: 2)"]


def test_undefined_figures_are_neither_dropped_nor_holes():
    results = [
        result_of(Cell("d", "bottle", "general", 0, 0, "cpu"), None),
        result_of(Cell("d", "bottle", "general", 0, 1, "cpu"), 0.5),
        result_of(Cell("d", "pill", "general", 0, 0, "cpu"), 0.5),
        result_of(Cell("d", "pill", "general", 0, 1, "cpu"), 0.5),
    ]
    (row,) = score_table(results_frame(results), "d", "aupro_30").to_dict("records")
    assert row["Bottle"] == row["Average (mean of 2)"] == "n/d"
    assert row["Pill"] == "0.500 ± 0.000"


def test_a_category_that_a_row_lacks_is_a_hole():
    cells = [Cell("d", "bottle", "general", shots, 0, "cpu") for shots in (0, 10)]
    cells.append(Cell("d", "pill", "general", 10, 0, "cpu"))
    table = score_table(results_frame(result_of(cell, 0.5) for cell in cells), "d", "image_auroc")
    assert table["Pill"].tolist() == ["\N{EN DASH}", "0.500"]


def test_categories_without_a_common_seed_have_no_average():
    results = [
        result_of(Cell("d", "bottle", "general", 0, 0, "cpu"), 0.5),
        result_of(Cell("d", "pill", "general", 0, 1, "cpu"), 0.5),
    ]
    (row,) = score_table(results_frame(results), "d", "image_auroc").to_dict("records")
    assert row["Average (mean of 2)"] == "\N{EN DASH}"
    assert row["Bottle"] == "0.500"


def test_the_table_has_the_categories_that_were_run_and_the_others_are_named(general):
    frame = results_frame(general)
    assert list(score_table(frame, "d", "image_auroc")) == [
        *("Setting", "Shots", "Profile", "Seeds", "Average (mean of 2)", "Bottle", "Metal Nut")
    ]
    (missing,) = re.findall("Not run, of the 15 categories: (.*)[.]", markdown(frame, "d"))
    shown = [name for name in CATEGORIES if name not in ("bottle", "metal_nut")]
    assert missing.split(", ") == list(map(display_name, shown))
    own = results_frame([*general, result_of(Cell("d", "ant", "general", 0, 0, "cpu"), 0.5)])
    assert "Not run, of" not in markdown(own, "d")


def test_what_rests_on_fewer_seeds_says_so(general):
    (row,) = score_table(results_frame(general), "d", "image_auroc").to_dict("records")
    assert row["Seeds"] == "3"
    assert row["Metal Nut"] == f"{13 / 30:.3f} ± {statistics.stdev([0.5, 0.7, 0.1]):.3f}"
    assert row["Bottle"].endswith("(n = 2)")
    assert row["Average (mean of 2)"].endswith("(n = 2)")


def test_averages_over_different_categories_say_so_each(general):
    plus = result_of(Cell("d", "bottle", "general", 10, 0, "plus"), 1.0)
    table = score_table(results_frame([*general, plus]), "d", "image_auroc")
    assert table["Profile"].tolist() == ["cpu", "plus"]
    assert table["Average"].tolist()[0].endswith("(mean of 2, n = 2)")
    assert table["Average"].tolist()[1] == "1.000 (mean of 1)"


def test_rows_follow_setting_shots_and_profile():
    cells = [
        Cell("d", "tile", "hard", 5, 0, "cpu", known_type="crack"),
        *(
            Cell("d", "tile", "general", shots, 0, profile)
            for shots in (10, 5)
            for profile in ("plus", "cpu")
        ),
    ]
    table = score_table(results_frame(result_of(cell, 0.5) for cell in cells), "d", "image_auroc")
    rows = list(zip(table["Setting"], table["Shots"], table["Profile"], strict=True))
    general = [("general", shots, profile) for shots in ("5", "10") for profile in ("cpu", "plus")]
    assert rows == [*general, ("hard", "5", "cpu")]


def test_studies_and_seeds_set_apart_stay_out_of_the_grid(general):
    cell = Cell("d", "bottle", "general", 10, 5, "no-focal")
    study = result_of(cell, 0.0, study="ablation")
    apart = result_of(Cell("d", "bottle", "general", 10, 0, "cpu", train_seed=3), 0.0)
    frame = results_frame([*general, study, apart])
    kept, expected = (
        part.drop(columns="study") for part in (grid_cells(frame), results_frame(general))
    )
    pd.testing.assert_frame_equal(kept, expected)
    expected = score_table(results_frame(general), "d", "image_auroc")
    pd.testing.assert_frame_equal(score_table(frame, "d", "image_auroc"), expected)


def test_data_sets_are_never_mixed(general):
    synthetic = result_of(Cell("synthetic", "bottle", "general", 10, 0, "cpu"), 0.0)
    frame = results_frame([*general, synthetic])
    assert markdown(frame, "d") == markdown(results_frame(general), "d")
    text = markdown(frame, "synthetic")
    assert text.count("synthetic stand-in") == 3 and "0.900" not in text


def test_own_categories_come_last():
    assert ordered_categories({"zebra", "pill", "carpet", "ant"}) == (
        *("carpet", "pill", "ant", "zebra"),
    )
    assert display_name("metal_nut") == "Metal Nut"
    assert display_name("_") == "_"


def test_anomaly_types_have_a_row_each():
    types = {
        "crack": {"n": 3, "image_auroc": 0.9, "recall": None},
        "hole": {"n": 2, "image_auroc": None, "recall": 1.0},
    }
    cell = Cell("d", "pill", "general", 10, 1, "cpu")
    other = Cell("d", "screw", "general", 10, 1, "cpu")
    results = [result_of(cell, 0.5, per_type={"common": types}), result_of(other, 0.5)]
    frame = types_frame(results_frame(results))
    assert frame["type"].tolist() == ["crack", "hole"] and set(frame["category"]) == {"pill"}
    assert frame["n"].tolist() == [3, 2]
    assert frame["image_auroc"].isna().tolist() == [False, True]
    assert frame["recall"].isna().tolist() == [True, False]
    assert types_frame(results_frame([])).empty


def test_categories_that_look_alike_keep_their_columns():
    names = ("metal_nut", "Metal_Nut", "average", "Average")
    results = [
        result_of(Cell("d", name, "general", 0, 0, "cpu"), 0.1 * (i + 1))
        for i, name in enumerate(names)
    ]
    table = score_table(results_frame(results), "d", "image_auroc")
    assert table.iloc[0].tolist()[4] == "0.250"
    shown = [value for value in table.iloc[0].tolist()[5:] if value != "\N{EN DASH}"]
    assert sorted(shown) == ["0.100", "0.200", "0.300", "0.400"]


def test_names_with_markup_are_shown_not_obeyed():
    name = "<!-- end --> a|b `c`"
    text = markdown(results_frame([result_of(Cell("d", name, "general", 0, 0, "cpu"), 0.5)]), "d")
    assert "<!--" not in text and "`c`" not in text
    header = text.split("\n\n")[2].splitlines()[0]
    assert len(re.findall(r"(?<!\\)\|", header)) == 7


def test_headlines_are_metrics_and_all_metrics_have_titles(general):
    assert set(tables.TITLES) == set(METRICS)
    text = markdown(results_frame(general), "d", metrics=METRICS, test_set="paper")
    assert all(title in text for title in tables.TITLES.values())
    assert text.startswith("5 runs stand behind these tables: test set `paper`")
