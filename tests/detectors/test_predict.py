"""Verdicts of detectors on pretended features."""

import numpy as np
import pytest
from encoded import SIZE, encoded, masks

from bgad import DevNet, InputError, PaDiM, PatchCore, SegmentationHead

KNOWN = encoded(4, 2, anomalous=4), masks(4)


@pytest.mark.parametrize("kind", [PatchCore, PaDiM, SegmentationHead, DevNet])
def test_false_alarms_are_bounded_and_defects_found(kind):
    detector = kind(image_size=SIZE).fit(encoded(200, 1), *KNOWN, held_out=0.5)
    assert len(detector.calibration_scores_) == 100
    found = detector.predict(encoded(300, 3, anomalous=100), false_alarms=0.1)
    assert found.defective[:100].mean() > 0.9
    # Over calibration sets of 100, the share of false alarms has a standard deviation of 3 %.
    assert found.defective[100:].mean() < 0.2
    assert np.array_equal(found.defective, found.p_values <= 0.1)
    assert np.array_equal(found.scores, detector.score_samples(encoded(300, 3, anomalous=100)))


@pytest.mark.parametrize("kind", [PatchCore, PaDiM])
def test_scores_without_an_images_own_part_calibrate_too(kind):
    detector = kind(image_size=SIZE).fit(encoded(100, 1))
    assert detector.predict(encoded(300, 3), false_alarms=0.1).defective.mean() < 0.2


def test_held_out_images_are_not_learnt_from():
    normal = encoded(10, 1)
    held = np.linspace(0, 9, 2).astype(int)
    apart = PaDiM(image_size=SIZE).fit(normal, held_out=0.2)
    rest = PaDiM(image_size=SIZE).fit(normal[np.setdiff1d(np.arange(10), held)])
    assert np.array_equal(apart.anomaly_maps(encoded(2, 3)), rest.anomaly_maps(encoded(2, 3)))
    assert np.array_equal(apart.calibration_scores_, apart.score_samples(normal[held]))


def test_what_can_not_be_promised_is_refused():
    tested = encoded(2, 3)
    with pytest.raises(InputError, match="call fit or load first"):
        PaDiM(image_size=SIZE).predict(tested)
    with pytest.raises(InputError, match=r"held_out=0\.2"):
        DevNet(image_size=SIZE, steps=2).fit(encoded(5, 1), *KNOWN).predict(tested)
    with pytest.raises(InputError, match="take 19 normal images to calibrate, there are 5"):
        PaDiM(image_size=SIZE).fit(encoded(5, 1)).predict(tested)
    for share in (-0.1, 1.0, 0.99):
        with pytest.raises(InputError, match="held_out"):
            PaDiM(image_size=SIZE).fit(encoded(5, 1), held_out=share)


def test_pixels_beyond_the_threshold_are_the_share_asked_for_of_images_held_out():
    normal = encoded(10, 1)
    held = np.linspace(0, 9, 5).astype(int)
    detector = PaDiM(image_size=SIZE).fit(normal, held_out=0.5, pixel_false_alarms=0.1)
    maps = detector.anomaly_maps(normal[held])
    # Pixels of the same cell have the same value.
    assert 0.05 < (maps > detector.boundary_threshold_).mean() <= 0.1
    for share in (0, 1):
        with pytest.raises(InputError, match="pixel_false_alarms"):
            PaDiM(image_size=SIZE).fit(normal, held_out=0.5, pixel_false_alarms=share)


def test_the_score_threshold_tells_the_verdicts():
    detector = PaDiM(image_size=SIZE).fit(encoded(60, 1), held_out=0.5)
    found = detector.predict(encoded(50, 3, anomalous=20), false_alarms=0.1)
    assert np.array_equal(found.defective, found.scores > detector.score_threshold(0.1))
