"""A claim is reproduced by all of its categories, and by nothing less."""

import pytest
from cell_results import result_of

from benchmark.protocol.cells import Cell
from benchmark.results.frame import results_frame
from benchmark.show import markdown
from benchmark.show.document import NOT_RUN
from benchmark.show.tables import replication
from bgad.data.registry import find_dataset

CATEGORIES = find_dataset("mvtec_ad").categories


def lines(frame, n_columns: int) -> list[list[str]]:
    """Lines of all tables with so many columns."""
    text = markdown.blocks(replication.section(frame))
    split = [[e.strip() for e in line.split("|")[1:-1]] for line in text.splitlines()]
    return [line for line in split if len(line) == n_columns]


def rows(categories=(), value: float = 0.0, profile: str = "paper") -> dict[tuple[str, str], list]:
    """Obtained figure, sizes and verdict, by metric and profile."""
    cells = [Cell("mvtec_ad", name, "general", 10, 0, profile) for name in categories]
    frame = results_frame([result_of(c, 0.5, paper=value, study="fidelity") for c in cells])
    claims = [line for line in lines(frame, 6) if "10 shots" in line[0]]
    return {(line[0].split(",")[0], line[2]): line[3:] for line in claims}


@pytest.mark.parametrize(
    ("value", "verdict"),
    [(0.9901, "reproduced"), (0.9979, "reproduced"), (0.98, "not reproduced")],
)
def test_all_categories_decide_on_the_claims_own_test_set(value, verdict):
    obtained = rows(CATEGORIES, value)["image-AUC", "paper"]
    assert obtained == [f"{value:.3f}", "15, 1", verdict]


def test_what_is_missing_leaves_a_claim_open():
    table = rows(CATEGORIES[:3], 0.994)
    assert table["image-AUC", "paper"] == ["0.994", "3, 1", "open: 3 of 15 categories"]
    assert table["pixel-AUC", "paper-lite2"][2] == "open: 0 of 15 categories"
    assert {profile for _, profile in table} == {"paper", "paper-lite2", "cpu"}
    assert {metric for metric, _ in table} == {"image-AUC", "pixel-AUC"}


def test_a_short_training_is_held_against_the_published_one_on_the_same_cells():
    values = {("pill", "paper-lite2"): 0.9, ("pill", "cpu"): 0.8, ("wood", "cpu"): 0.1}
    course = [{"image_auroc": value, "pixel_auroc": 0.9} for value in (0.5, 0.9, 0.85)]
    results = [
        result_of(
            Cell("mvtec_ad", name, "general", shots, 0, profile),
            value - 0.01 * shots,
            training={"moments": course} if profile != "cpu" else {},
        )
        for (name, profile), value in values.items()
        for shots in (0, 10)
    ]
    frame = results_frame(results)
    frame["vectors"] = frame["profile"].map({"paper-lite2": 5e9, "cpu": 1e5})
    assert lines(frame, 7)[2:] == [
        ["paper-lite2, best moments", "0", "1, 1", "5,000.0 M", "0.900", "0.900", "0.900"],
        ["paper-lite2, half way", "0", "1, 1", "3,333.3 M", "0.900", "0.900", NOT_RUN],
        ["paper-lite2, last moment", "0", "1, 1", "5,000.0 M", "0.850", "0.900", NOT_RUN],
        ["cpu", "0", "1, 1", "0.1 M", "0.800", "0.800", "0.800"],
        ["paper-lite2, best moments", "10", "1, 1", "5,000.0 M", "0.800", "0.800", "0.800"],
        ["paper-lite2, half way", "10", "1, 1", "3,333.3 M", "0.900", "0.900", NOT_RUN],
        ["paper-lite2, last moment", "10", "1, 1", "5,000.0 M", "0.850", "0.900", NOT_RUN],
        ["cpu", "10", "1, 1", "0.1 M", "0.700", "0.700", "0.700"],
    ]


def test_one_adam_is_held_against_an_adam_a_level_on_cells_that_all_have():
    cells = [("pill", "paper-lite2-joint"), ("wood", "paper-lite2-joint")]
    cells += [("pill", "paper-lite2"), ("wood", "paper-lite2"), ("pill", "cpu")]
    values = dict(zip(cells, (0.9, 0.1, 0.7, 0.1, 0.8), strict=True))
    results = [
        result_of(Cell("mvtec_ad", category, "general", 0, 0, profile), value)
        for (category, profile), value in values.items()
    ]
    shown = [(line[0], line[4]) for line in lines(results_frame(results), 7)]
    assert [line for line in shown if line[0] == "cpu" or "best" in line[0]] == [
        ("paper-lite2, best moments", "0.700"),
        ("cpu", "0.800"),
        ("paper-lite2-joint, best moments", "0.900"),
        ("paper-lite2, best moments", "0.700"),
        ("cpu", "0.800"),
    ]


def test_differences_are_shown_category_by_category():
    values = {("wood", "paper-lite2"): 0.7, ("wood", "cpu"): 0.75, ("pill", "cpu"): 0.6}
    values |= {("pill", "paper-lite2"): 0.8, ("grid", "paper-lite2"): 0.9}
    results = [
        result_of(Cell("mvtec_ad", category, "general", 10, 0, profile), value)
        for (category, profile), value in values.items()
    ]
    table = lines(results_frame(results), 4 + 3)
    start = next(i for i, line in enumerate(table) if line[0] == "Best moments of")
    assert table[start][4:] == ["Grid", "Wood", "Pill"]
    assert [line[3:] for line in table[start + 2 :]] == [
        [figure, NOT_RUN, "\N{MINUS SIGN}5.0", "+20.0"]
        for figure in ("image-AUC", "pixel-AUC", "pixel-F1")
    ]
