"""Findings: each sentence says what its cells say, for any sign, and is silent without them."""

import re

import pytest
from cell_results import result_of

from benchmark.protocol.cells import Cell
from benchmark.protocol.metrics import METRICS
from benchmark.protocol.profiles import Profile
from benchmark.results.frame import results_frame
from benchmark.show import markdown
from benchmark.show.tables.findings import section

LEADS = (
    "What known anomalies buy",
    "Unseen types",
    "Selection on test",
    "Where it fails",
    "A threshold without test labels",
)


def result(category, shots, value, seed=0, known_type=None, types=None, profile="cpu", **of):
    metrics = dict.fromkeys(METRICS, value) | {"pixel_f1_max": value / 2}
    metrics |= {"pixel_f1_boundary": value / 5}
    types = types or {"crack": value, "hole": value / 2}
    per_type = {k: {"n": 4, "image_auroc": v, "recall": v} for k, v in types.items()}
    setting = "hard" if known_type else "general"
    return result_of(
        Cell("mvtec_ad", category, setting, shots, seed, profile, known_type),
        value,
        metrics={"common": metrics, "paper": metrics},
        per_type={"common": per_type},
        **of,
    )


def sentences(results):
    text = markdown.blocks(section(results_frame(results)))
    return dict(re.findall(r"^- \*\*(.+?)\.\*\* (.+)$", text, re.MULTILINE))


@pytest.fixture
def general():
    """Two seeds of two categories: pill rises by 20 points, screw falls by 10."""
    values = {("pill", 0): 0.6, ("pill", 10): 0.8, ("screw", 0): 0.5, ("screw", 10): 0.4}
    return [
        result(category, shots, value + 0.02 * seed, seed)
        for (category, shots), value in values.items()
        for seed in (0, 1)
    ]


def test_without_cells_nothing_is_said():
    assert not section(results_frame([])).blocks


def test_false_alarms_are_told_where_they_are_known(general):
    assert "verdict on images" not in sentences(general)[LEADS[4]]
    some = [
        entry.model_copy(update={"false_alarms": {"common": 0.25 + entry.cell.seed / 2}})
        for entry in general
    ]
    assert "50% of the normal test images" in sentences(some)[LEADS[4]]
    assert "(4 cells)" in sentences(some)[LEADS[4]]


def test_each_sentence_needs_its_cells(general):
    zero = [entry for entry in general if entry.cell.shots == 0]
    assert sentences(zero).keys() == {LEADS[3], LEADS[4]}
    assert sentences(general).keys() == {LEADS[0], LEADS[3], LEADS[4]}
    hard = result("pill", 10, 0.5, known_type="crack", types={"hole": 0.3})
    assert sentences([*general, hard]).keys() == {LEADS[0], LEADS[1], LEADS[3], LEADS[4]}
    others = [result("pill", 10, 0.9, profile="plus"), result("pill", 0, 0.1, profile="plus")]
    assert sentences([*general, *others]) == sentences(general)


def test_what_shots_buy_with_its_signs(general):
    text = sentences(general)[LEADS[0]]
    assert "With 0 → 10 of them, image-AUC 0.560 → 0.610 (+5.0 points)" in text
    assert "pixel-F1 0.280 → 0.305 (+2.5 points)" in text
    assert "mean of 2 categories and 2 seeds" in text
    assert "on Pill (+20.0 ± 0.0), not on Screw (\N{MINUS SIGN}10.0 ± 0.0)" in text


def test_shots_are_compared_on_what_all_of_them_have(general):
    more = [result("pill", 5, 0.7), result("wood", 10, 0.0)]
    text = sentences([*general, *more])[LEADS[0]]
    assert "With 0 → 5 → 10 of them, image-AUC 0.600 → 0.700 → 0.800" in text
    assert "mean of 1 category and 1 seed" in text
    assert "rises on Pill (+20.0)." in text, "a single seed has no deviation"


def test_unseen_types_are_held_against_the_same_types(general):
    hard = [
        result("pill", 10, 0.5, known_type="crack", types={"hole": 0.3}),
        result("screw", 10, 0.5, known_type="hole", types={"crack": 0.6}),
    ]
    text = sentences([*general, *hard])[LEADS[1]]
    # Seen: hole of pill 0.8 / 2, crack of screw 0.4; with none known: 0.6 / 2 and 0.5.
    assert "reach image-AUC 0.450" in text
    assert "by +5.0 points" in text and "(0.400)" in text
    assert "(mean of 2 types of 2 categories)" in text


