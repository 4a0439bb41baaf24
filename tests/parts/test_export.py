"""Exported detectors score as the library does."""

import json

import numpy as np
import onnxruntime
import pytest

from bgad import BGAD, InputError, PaDiM, PatchCore
from bgad.parts.export import TOLERANCE, export

SIZE = (64, 96)
SMALL = {"image_size": SIZE, "weights": "random", "backbone": "tf_efficientnet_lite0"}


def images(count, seed):
    return np.random.default_rng(seed).integers(0, 256, (count, *SIZE, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    "detector", [BGAD(**SMALL, steps=(5, 5, 5)), PatchCore(**SMALL)], ids=["bgad", "patchcore"]
)
def test_scores_and_maps_are_the_librarys(tmp_path, detector):
    detector.fit(images(10, 0), held_out=0.5)
    export(detector, tmp_path / "part.onnx", false_alarms=0.2)
    session = onnxruntime.InferenceSession(tmp_path / "part.onnx")
    for count in (1, 5):
        scores, maps = session.run(None, {"images": images(count, 1)})
        expected_maps, expected = detector.maps_and_scores(images(count, 1))
        np.testing.assert_allclose(scores, expected, rtol=TOLERANCE, atol=TOLERANCE)
        np.testing.assert_allclose(maps, expected_maps, rtol=TOLERANCE, atol=TOLERANCE)
    said = session.get_modelmeta().custom_metadata_map
    assert json.loads(said["score_threshold"]) == detector.score_threshold(0.2)
    assert json.loads(said["boundary_threshold"]) == detector.boundary_threshold_
    assert json.loads(said["image_size"]) == list(SIZE)


def test_other_methods_are_refused(tmp_path):
    detector = PaDiM(**SMALL).fit(images(10, 0), held_out=0.5)
    with pytest.raises(InputError, match="PaDiM can't be exported"):
        export(detector, tmp_path / "part.onnx", false_alarms=0.2)
