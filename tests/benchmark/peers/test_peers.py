"""What every peer must do as a `benchmark.protocol.methods.Detector`."""

import numpy as np
import pytest
from encoded import SIZE, encoded, masks

from benchmark.protocol.methods import METHODS, resolve
from bgad.errors import InputError

PEERS = ("patchcore", "padim", "segmentation_head", "devnet")


def fitted(method: str, seed: int = 0):
    detector = resolve(method)(image_size=SIZE, seed=seed)
    return detector.fit(encoded(40, 1), encoded(4, 2, anomalous=4), masks(4))


@pytest.mark.parametrize("method", PEERS)
def test_defects_score_higher_in_image_and_place(method):
    detector, tested = fitted(method), encoded(8, 3, anomalous=4)
    maps, scores = detector.maps_and_scores(tested)
    assert (maps.shape, maps.dtype) == ((8, SIZE, SIZE), np.float32)
    assert np.array_equal(maps, detector.anomaly_maps(tested))
    assert scores[:4].min() > scores[4:].max()
    assert maps[:4, :12, :12].mean() > maps[:4, 20:, 20:].mean()


@pytest.mark.parametrize("method", PEERS)
def test_a_seed_gives_the_same_maps_again(method):
    maps = [fitted(method).anomaly_maps(encoded(3, 4)) for _ in range(2)]
    assert np.array_equal(*maps)


@pytest.mark.parametrize("method", PEERS)
def test_the_boundary_leaves_few_normal_pixels_above(method):
    detector = fitted(method)
    above = detector.anomaly_maps(encoded(40, 1)) > detector.boundary_threshold_
    assert above.mean() <= 0.011


@pytest.mark.parametrize("method", PEERS)
def test_parameters_make_the_same_peer_again(method):
    parameters = resolve(method)(image_size=SIZE).get_params()
    assert resolve(method)(**parameters).get_params() == parameters


@pytest.mark.parametrize(
    ("method", "parameter", "value"),
    [
        ("patchcore", "coreset", 0.0),
        ("patchcore", "neighbours", 0),
        ("padim", "channels", 0),
        ("padim", "regularisation", 0.0),
        ("segmentation_head", "steps", 0),
        ("segmentation_head", "false_positives", 1.0),
        ("segmentation_head", "seed", -1),
    ],
)
def test_impossible_parameters_are_refused_by_name(method, parameter, value):
    with pytest.raises(InputError, match=parameter):
        resolve(method)(**{parameter: value})


def test_every_method_can_be_resolved():
    assert all(resolve(method).version >= 1 for method in METHODS)