def test_selection_on_test_is_held_against_the_same_cells(general):
    profile = "cpu-best-on-test"
    oracle = [
        result("pill", 10, 0.9, profile=profile, study="fidelity"),
        result("wood", 10, 0.1, profile=profile, study="fidelity"),  # no such run of cpu
    ]
    text = sentences([*general, *oracle])[LEADS[2]]
    assert "image-AUC by +10.0 points (0.800 → 0.900)" in text and "(1 cell)" in text


def test_selection_of_another_method_is_not_held_against_it(general):
    config = Profile("plus", "patchcore").config
    cells = [result("pill", 10, 0.7, profile="plus", config=config)]
    oracle = [result("pill", 10, 0.9, profile="best-on-test", study="fidelity")]
    frame = results_frame([*cells, *oracle])
    text = markdown.blocks(section(frame, profile="plus"))
    assert "What was learnt: plus" in markdown.section(section(frame, profile="plus"))
    assert LEADS[3] in text and LEADS[2] not in text


def test_failures_are_the_lowest_with_most_shots(general):
    text = sentences(general)[LEADS[3]]
    assert "With 10 known anomalies" in text
    assert "that of Screw (0.410)" in text
    assert "Screw, `hole` (0.205" in text


def test_boundary_is_held_against_the_oracle(general):
    text = sentences(general)[LEADS[4]]
    assert "pixel-F1 is 0.122, where the best threshold on test reaches 0.305" in text
    assert "(\N{MINUS SIGN}18.3 points" in text
    assert "largest on Pill (24.3)" in text


def test_undefined_figures_give_no_sentence():
    types = {"common": {"crack": {"n": 1, "image_auroc": None, "recall": None}}}
    none = [
        result_of(Cell("mvtec_ad", "pill", "general", shots, 0, "cpu"), None, per_type=types)
        for shots in (0, 10)
    ]
    assert sentences(none) == {}


@pytest.mark.parametrize(
    ("gains", "verdict"),
    [
        ((0.05, 0.06, 0.07), "is given by any pasted patch."),
        ((-0.05, -0.06, -0.07), "not that something is pasted."),
        ((0.05, -0.06, 0.03), "too little to tell"),
        ((0.05,), "too little to tell"),
    ],
)
def test_shuffled_labels_are_judged_beyond_what_categories_differ_by(gains, verdict):
    cells = []
    for place, gain in enumerate(gains):
        name = f"c{place}"
        cells.append(result(name, 0, 0.8))
        control = Cell("mvtec_ad", name, "control", 10, 0, "cpu", control="shuffled_labels")
        cells.append(result_of(control, 0.8 + gain))
    said = sentences(cells)["Shuffled labels against 0 shots"]
    assert verdict in said
    assert f"greater in {sum(gain > 0 for gain in gains)} of" in said


def test_pasted_patches_are_told_where_all_categories_have_them():
    cells, control = [], {"control": "shuffled_labels"}
    for name in ("pill", "screw"):
        cells.append(result(name, 0, 0.8))
        cells.append(result_of(Cell("mvtec_ad", name, "control", 10, 0, "cpu", **control), 0.81))
        unpasted = Cell("mvtec_ad", name, "control", 10, 0, "no-cut-paste", **control)
        cells.append(result_of(unpasted, 0.83))
    patched = [
        result(name, shots, value, profile="normal-patches")
        for name in ("pill", "screw")
        for shots, value in ((0, 0.84), (10, 0.99))
    ]
    said = sentences([*cells, *patched])["Shuffled labels against 0 shots"]
    assert "by +1.0 points" in said
    assert "Without CutPaste they change it by +3.0 points: CutPaste gives back " in said
    assert "2.0 points (in 0 of 2 categories)." in said
    assert "pasted as if known, change it by +4.0 points, pixel-F1 by +2.0 points." in said
    said = sentences(cells[:-1] + patched[:2])["Shuffled labels against 0 shots"]
    assert "CutPaste" not in said and "as if known" not in said
