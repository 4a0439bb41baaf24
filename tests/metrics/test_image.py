"""Image metrics against scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import average_precision_score, roc_auc_score

from bgad import InputError
from bgad.metrics import auroc_interval, image_metrics


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
@pytest.mark.parametrize("function", [image_metrics, auroc_interval])
def test_unusable_images_are_refused(function, scores, labels, message):
    with pytest.raises(InputError, match=message):
        function(scores, labels)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("anomalous", [True, False])
def test_undefined_scores_are_refused(value, anomalous):
    with pytest.raises(InputError, match="image 1"):
        image_metrics([0.1, value, 0.3], [0, anomalous, 1])


def test_constant_scores_know_nothing():
    expected = {"image_auroc": 0.5, "image_ap": 1 / 3, "image_f1_max": 0.5}
    assert image_metrics(np.ones(9), np.arange(9) < 3) == expected
