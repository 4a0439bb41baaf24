"""DevNet's loss and image score against their formulae."""

import numpy as np
import pytest
import torch
from encoded import SIZE, encoded

from bgad.detectors.devnet import DevNet, deviation_loss, top_mean


def test_the_loss_is_the_mean_of_deviations_and_of_what_lacks_to_the_margin():
    rng = np.random.default_rng(0)
    scores, prior = rng.normal(2, 4, 50), rng.normal(0.3, 1.2, 500)
    anomalous = np.arange(50) < 20
    deviation = (scores - prior.mean()) / prior.std(ddof=1)
    expected = np.where(anomalous, np.maximum(0, 5 - deviation), np.abs(deviation)).mean()
    tensors = map(torch.from_numpy, (scores, anomalous, prior))
    assert float(deviation_loss(*tensors, 5.0)) == pytest.approx(expected)


@pytest.mark.parametrize(("share", "counted"), [(0.1, 1), (0.25, 2), (0.3, 3), (1.0, 10)])
def test_an_image_is_scored_by_its_largest_cells(share, counted):
    cells = np.random.default_rng(1).normal(size=(4, 10))
    expected = np.sort(cells)[:, -counted:].mean(1)
    np.testing.assert_allclose(top_mean(torch.from_numpy(cells), share).numpy(), expected)


def test_masks_do_not_matter():
    def maps(masks):
        peer = DevNet(image_size=SIZE, steps=5)
        peer.fit(encoded(6, 1), encoded(2, 2, anomalous=2), masks)
        return peer.anomaly_maps(encoded(2, 3))

    assert np.array_equal(maps(None), maps(np.ones((2, SIZE, SIZE), bool)))
