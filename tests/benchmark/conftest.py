"""A tiny data set, and a method that costs nothing, for the tests of the benchmark."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))  # for `instant`, which profiles here name


@pytest.fixture(autouse=True)
def children_import_what_we_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the processes that a test starts import the same modules."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))


def _draw(path: Path, seed: int, mask: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    if mask:
        pixels = np.zeros((8, 8), np.uint8)
        pixels[:4, :4] = 255
    Image.fromarray(pixels).save(path)


def draw_category(root: Path, name: str, seed: int = 0) -> Path:
    """Write a category with 3 training images, 2 good ones, 3 cracks and 2 holes."""
    folder = root / name
    for index in range(3):
        _draw(folder / f"train/good/{index:03d}.png", seed + index)
    for index in range(2):
        _draw(folder / f"test/good/{index:03d}.png", seed + 10 + index)
    for offset, (type_, n) in enumerate({"crack": 3, "hole": 2}.items(), 1):
        for index in range(n):
            _draw(folder / f"test/{type_}/{index:03d}.png", seed + 100 * offset + index)
            _draw(folder / f"ground_truth/{type_}/{index:03d}_mask.png", 0, mask=True)
    return folder


@pytest.fixture
def data_root(tmp_path: Path) -> Path:
    """Folder with the categories 'gadget' and 'widget'."""
    root = tmp_path / "data"
    for seed, name in enumerate(("gadget", "widget")):
        draw_category(root, name, 1000 * seed)
    return root


@pytest.fixture
def category(data_root: Path) -> Path:
    """The folder of 'widget'."""
    return data_root / "widget"
