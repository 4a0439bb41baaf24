"""Latency: what is timed is a verdict, and the table names what was measured."""

import json

import numpy as np
import pytest
from PIL import Image

from benchmark.measure.latency import measure_detector
from benchmark.show.markdown import blocks
from benchmark.show.tables import latency
from bgad import PatchCore
from bgad.errors import InputError


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("latency"), np.random.default_rng(0)
    images = rng.integers(0, 256, (24, 64, 64, 3), dtype=np.uint8)
    for i, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{i}.png")
    detector = PatchCore(image_size=64).fit(images)
    files = sorted(folder.glob("*.png"))
    return measure_detector("patchcore", detector, files, folder, many=4, repetitions=3)


def test_a_process_takes_longer_than_a_verdict_in_it(rows):
    library = rows[0]
    assert 0 < library["encoding_s"] < library["start_s"]
    assert 0 < library["one_s"] < library["start_s"]
    assert library["memory_mb"] > 50  # torch alone holds more
    assert library["file_mb"] > 0


def test_a_method_with_an_exported_form_has_a_row_for_it(rows):
    assert [row["form"] for row in rows] == ["library", "ONNX Runtime"]
    assert all(row["one_s"] > 0 and row["many_s"] > 0 for row in rows)
    assert rows[1]["start_s"] < rows[0]["start_s"]  # seconds of imports less


def test_table_names_what_was_measured(rows):
    machine = {"cpu": "some processor", "versions": {"torch": "2.9"}}
    measured = {"detectors": rows, "normal": 9, "many": 4, "provenance": machine}
    text = blocks(latency.section(json.loads(json.dumps(measured))))
    assert f"{1000 * rows[0]['one_s']:.0f} ms" in text
    assert "Of 4 images, each" in text
    assert "9 normal images" in text
    with pytest.raises(InputError, match=r"latency\.json lacks 'many'"):
        latency.section({"detectors": rows, "provenance": machine})
    assert "measure latency" in blocks(latency.section(None))
