"""The photo-session control: a difference is found, none is not, and the probe is what it says."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.preprocessing import StandardScaler

from bgad.errors import InputError
from bgad.features import EncodedImages
from bgad.session import session_control

RNG = np.random.default_rng(0)


def images(n: int, rng: np.random.Generator, shift: float = 0.0) -> EncodedImages:
    """Features of n images: two levels, their means drawn for each image and channel."""
    levels = []
    for side, channels in ((4, 6), (2, 9)):
        means = rng.normal(shift, 1, (n, 1, 1, channels))
        noise = rng.normal(0, 0.1, (n, side, side, channels))
        levels.append((means + noise).astype(np.float32))
    return EncodedImages(np.zeros((n, 8, 8, 3), np.uint8), tuple(levels))


def test_another_session_is_told_apart():
    control = session_control(images(60, RNG), images(20, RNG, shift=1.0), permutations=99)
    assert control.auroc > 0.9 and control.p_value == 0.01
    assert control.null.shape == (99,) and abs(control.null.mean() - 0.5) < 0.1


def test_one_session_is_told_apart_as_often_as_the_p_value_says():
    p = []
    for seed in range(120):
        rng = np.random.default_rng(seed)
        p.append(session_control(images(30, rng), images(12, rng), 19, seed).p_value)
    assert np.mean(np.array(p) <= 0.05) <= 0.09  # 0.05, and two standard deviations
    assert 0.44 < np.mean(p) < 0.61  # 0.525, and three


def test_the_auroc_is_that_of_scikit_learns_cross_validated_ridge():
    train, test = images(60, RNG), images(25, RNG, shift=0.25)
    ours = [session_control(train, test, 1, seed).auroc for seed in range(20)]
    features = np.concatenate(
        [
            np.concatenate([statistic(level, axis=(1, 2)) for level in levels])
            for levels in zip(train.levels, test.levels, strict=True)
            for statistic in (np.mean, np.std)
        ],
        axis=1,
    )
    x, labels = StandardScaler().fit_transform(features), np.repeat([0, 1], [60, 25])
    theirs = []
    for seed in range(20):
        folds = KFold(10, shuffle=True, random_state=seed)
        scores = cross_val_predict(Ridge(alpha=x.shape[1]), x, labels, cv=folds)
        theirs.append(roc_auc_score(labels, scores))
    assert 0.6 < np.mean(theirs) < 0.9
    assert abs(np.mean(ours) - np.mean(theirs)) < 4 * np.std(theirs) / 20**0.5


def test_too_few_images_are_refused():
    with pytest.raises(InputError, match="5 test normals, got 30 and 4"):
        session_control(images(30, RNG), images(4, RNG))
