"""Tables of scores: what each cell of them rests on, with holes, own names and several seeds."""

import re
import statistics

import pandas as pd
import pytest
from cell_results import result_of

from benchmark.protocol.cells import Cell
from benchmark.protocol.metrics import METRICS
from benchmark.results.frame import grid_cells, results_frame, summarise
from benchmark.show import labels, markdown
from benchmark.show.labels import display_name
from benchmark.show.tables import scores
from bgad.data.registry import DATASETS


def score_table(frame: pd.DataFrame, *of: str) -> pd.DataFrame:
    """The table's entries as a person reads them."""
    table = scores.score_table(frame, *of)
    return pd.DataFrame([map(as_text, row) for row in table.rows], columns=table.columns)


def as_text(entry) -> str:
    return "\N{EN DASH}" if entry is None else str(entry)


def text_of(frame: pd.DataFrame, *of: str, **options) -> str:
    return markdown.blocks(scores.section(frame, *of, **options))


@pytest.fixture
def general():
    """Two seeds of bottle, three of metal_nut."""
    scores = {("bottle", 0): 0.9, ("bottle", 1): 0.8}
    scores |= {("metal_nut", 0): 0.5, ("metal_nut", 1): 0.7, ("metal_nut", 2): 0.1}
    return [
        result_of(Cell("d", category, "general", 10, seed, "cpu"), value)
        for (category, seed), value in scores.items()
    ]


def test_no_results_give_an_empty_frame_and_no_table():
    frame = results_frame([])
    assert summarise(frame, "image_auroc").empty
    assert text_of(frame, "mvtec_ad") == "No runs yet."


def test_the_number_of_known_types_stands_beside_their_mean():
    scores = {("crack", 0): 0.9, ("hole", 0): 0.5, ("crack", 1): 0.6, ("hole", 1): 0.8}
    scores[("crack", 2)] = 0.0  # the hole is missing: no mean over the same types
    results = [
        result_of(Cell("d", "tile", "hard", 10, seed, "cpu", known_type=name), value)
        for (name, seed), value in scores.items()
    ]
    frame = results_frame(results)
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


def test_the_table_has_the_categories_that_were_run_and_the_others_are_named():
    names = ("metal_nut", "bottle")
    frame = results_frame(
        result_of(Cell("mvtec_ad", name, "general", 0, 0, "cpu"), 0.5) for name in names
    )
    assert list(score_table(frame, "mvtec_ad", "image_auroc")) == [
        *("Setting", "Shots", "Profile", "Seeds", "Average (mean of 2)", "Bottle", "Metal Nut")
    ]
    (missing,) = re.findall("Not run, of the 15 categories: (.*)[.]", text_of(frame, "mvtec_ad"))
    shown = [name for name in DATASETS["mvtec_ad"].categories if name not in names]
    assert missing.split(", ") == list(map(display_name, shown))
    own = results_frame([result_of(Cell("d", "bottle", "general", 0, 0, "cpu"), 0.5)])
    assert "Not run, of" not in text_of(own, "d")


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
    assert text_of(frame, "d") == text_of(results_frame(general), "d")
    text = text_of(frame, "synthetic")
    assert text.count("synthetic stand-in") == 3 and "0.900" not in text


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


def test_the_best_score_is_sought_in_the_general_setting_alone():
    cells = [Cell("d", "tile", "hard", 5, 0, "cpu", known_type="crack")]
    cells += [Cell("d", "tile", "general", shots, 0, "cpu") for shots in (0, 10)]
    frame = results_frame(result_of(cell, 0.5 + cell.shots / 100) for cell in cells)
    table = scores.score_table(frame, "d", "image_auroc")
    assert [row[1] for row in table.rows] == [0, 10, 5]
    assert table.best() == {(1, 4), (1, 5)}


def test_headlines_are_metrics_and_all_metrics_have_titles(general):
    assert set(labels.TITLES) == set(METRICS)
    text = text_of(results_frame(general), "d", metrics=METRICS, test_set="paper")
    assert all(title in text for title in labels.TITLES.values())
    assert text.startswith("5 cells stand behind these tables: test set `paper`")
