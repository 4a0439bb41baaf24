"""Two cells on the same images: differences, their intervals, and where they disagree."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from benchmark.results.pairs import ALL, differences, disagreements


def frame(scores, labels, types=None):
    labels = np.asarray(labels, bool)
    return pd.DataFrame(
        {
            "role": "test",
            "name": [f"{i:03d}" for i in range(len(labels))],
            "type": np.where(labels, "crack", "good") if types is None else types,
            "label": labels,
            "common": True,
            "score": np.asarray(scores, np.float32),
        }
    )


def draw(rng, m=40, n=30, gain=0.4, shared=0.7):
    """Scores of two cells, correlated, the second by `gain` farther apart."""
    labels = np.repeat([True, False], [m, n])
    common = rng.normal(size=m + n)
    a, b = (
        shared * common + np.sqrt(1 - shared**2) * rng.normal(size=m + n) + shift * labels
        for shift in (1.5, 1.5 + gain)
    )
    return frame(a, labels), frame(b, labels)


def test_areas_are_scikit_learns():
    a, b = draw(np.random.default_rng(0))
    row = differences(a, b).iloc[0]
    assert row["type"] == ALL and row["n"] == 40
    assert row["a"] == pytest.approx(roc_auc_score(a["label"], a["score"]))
    assert row["difference"] == pytest.approx(
        roc_auc_score(b["label"], b["score"]) - roc_auc_score(a["label"], a["score"])
    )
    assert row["low"] < row["difference"] < row["high"]


def test_a_type_is_held_against_all_normal_images():
    a, b = draw(np.random.default_rng(1), m=10)
    types = ["crack"] * 6 + ["hole"] * 4 + ["good"] * 30
    a, b = (part.assign(type=types) for part in (a, b))
    table = differences(a, b).set_index("type")
    holes = a[a["type"].isin(["hole", "good"])]
    assert list(table["n"]) == [10, 6, 4]
    assert table.loc["hole", "a"] == pytest.approx(roc_auc_score(holes["label"], holes["score"]))


def test_swapping_the_cells_turns_the_difference_round():
    a, b = draw(np.random.default_rng(2))
    there, back = differences(a, b).iloc[0], differences(b, a).iloc[0]
    assert there["difference"] == pytest.approx(-back["difference"])
    assert (there["low"], there["high"]) == pytest.approx((-back["high"], -back["low"]))


def test_intervals_hold_the_true_difference_as_often_as_they_say():
    rng = np.random.default_rng(3)
    from scipy.stats import norm

    true = norm.cdf(1.9 / np.sqrt(2)) - norm.cdf(1.5 / np.sqrt(2))
    rows = [differences(*draw(rng)).iloc[0] for _ in range(300)]
    held = np.mean([row["low"] <= true <= row["high"] for row in rows])
    assert 0.92 <= held <= 0.99


def test_an_interval_is_no_point_where_both_are_perfect():
    labels = np.repeat([True, False], [5, 5])
    row = differences(frame(labels, labels), frame(labels * 2, labels)).iloc[0]
    assert row["difference"] == 0 and row["low"] < 0 < row["high"]


def test_only_images_that_both_tested_count():
    a, b = draw(np.random.default_rng(4))
    a.loc[0, "common"] = False
    assert differences(a, b).iloc[0]["n"] == 39
    assert "000" not in set(disagreements(a, b)["name"])


def test_disagreements_come_by_size_with_the_direction_that_is_right():
    labels = [True, True, False, False]
    a, b = frame([3, 0, 1, 2], labels), frame([3, 3, 1, 9], labels)
    table = disagreements(a, b)
    assert set(table["name"][:2]) == {"000", "001"}
    gains = dict(zip(table["name"], table["gain"], strict=True))
    assert gains["001"] == pytest.approx(0.5)
    assert gains["000"] == pytest.approx(-0.5), "a normal image rose above it"
