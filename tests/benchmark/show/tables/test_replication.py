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


def test_what_is_missing_leaves_a_claim_open_and_other_backbones_have_none():
    table = rows(CATEGORIES[:3], 0.994)
    assert table["image-AUC", "paper"] == ["0.994", "3, 1", "open: 3 of 15 categories"]
    assert table["image-AUC", "paper-joint"][2] == "open: 0 of 15 categories"
    assert {metric for metric, _ in table} == {"image-AUC", "pixel-AUC"}
    ours = rows(CATEGORIES, 0.994, "cpu")
    assert ours["image-AUC", "cpu"] == ["0.994", "15, 1", "not claimed"]
    assert {profile for _, profile in ours if ours[_, profile][2] == "not claimed"} == {
        *("paper-lite2-joint", "paper-lite2", "cpu")
    }


def of(category: str, profile: str, shots: int, value: float, seed: int = 0, **changes):
    return result_of(Cell("mvtec_ad", category, "general", shots, seed, profile), value, **changes)


def means(results) -> list[list[str]]:
    """Lines of the tables of means, headings left out."""
    return [line for line in lines(results_frame(results), 8) if line[2] == "1, 1"]


def test_others_are_held_against_the_published_training_on_the_same_cells():
    course = [
        {"image_auroc": image, "pixel_auroc": 0.9, "vectors": vectors}
        for image, vectors in ((0.5, 1e9), (0.9, 2.5e9), (0.85, 5e9))
    ]
    results = [
        of("pill", "paper-lite2", shots, 0.9 - 0.01 * shots, training={"moments": course})
        for shots in (0, 10)
    ]
    results += [of("pill", "cpu", shots, 0.8 - 0.01 * shots) for shots in (0, 10)]
    results += [of("wood", "cpu", 0, 0.1), of("pill", "patchcore", 0, 0.75)]
    assert [line[:3] + line[4:] for line in means(results)] == [
        ["paper-lite2, best moments", "0", "1, 1", *["0.900"] * 4],
        ["paper-lite2, half way", "0", "1, 1", "0.900", "0.900", NOT_RUN, NOT_RUN],
        ["paper-lite2, last moment", "0", "1, 1", "0.850", "0.900", NOT_RUN, NOT_RUN],
        ["cpu", "0", "1, 1", *["0.800"] * 4],
        ["patchcore", "0", "1, 1", *["0.750"] * 4],
        ["paper-lite2, best moments", "10", "1, 1", *["0.800"] * 4],
        ["paper-lite2, half way", "10", "1, 1", "0.900", "0.900", NOT_RUN, NOT_RUN],
        ["paper-lite2, last moment", "10", "1, 1", "0.850", "0.900", NOT_RUN, NOT_RUN],
        ["cpu", "10", "1, 1", *["0.700"] * 4],
    ]
    assert [line[3] for line in means(results)[1:3]] == ["2,500.0 M", "5,000.0 M"]


def test_one_adam_is_held_against_an_adam_a_level_on_cells_that_all_have():
    values = {("pill", "paper-lite2-joint"): 0.9, ("wood", "paper-lite2-joint"): 0.1}
    values |= {("pill", "paper-lite2"): 0.7, ("wood", "paper-lite2"): 0.1, ("pill", "cpu"): 0.8}
    shown = [(line[0], line[4]) for line in means([of(*k, 0, v) for k, v in values.items()])]
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
    table = lines(results_frame([of(*k, 10, v) for k, v in values.items()]), 8)
    start = next(i for i, line in enumerate(table) if line[0] == "Best moments of")
    assert table[start + 2 :] == [
        ["paper-lite2", "cpu", "10", "Wood", *["\N{MINUS SIGN}5.0"] * 4],
        ["paper-lite2", "cpu", "10", "Pill", *["+20.0"] * 4],
    ]


def test_seeds_of_the_short_training_say_what_a_difference_is_worth():
    results = [of("pill", "paper-lite2", 10, 0.9)]
    results += [of("pill", "cpu", 10, 0.8 + 0.02 * seed, seed) for seed in range(3)]
    results += [of("pill", "cpu", 5, 0.1, seed) for seed in range(3)]
    hard = Cell("mvtec_ad", "pill", "hard", 10, 0, "cpu", "crack")
    table = lines(results_frame([*results, result_of(hard, 0.1)]), 7)
    assert table[-1] == ["Pill", "10", "3", *["2.0"] * 4]
