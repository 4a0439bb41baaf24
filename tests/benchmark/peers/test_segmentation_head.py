"""The supervised head needs something to learn from."""

import numpy as np
import pytest
from encoded import SIZE, encoded

from benchmark.peers.segmentation_head import SegmentationHead
from bgad.errors import InputError


def test_without_known_anomalies_it_refuses():
    with pytest.raises(InputError, match="--shots 1 or more"):
        SegmentationHead(image_size=SIZE).fit(encoded(5, 1))


def test_empty_masks_are_nothing_to_learn_from():
    empty = np.zeros((2, SIZE, SIZE), bool)
    with pytest.raises(InputError, match="nothing to learn"):
        SegmentationHead(image_size=SIZE).fit(encoded(5, 1), encoded(2, 2), empty)
