"""Printed intervals hold as often as they say with clustered cells; tests keep their level."""

import numpy as np
import pytest
from scipy.stats import false_discovery_control, wilcoxon

from benchmark.results.statistics import (
    MIN_CATEGORIES,
    average_ranks,
    critical_difference,
    holm,
    mean_interval,
    signed_ranks,
)


def clustered(rng, categories, seeds=3, between=2.3, within=0.7):
    """Means over seeds of differences that spread more between categories, as measured ones do."""
    shared = rng.normal(0, between, (categories, 1))
    return (shared + rng.normal(0, within, (categories, seeds))).mean(1)


@pytest.mark.parametrize("categories", [4, 6, 15])
def test_intervals_hold_in_95_percent_where_seeds_share_their_category(categories):
    rng = np.random.default_rng(0)
    held = []
    for _ in range(600):
        low, high = mean_interval(clustered(rng, categories))
        held.append(low <= 0 <= high)
    assert 0.93 <= np.mean(held) <= 0.97


def test_an_interval_needs_two_categories_and_grows_with_confidence():
    assert np.isnan(mean_interval(np.array([0.3]))).all()
    means = np.array([0.1, 0.2, 0.4])
    low, high = mean_interval(means)
    narrow = mean_interval(means, 0.5)
    assert low < narrow[0] < means.mean() < narrow[1] < high


@pytest.mark.parametrize("categories", [8, 15])
def test_methods_that_are_equal_are_seldom_told_apart(categories):
    rng = np.random.default_rng(1)
    p = np.array([signed_ranks(clustered(rng, categories)) for _ in range(600)])
    assert 0.02 <= (p < 0.05).mean() <= 0.06


def test_signed_ranks():
    means = np.arange(1.0, MIN_CATEGORIES + 1)
    assert signed_ranks(means) == 2 / 2**MIN_CATEGORIES
    assert signed_ranks(-means) == signed_ranks(means)
    assert signed_ranks(np.zeros(9)) == 1
    assert np.isnan(signed_ranks(means[1:]))
    assert signed_ranks(means - 4.7) == pytest.approx(wilcoxon(means - 4.7).pvalue)


def test_holm():
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03]), [0.03, 0.06, 0.06])
    np.testing.assert_allclose(holm([0.04, np.nan, 0.03]), [0.06, np.nan, 0.06])
    np.testing.assert_allclose(holm([0.9, 0.8]), [1, 1])
    assert holm([]).shape == (0,)
    p = np.random.default_rng(0).random(9) ** 3
    assert (holm(p) >= false_discovery_control(p) - 1e-12).all()  # stricter than a rate's control
    assert (np.argsort(holm(p), kind="stable")[:2] == np.argsort(p)[:2]).all()


def test_ranks_begin_with_the_greatest_and_ties_share_theirs():
    figures = np.array([[0.9, 0.8, 0.7], [0.9, 0.9, 0.6], [0.1, 0.2, 0.8]])
    assert average_ranks(figures) == pytest.approx([(1.5 + 2 + 2) / 3, (1.5 + 1 + 3) / 3, 7 / 3])


@pytest.mark.parametrize(("methods", "q"), [(2, 1.960), (3, 2.343), (10, 3.164)])
def test_the_critical_difference_is_that_of_the_published_table(methods, q):
    """Values of q from Demšar (2006), table 5a."""
    expected = q * np.sqrt(methods * (methods + 1) / (6 * 14))
    assert critical_difference(methods, 14) == pytest.approx(expected, rel=1e-3)


def test_of_methods_that_are_alike_few_are_told_apart():
    rng = np.random.default_rng(0)
    limit = critical_difference(5, 15)
    wrong = [np.ptp(average_ranks(rng.normal(size=(5, 15)))) > limit for _ in range(1000)]
    assert 0.02 < np.mean(wrong) < 0.07
