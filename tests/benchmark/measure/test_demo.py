"""The demo: which images it steps through, and that its files keep to their size."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from cell_runs import make_run
from PIL import Image

from benchmark.measure import demo
from benchmark.measure.demo import MAX_BYTES, animation, demo_images, write_demos
from benchmark.protocol.profiles import load_profile
from benchmark.run import experiment
from benchmark.show.gallery import panels
from bgad.errors import InputError


@pytest.fixture
def run(tmp_path):
    return make_run(tmp_path)


def test_types_take_turns_and_none_is_left_out(run):
    types = [run.samples[i].type for i in demo_images(run)]
    assert types == ["crack", "hole", "good", "crack", "hole", "good", "good", "good"]
    assert run.common[demo_images(run)].all()
    assert demo_images(run, 3) == demo_images(run)[:3]


def test_animation_has_a_frame_for_each_figure(run):
    content = animation([panels(run, index) for index in (0, 3)])
    image = Image.open(io.BytesIO(content))
    assert (image.format, image.n_frames, image.info["loop"]) == ("WEBP", 2, 0)
    assert len(content) <= MAX_BYTES


def test_quality_gives_way_to_size(run):
    figures = [panels(run, 0)]
    size = len(animation(figures))
    assert len(animation(figures, size - 1)) < size
    with pytest.raises(InputError, match="1 frames do not fit into 100 bytes"):
        animation(figures, 100)


def test_a_file_for_each_category(tmp_path, run, monkeypatch):
    asked = []

    def run_cell(cell, data_root, profile, store, cache):
        asked.append(cell)
        return replace(run, result=run.result.model_copy(update={"cell": cell}))

    monkeypatch.setattr(experiment, "run_cell", run_cell)
    monkeypatch.setattr(demo, "ensure", lambda cache: Path(cache))
    monkeypatch.setattr(demo, "animation", lambda figures: b"%d frames" % len(figures))
    folder = tmp_path / "docs" / "demo"
    paths = list(write_demos(["bottle", "wood"], load_profile("quick"), folder))
    assert paths == [folder / "bottle.webp", folder / "wood.webp"]
    written = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert written == {"bottle.webp": b"8 frames", "wood.webp": b"8 frames"}
    assert [(cell.category, cell.shots, cell.profile) for cell in asked] == [
        ("bottle", 10, "quick"),
        ("wood", 10, "quick"),
    ]
