"""PaDiM against scipy's Mahalanobis distance."""

import numpy as np
from encoded import SIZE, encoded
from scipy.spatial.distance import mahalanobis

from bgad.anomaly_map import upsample
from bgad.detectors.padim import PaDiM
from bgad.neighbourhood import neighbourhoods

N_CHANNELS = 12  # of all levels: all are kept, so that their order does not matter


def distances(normal: np.ndarray, tested: np.ndarray, divisor: int) -> np.ndarray:
    """Mahalanobis distances of images at each position."""
    result = np.empty(tested.shape[:2])
    for position in range(tested.shape[1]):
        at = normal[:, position]
        scatter = np.cov(at, rowvar=False) * (len(at) - 1)
        inverse = np.linalg.inv(scatter / divisor + 0.01 * np.eye(N_CHANNELS))
        for image in range(len(tested)):
            result[image, position] = mahalanobis(tested[image, position], at.mean(0), inverse)
    return result


def joined(images) -> np.ndarray:
    """All levels' features at each position of the finest level."""
    batches = neighbourhoods(images, slice(0, 3), side=1)
    return np.concatenate([x.flatten(1, 2).double().numpy() for x in batches])


def test_distances_are_mahalanobis_distances_at_each_position():
    normal, tested = encoded(40, 1), encoded(2, 3, anomalous=1)
    maps = PaDiM(image_size=SIZE, sigma=0).fit(normal).anomaly_maps(tested)
    expected = distances(joined(normal), joined(tested), 39).reshape(2, 8, 8)
    np.testing.assert_allclose(maps, upsample(expected, SIZE), rtol=1e-3)


def test_the_seed_chooses_the_channels():
    maps = [
        PaDiM(image_size=SIZE, channels=6, seed=seed).fit(encoded(5, 1)).anomaly_maps(encoded(2, 2))
        for seed in (0, 1)
    ]
    assert not np.allclose(*maps)


def test_a_training_image_is_held_against_the_others_alone():
    normal = encoded(16, 1)
    maps, scores = PaDiM(image_size=SIZE, sigma=0).fit(normal).left_out(normal, [0, 5])
    x = joined(normal)
    expected = [distances(np.delete(x, i, axis=0), x[i : i + 1], 15)[0] for i in (0, 5)]
    expected = upsample(np.reshape(expected, (2, 8, 8)), SIZE)
    np.testing.assert_allclose(maps, expected, rtol=1e-2)
    np.testing.assert_allclose(scores, expected.max(axis=(1, 2)), rtol=1e-2)
