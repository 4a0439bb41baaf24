"""Each metric is computed from the part of the state that it names, and from no other."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from benchmark.protocol.metrics import METRICS, ImageState, State, figures
from bgad.metrics import pixel_curve

rng = np.random.default_rng(0)
LABELS = np.array([True, False] * 5)
SCORES = (rng.random(10) + LABELS / 2).astype(np.float32)
OVERLAPS = np.where(LABELS, rng.random(10), np.nan)
MAPS = rng.random((10, 8, 8), dtype=np.float32)
MASKS = (rng.random((10, 8, 8)) > 0.7) & LABELS[:, None, None]
STATE = State(ImageState(SCORES, LABELS, OVERLAPS), pixel_curve(MAPS, MASKS, (0.5,)), 0.5)


def test_all_are_between_0_and_1_and_those_of_one_part_need_no_other():
    everything = figures(STATE)
    assert list(everything) == list(METRICS)
    assert all(0 <= value <= 1 for value in everything.values())
    of_images = figures(State(STATE.images, None, 0.5))
    of_pixels = figures(State(None, STATE.curve, 0.5))
    assert of_images | of_pixels == everything
    assert not of_images.keys() & of_pixels.keys()


def test_they_are_what_they_are_called():
    found = figures(STATE)
    best = max(f1_score(LABELS, bar <= SCORES) for bar in SCORES)
    expected = {
        "image_auroc": roc_auc_score(LABELS, SCORES),
        "image_ap": average_precision_score(LABELS, SCORES),
        "image_f1_max": best,
        "pixel_auroc": roc_auc_score(MASKS.ravel(), MAPS.ravel()),
        "pixel_ap": average_precision_score(MASKS.ravel(), MAPS.ravel()),
        "pixel_f1_boundary": f1_score(MASKS.ravel(), MAPS.ravel() > 0.5),
        "aupimo": OVERLAPS[LABELS].mean(),
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected)


def test_without_an_image_that_has_one_the_mean_overlap_is_undefined():
    images = ImageState(SCORES, LABELS, np.full(10, np.nan))
    assert figures(State(images, None, None))["aupimo"] is None
