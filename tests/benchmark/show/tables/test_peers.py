"""Peers as a person reads of them: words follow the intervals, rows rest on the same cells."""

import pytest
from instant import make_result

from benchmark.protocol.cells import Cell
from benchmark.protocol.profiles import Profile
from benchmark.results.frame import results_frame
from benchmark.show import markdown
from benchmark.show.tables.peers import section, side_by_side


def cell(
    profile: str,
    value: float,
    shots: int,
    seed: int = 0,
    category: str = "a",
    known_type: str | None = None,
):
    study = "peers" if profile.startswith("peer") else None
    setting = "hard" if known_type else "general"
    return make_result(
        Cell("mvtec_ad", category, setting, shots, seed, profile, known_type),
        value=value,
        profile=Profile(profile, "instant", study=study),
    ).model_dump()


FRAME = results_frame(
    [cell("cpu", 0.9 + 0.01 * seed, 10, seed) for seed in range(3)]
    + [cell("cpu", 0.5, 0, seed) for seed in range(3)]
    + [cell("peer-unsupervised", 0.8, 0, seed) for seed in range(3)]
    + [cell("peer-supervised", 0.95, 10, seed) for seed in range(2)]
)


def text_of(results=None) -> str:
    return markdown.blocks(section(FRAME if results is None else results_frame(results)))


def test_few_categories_are_described_and_not_judged():
    text = text_of()
    assert "`cpu` with 10 known anomalies (`general`) is in image-AUC worse than" in text
    assert "worse than peer-supervised in 1 of 1 categories (\N{MINUS SIGN}4.5)" in text
    assert "better than peer-unsupervised in 1 of 1 categories (+11.0)" in text


def test_many_categories_are_judged_with_the_correction_for_several_peers():
    names = "abcdefgh"
    results = [cell("cpu", 0.9, 10, category=name) for name in names]
    results += [cell("peer-low", 0.5 + 0.01 * i, 10, category=name) for i, name in enumerate(names)]
    results += [cell("peer-high", 0.99 - 0.01 * i, 10, category=c) for i, c in enumerate(names)]
    results += [cell("peer-some", 0.8 + 0.2 * (i % 2), 10, category=c) for i, c in enumerate(names)]
    text = text_of(results)
    assert "better than peer-low; worse than peer-high; not told apart from peer-some" in text


def test_every_method_has_a_row_for_each_number_of_shots():
    table = side_by_side(FRAME)
    assert [tuple(row[:3]) for row in table.rows] == [
        ("general", 0, "cpu"),
        ("general", 0, "peer-unsupervised"),
        ("general", 10, "cpu"),
        ("general", 10, "peer-supervised"),
    ]
    assert [str(row[4]) for row in table.rows if row[2] == "peer-supervised"] == ["0.950 ± 0.000"]


def test_rows_of_a_setting_rest_on_the_categories_that_all_its_profiles_have():
    more = [cell("cpu", 0.1, 10, category="b"), cell("peer", 0.6, 10), cell("cpu", 0.9, 10)]
    more += [cell("cpu", 0.3, 10, category="b", known_type="crack")]
    rows = side_by_side(results_frame(more)).rows
    figures = {(row[0], row[2]): row[4].value for row in rows}
    expected = {("general", "cpu"): 0.9, ("general", "peer"): 0.6, ("hard", "cpu"): 0.3}
    assert figures == pytest.approx(expected)


def test_equal_figures_are_better_nowhere():
    text = text_of([cell("cpu", 0.9, 10), cell("peer", 0.9, 10)])
    assert "better than peer in 0 of 1 categories (+0.0)" in text


def test_without_peers_there_is_nothing_to_say():
    assert not section(results_frame([cell("cpu", 0.9, 10)])).blocks
