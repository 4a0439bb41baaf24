"""What is measured on a GPU, here on the processor and small."""

import json
import math

import pytest
import torch

from benchmark.measure import gpu
from benchmark.paths import cache_dir
from benchmark.results.store import load_all
from bgad.data.synthetic import ensure
from bgad.errors import InputError


def test_all_is_written_down_and_the_cell_is_a_result(tmp_path, monkeypatch):
    monkeypatch.setattr(gpu, "LEVELS", ((16, 6),))
    monkeypatch.setattr(gpu, "_BACKBONES", {"tf_efficientnet_lite0": "random"})
    monkeypatch.setattr(gpu, "_PROFILES", ("smoke",))
    steps = gpu.training_steps
    monkeypatch.setattr(
        gpu, "training_steps", lambda *level: steps(*level, images=32, passes=1, vectors=256)
    )
    output, root = tmp_path / "gpu.json", ensure(cache_dir())
    gpu.measure_gpu("cpu", root, "synthetic", "bottle", tmp_path / "runs", output)
    measured = json.loads(output.read_text())
    (level,), (network,), (cell,) = (measured[part] for part in ("steps", "encoding", "cells"))
    assert all(0 < level[f"{way}_s"] < math.inf for way in ("launched", "freia", "published"))
    assert network["images_per_s"] > 0
    (result,) = load_all([tmp_path / "runs"])
    assert cell["metrics"]["image_auroc"] == result.metrics["common"].image_auroc
    assert cell["timings_s"]["train"] > 0


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="'cuda' can't be used here"):
        gpu.measure_gpu("cuda", tmp_path, "mvtec_ad", "pill", tmp_path, tmp_path / "gpu.json")
    assert not any(tmp_path.iterdir())
