"""Anomalies that are smaller than a pixel are found, and refused as examples to learn from."""

import numpy as np
import pytest
from PIL import Image

from bgad.data.folder import load_category
from bgad.data.truth import check_truth, vanished
from bgad.errors import InputError


@pytest.fixture
def samples(data_root, category, draw):
    """The test samples; one has a defect of 1 x 1 pixel in 64 x 64."""
    draw.image(category / "test/crack/speck.png", 40, (64, 64))
    mask = np.zeros((64, 64), np.uint8)
    mask[33, 33] = 255
    Image.fromarray(mask).save(category / "ground_truth/crack/speck_mask.png")
    return load_category(data_root, "widget").test


def test_vanished_truth_is_found_at_the_size_where_it_vanishes(samples):
    assert [sample.path.name for sample in vanished(samples, 16)] == ["speck.png"]
    assert vanished(samples, 64) == vanished(samples, 16, "any") == ()


def test_a_known_anomaly_without_a_pixel_is_refused_by_name(samples):
    known = [sample for sample in samples if sample.is_anomalous]
    check_truth(known, 64)
    with pytest.raises(InputError, match=r"speck_mask\.png: marks no pixel at 16 x 16 px"):
        check_truth(known, 16)
