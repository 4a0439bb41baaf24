"""The eight orientations in which a supervised head may see a known anomaly."""

import numpy as np

from bgad.detectors.segmentation_head import orientations


def test_all_eight_are_different_and_masks_turn_with_images():
    image = np.arange(9).reshape(1, 3, 3)
    turned = orientations(image)
    assert len({turn.tobytes() for turn in turned}) == 8
    strip = orientations(np.arange(6).reshape(1, 2, 3))
    assert strip.shape == (4, 2, 3) and len({turn.tobytes() for turn in strip}) == 4
    both = orientations(np.stack([image, image], axis=-1))
    assert np.array_equal(both[..., 0], turned)
