"""A difference called detectable is found as often as stated; spreads are those put in."""

import numpy as np
import pytest
from instant import make_result
from scipy.stats import ttest_1samp

from benchmark.protocol.cells import Cell
from benchmark.protocol.profiles import Profile
from benchmark.results.frame import results_frame
from benchmark.results.power import detectable, distinguishable, spreads


def results(categories, seeds, between, within):
    """A peer at 0.5 and BGAD above it, with these deviations over categories and seeds."""
    rng = np.random.default_rng(0)
    for number in range(categories):
        shared = rng.normal(0.1, between)
        for seed in range(seeds):
            for profile, study, value in (
                ("cpu", None, 0.5 + shared + rng.normal(0, within)),
                ("peer", "peers", 0.5),
            ):
                cell = Cell("mvtec_ad", f"c{number}", "general", 10, seed, profile)
                yield make_result(
                    cell, value=value, profile=Profile(profile, "instant", study=study)
                ).model_dump()


@pytest.mark.parametrize("categories", [4, 15])
def test_a_detectable_difference_is_found_in_four_of_five_cases(categories):
    rng = np.random.default_rng(0)
    difference = detectable(2 / categories**0.5, categories - 1)
    draws = rng.normal(difference, 2, (4000, categories))
    assert (ttest_1samp(draws, 0, axis=1).pvalue < 0.05).mean() == pytest.approx(0.8, abs=0.02)


def test_more_categories_and_more_power():
    assert detectable(1, 14) < detectable(1, 5) < detectable(1, 3)
    assert detectable(1, 3) < detectable(1, 3, power=0.9)
    assert detectable(1, 3) < detectable(1, 3, level=0.01)
    assert detectable(0, 3) == 0


def test_spreads_are_told_apart():
    entry = spreads(results_frame(results(40, 3, 0.04, 0.02))).iloc[0]
    assert (entry["categories"], entry["seeds"]) == (40, 3)
    assert entry["between"] == pytest.approx(0.04, rel=0.3)
    assert entry["within"] == pytest.approx(0.02, rel=0.2)


def test_a_single_seed_or_category_has_no_spread():
    assert spreads(results_frame(results(3, 1, 0.04, 0.02))).empty
    assert distinguishable(results_frame(results(1, 3, 0.04, 0.02))).empty


def test_distinguishable_differences_follow_from_the_spreads():
    entry = distinguishable(results_frame(results(6, 3, 0.04, 0.02)), categories=(6,)).iloc[0]
    error = ((entry["between"] ** 2 + entry["within"] ** 2 / 3) / 6) ** 0.5
    assert entry["others_6"] == pytest.approx(detectable(error, 5))
    assert entry["same_6"] == pytest.approx(detectable(entry["within"] / 18**0.5, 12))
    assert entry["same_6"] < entry["others_6"]
