"""Intervals hold as often as they say, whatever the scores' shape, and are never a point."""

import numpy as np
import pytest
from scipy.stats import beta, mannwhitneyu, norm

from bgad import InputError
from bgad.metrics import auroc_interval, proportion_interval


@pytest.mark.parametrize("spread", [1, 3], ids=["alike", "anomalous wide"])
@pytest.mark.parametrize(
    ("anomalous", "normal", "area"),
    [(40, 20, 0.7), (92, 26, 0.95), (140, 60, 0.98), (131, 41, 0.99), (40, 20, 0.999)],
)
def test_intervals_of_the_auroc_hold_in_95_percent(anomalous, normal, area, spread):
    rng = np.random.default_rng(0)
    labels = np.arange(anomalous + normal) < anomalous
    shift = norm.ppf(area) * np.hypot(1, spread)
    held = []
    for _ in range(400):
        scores = rng.standard_normal(len(labels))
        scores[labels] = scores[labels] * spread + shift
        low, high = auroc_interval(scores, labels)
        held.append(low <= area <= high)
    assert 0.93 <= np.mean(held) <= 0.995


def test_the_width_follows_the_spread_of_the_measured_area():
    rng = np.random.default_rng(0)
    labels = np.arange(120) < 50
    draws = rng.standard_normal((300, 120)) + np.where(labels, 1.5, 0)
    areas = [mannwhitneyu(s[labels], s[~labels]).statistic / (50 * 70) for s in draws]
    intervals = np.array([auroc_interval(s, labels) for s in draws])
    assert ((intervals[:, 0] < areas) & (areas < intervals[:, 1])).all()
    width = np.mean(intervals[:, 1] - intervals[:, 0])
    assert width == pytest.approx(2 * 1.96 * np.std(areas), rel=0.1)
    narrow = auroc_interval(draws[0], labels, confidence=0.5)
    assert intervals[0, 0] < narrow[0] < areas[0] < narrow[1] < intervals[0, 1]


def test_perfect_separation_is_less_sure_with_fewer_images():
    lows = []
    for count in (1, 2, 20, 60):
        labels = np.arange(2 * count) >= count
        low, high = auroc_interval(labels.astype(float), labels)
        assert high == 1
        lows.append(low)
        mirrored = auroc_interval(-labels.astype(float), labels)
        assert mirrored == pytest.approx((0, 1 - low))
    assert 0 < lows[0] < lows[1] < lows[2] < lows[3] < 0.98


def test_undefined_intervals_of_the_auroc():
    low, high = auroc_interval([0.5, 0.5, 0.5, 0.5], [0, 0, 1, 1])
    assert low < 0.5 < high
    assert auroc_interval([0.1, 0.2], [0, 0]) is None
    assert auroc_interval([0.1, 0.2], [1, 1]) is None


@pytest.mark.parametrize(("count", "total"), [(0, 9), (3, 9), (9, 9), (1, 1)])
def test_proportions_against_the_beta_distribution(count, total):
    low, high = proportion_interval(count, total, 0.9)
    assert low == pytest.approx(beta.ppf(0.05, count, total - count + 1) if count else 0)
    assert high == pytest.approx(beta.ppf(0.95, count + 1, total - count) if count < total else 1)


def test_unusable_proportions_are_refused():
    assert proportion_interval(0, 0) is None
    for count, total in ((-1, 3), (4, 3)):
        with pytest.raises(InputError, match="count"):
            proportion_interval(count, total)


@pytest.mark.parametrize("confidence", [0, 1, 95, np.nan])
def test_confidences_are_shares(confidence):
    with pytest.raises(InputError, match="confidence"):
        auroc_interval([0.1, 0.2], [0, 1], confidence)
    with pytest.raises(InputError, match="confidence"):
        proportion_interval(1, 2, confidence)
