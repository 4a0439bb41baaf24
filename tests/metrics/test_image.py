"""Image metrics against scikit-learn; their intervals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import mannwhitneyu
from sklearn.metrics import average_precision_score, roc_auc_score

from bgad import InputError
from bgad.metrics import bootstrap_interval, image_metrics


@given(st.data())
def test_image_metrics_against_scikit_learn(data):
    n = data.draw(st.integers(1, 12))
    scores = data.draw(arrays(np.float64, n, elements=st.sampled_from([0, 1, 1 + 1e-12, 7])))
    labels = data.draw(arrays(bool, n))
    result = image_metrics(scores, labels)
    assert (result["image_ap"] is None) == (not labels.any())
    assert (result["image_f1_max"] is None) == (not labels.any())
    assert (result["image_auroc"] is None) == (labels.all() or not labels.any())
    if labels.any():
        expected = average_precision_score(labels, scores)
        assert result["image_ap"] == pytest.approx(expected, abs=1e-12)
        hits, called = np.array(
            [(labels[scores >= t].sum(), (scores >= t).sum()) for t in scores]
        ).T
        best = (2 * hits / (called + labels.sum())).max()
        assert result["image_f1_max"] == pytest.approx(best, abs=1e-12)
    if result["image_auroc"] is not None:
        assert result["image_auroc"] == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)


@pytest.mark.parametrize(
    ("scores", "labels", "message"),
    [
        ([0.1, 0.2], [1], "alike"),
        ([[0.1], [0.2]], [[0], [1]], "alike"),
        ([0.1, 0.2], [-1, 1], "labels must be"),
        ([0.1, 0.2], [0, np.nan], "labels must be"),
    ],
)
@pytest.mark.parametrize("function", [image_metrics, bootstrap_interval])
def test_unusable_images_are_refused(function, scores, labels, message):
    with pytest.raises(InputError, match=message):
        function(scores, labels)


def test_bootstrap_interval():
    rng = np.random.default_rng(0)
    labels = np.arange(120) < 50
    scores = rng.standard_normal(120) + labels
    low, high = bootstrap_interval(scores, labels)
    auroc = image_metrics(scores, labels)["image_auroc"]
    assert low < auroc < high
    assert bootstrap_interval(scores, labels) == (low, high)
    assert bootstrap_interval(scores, labels, seed=1) != (low, high)
    narrow = bootstrap_interval(scores, labels, confidence=0.5)
    assert low < narrow[0] < auroc < narrow[1] < high
    # The width is near that of the normal approximation (Hanley & McNeil 1982).
    q1, q2 = auroc / (2 - auroc), 2 * auroc**2 / (1 + auroc)
    variance = auroc * (1 - auroc) + 49 * (q1 - auroc**2) + 69 * (q2 - auroc**2)
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(variance / (50 * 70)), rel=0.2)
    assert auroc == mannwhitneyu(scores[labels], scores[~labels]).statistic / (50 * 70)


def test_bootstrap_interval_at_the_ends():
    assert bootstrap_interval([0.1, 0.2, 0.9], [0, 0, 1]) == (1.0, 1.0)
    assert bootstrap_interval([0.5, 0.5, 0.5], [0, 0, 1]) == (0.5, 0.5)
    assert bootstrap_interval([0.1, 0.2], [0, 0]) is None
    assert bootstrap_interval([0.1, 0.2], [1, 1]) is None
    with pytest.raises(InputError, match="confidence"):
        bootstrap_interval([0.1, 0.2], [0, 1], confidence=95)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("anomalous", [True, False])
def test_undefined_scores_are_refused(value, anomalous):
    with pytest.raises(InputError, match="image 1"):
        image_metrics([0.1, value, 0.3], [0, anomalous, 1])


def test_constant_scores_know_nothing():
    expected = {"image_auroc": 0.5, "image_ap": 1 / 3, "image_f1_max": 0.5}
    assert image_metrics(np.ones(9), np.arange(9) < 3) == expected
