"""PaDiM against scipy's Mahalanobis distance."""

import numpy as np
from encoded import SIZE, encoded
from scipy.spatial.distance import mahalanobis

from benchmark.peers.padim import PaDiM


def test_distances_are_mahalanobis_distances_at_each_position():
    normal, tested = encoded(40, 1), encoded(2, 3, anomalous=1)
    peer = PaDiM(image_size=8, channels=6, sigma=0).fit(normal)  # maps at the cells' own size
    x = np.concatenate([f.double().numpy() for f in peer._features(tested)], axis=1)
    normals = np.concatenate([f.double().numpy() for f in peer._features(normal)], axis=1)
    maps = peer.anomaly_maps(tested).reshape(2, 64)
    for image, position in ((0, 0), (0, 63), (1, 17)):
        at = normals[position]
        covariance = np.cov(at, rowvar=False) + 0.01 * np.eye(6)
        expected = mahalanobis(x[position, image], at.mean(0), np.linalg.inv(covariance))
        np.testing.assert_allclose(maps[image, position], expected, rtol=1e-3)


def test_the_seed_chooses_the_channels():
    kept = [PaDiM(image_size=SIZE, channels=6, seed=s).fit(encoded(5, 1)).kept_ for s in (0, 1)]
    assert len(set(kept[0].tolist())) == 6
    assert not kept[0].equal(kept[1])


def test_a_training_image_is_held_against_the_others_alone():
    normal, channels = encoded(12, 1), 6
    peer = PaDiM(image_size=8, channels=channels, sigma=0).fit(normal)
    left_out = peer._left_out(normal).reshape(12, 64)
    x = np.concatenate([f.double().numpy() for f in peer._features(normal)], axis=1)
    for image, position in ((0, 0), (5, 40), (11, 63)):
        others = np.delete(x[position], image, axis=0)
        scatter = np.cov(others, rowvar=False) * (len(others) - 1)
        covariance = scatter / (len(x[position]) - 1) + 0.01 * np.eye(channels)
        expected = mahalanobis(x[position, image], others.mean(0), np.linalg.inv(covariance))
        np.testing.assert_allclose(left_out[image, position], expected, rtol=1e-2)
