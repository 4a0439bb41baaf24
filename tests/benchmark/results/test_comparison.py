"""BGAD against its peers: pairs, intervals and words."""

import numpy as np
import pytest
from instant import make_result

from benchmark.protocol.cells import Cell
from benchmark.protocol.profiles import Profile
from benchmark.results.comparison import paired
from benchmark.results.frame import results_frame
from benchmark.results.statistics import mean_interval


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


def pair(peer: str, metric: str = "image_auroc"):
    pairs = paired(FRAME)
    return pairs[(pairs["peer"] == peer) & (pairs["metric"] == metric)].iloc[0]


def test_a_method_without_anomalies_is_held_against_the_same_category_and_seed():
    entry = pair("peer-unsupervised")
    assert (entry["profile"], entry["shots"], entry["cells"]) == ("cpu", 10, 3)
    assert entry["difference"] == pytest.approx(0.11)
    assert (entry["better"], entry["alike"], entry["worse"]) == (1, 0, 0)
    assert np.isnan(entry["low"]) and np.isnan(entry["high"])  # of a single category


def test_only_cells_that_both_have_count():
    entry = pair("peer-supervised")
    assert entry["cells"] == 2
    assert entry["difference"] == pytest.approx(-0.045)
    assert (entry["better"], entry["worse"]) == (0, 1)


def test_each_category_counts_once_however_many_cells_it_has():
    frame = results_frame(
        [cell("cpu", 0.9, 10, seed, "a") for seed in range(3)]
        + [cell("cpu", 0.6, 10, 0, "b")]
        + [cell("peer", 0.7, 0, seed, name) for seed in range(3) for name in "ab"]
    )
    entry = paired(frame).query("metric == 'image_auroc'").iloc[0]
    assert (entry["cells"], entry["categories"]) == (4, 2)
    assert entry["difference"] == pytest.approx(0.05)
    assert (entry["better"], entry["alike"], entry["worse"]) == (1, 0, 1)
    low, high = mean_interval(np.array([0.2, -0.1]))
    assert (entry["low"], entry["high"]) == pytest.approx((low, high))


def test_the_hard_setting_is_paired_by_known_type_and_with_itself_alone():
    hard = [
        cell("cpu", 0.7, 10, known_type="crack"),
        cell("cpu", 0.1, 10, known_type="hole"),
        cell("peer-supervised", 0.6, 10, known_type="crack"),
        cell("peer-supervised", 0.5, 10),
        cell("peer-unsupervised", 0.2, 0),
    ]
    entries = paired(results_frame(hard)).query("metric == 'image_auroc'")
    assert list(entries["peer"]) == ["peer-supervised"]
    assert list(entries["setting"]) == ["hard"]
    assert entries["difference"].item() == pytest.approx(0.1)


def test_equal_figures_are_ties():
    frame = results_frame([cell("cpu", 0.9, 10), cell("peer", 0.9, 10)])
    entry = paired(frame).iloc[0]
    assert (entry["better"], entry["alike"], entry["worse"]) == (0, 1, 0)


def test_p_values_are_corrected_for_several_peers():
    names = "abcdefgh"
    results = [cell("cpu", 0.9, 10, category=name) for name in names]
    results += [cell("peer-low", 0.5 + 0.01 * i, 10, category=name) for i, name in enumerate(names)]
    results += [cell("peer-high", 0.99 - 0.01 * i, 10, category=c) for i, c in enumerate(names)]
    results += [cell("peer-some", 0.8 + 0.2 * (i % 2), 10, category=c) for i, c in enumerate(names)]
    pairs = paired(results_frame(results)).query("metric == 'image_auroc'").set_index("peer")
    assert pairs["p"]["peer-low"] == pytest.approx(3 * 2 / 2**8)  # all of one sign, of three peers
