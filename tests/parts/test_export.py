"""Exported detectors score as the library does."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest

from bgad import BGAD, InputError, OnnxDetector, PaDiM, PatchCore, Plus, SegmentationHead, load
from bgad.parts.export import TOLERANCE, export

SIZE = (64, 96)
SMALL = {"image_size": SIZE, "weights": "random", "backbone": "tf_efficientnet_lite0"}


def images(count, seed):
    return np.random.default_rng(seed).integers(0, 256, (count, *SIZE, 3), dtype=np.uint8)


STEPS = {"steps": (5, 5, 5)}
PLUS = Plus(**SMALL, flows=STEPS, memory={"coreset": 0.2}, heads={"steps": 30})


@pytest.mark.parametrize(
    ("detector", "shots"),
    [
        (BGAD(**SMALL, **STEPS), 0),
        (PatchCore(**SMALL), 0),
        (SegmentationHead(**SMALL, ensemble=2), 2),
        (PLUS, 0),
        (PLUS, 2),
    ],
    ids=["bgad", "patchcore", "head", "plus", "plus-2"],
)
def test_scores_and_maps_are_the_librarys(tmp_path, detector, shots):
    masks = np.zeros((shots, *SIZE), bool)
    masks[:, 8:40, 16:48] = True
    known = (images(shots, 2), masks) if shots else ()
    detector.fit(images(10, 0), *known, held_out=0.5).save(tmp_path / "part.bgad")
    detector = load(tmp_path / "part.bgad")
    export(detector, tmp_path / "part.onnx", false_alarms=0.2)
    session = onnxruntime.InferenceSession(tmp_path / "part.onnx")
    for count in (1, 5):
        scores, maps = session.run(None, {"images": images(count, 1)})
        expected_maps, expected = detector.maps_and_scores(images(count, 1))
        np.testing.assert_allclose(scores, expected, rtol=TOLERANCE, atol=TOLERANCE)
        extent = np.abs(expected_maps).max() if isinstance(detector, Plus) else 1  # it crosses 0
        np.testing.assert_allclose(maps, expected_maps, rtol=TOLERANCE, atol=TOLERANCE * extent)
    said = session.get_modelmeta().custom_metadata_map
    assert json.loads(said["score_threshold"]) == detector.score_threshold(0.2)
    assert json.loads(said["boundary_threshold"]) == detector.boundary_threshold_
    assert json.loads(said["image_size"]) == list(SIZE)


def test_other_methods_are_refused(tmp_path):
    detector = PaDiM(**SMALL).fit(images(10, 0), held_out=0.5)
    with pytest.raises(InputError, match=r"PaDiM can't be exported: .*patchcore"):
        export(detector, tmp_path / "part.onnx", false_alarms=0.2)


def test_an_exported_detector_predicts_as_the_librarys(tmp_path):
    detector = PatchCore(**SMALL).fit(images(30, 0), held_out=0.5)
    export(detector, tmp_path / "part.onnx", false_alarms=0.2)
    exported = OnnxDetector(tmp_path / "part.onnx", threads=1)
    assert exported.boundary_threshold_ == detector.boundary_threshold_
    assert exported.score_threshold(0.2) == detector.score_threshold(0.2)
    ours, theirs = exported.predict(images(9, 1), 0.2), detector.predict(images(9, 1), 0.2)
    np.testing.assert_allclose(ours.scores, theirs.scores, rtol=TOLERANCE)
    np.testing.assert_allclose(ours.maps, theirs.maps, rtol=TOLERANCE, atol=TOLERANCE)
    np.testing.assert_array_equal(ours.defective, theirs.defective)
    with pytest.raises(InputError, match="take 999 normal images"):
        exported.predict(images(9, 1), 0.001)


def test_files_of_others_are_refused(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        OnnxDetector(tmp_path / "none.onnx")
    (tmp_path / "damaged.onnx").write_bytes(b"no model")
    with pytest.raises(InputError, match="is no ONNX file"):
        OnnxDetector(tmp_path / "damaged.onnx")
    value = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    output = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])
    graph = onnx.helper.make_graph([node], "foreign", [value], [output])
    opset = [onnx.helper.make_opsetid("", 17)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=8), tmp_path / "f.onnx")
    with pytest.raises(InputError, match="lacks what python -m bgad export writes"):
        OnnxDetector(tmp_path / "f.onnx")
