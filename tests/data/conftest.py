"""A tiny data set in MVTec layout for the tests of its readers."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image


class Draw:
    """Writes images and masks; a size is (height, width)."""

    def image(self, path: Path, seed: int, size: tuple[int, int] = (12, 16)) -> Path:
        """Noise that no other seed gives."""
        pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
        return self._save(pixels, path)

    def mask(self, path: Path, size: tuple[int, int] = (12, 16)) -> Path:
        """The upper left quarter is anomalous."""
        pixels = np.zeros(size, dtype=np.uint8)
        pixels[: size[0] // 2, : size[1] // 2] = 255
        return self._save(pixels, path)

    @staticmethod
    def _save(pixels: np.ndarray, path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
        return path


@pytest.fixture
def draw() -> Draw:
    return Draw()


@pytest.fixture
def data_root(tmp_path: Path, draw: Draw) -> Path:
    """Folder with one category, 'widget': 3 training images, 2 good, 2 + 1 anomalous ones."""
    root = tmp_path / "data"
    category = root / "widget"
    for index in range(3):
        draw.image(category / f"train/good/{index:03d}.png", index)
    for index in range(2):
        draw.image(category / f"test/good/{index:03d}.png", 10 + index)
        draw.image(category / f"test/crack/{index:03d}.png", 20 + index)
        draw.mask(category / f"ground_truth/crack/{index:03d}_mask.png")
    draw.image(category / "test/hole/000.png", 30)
    draw.mask(category / "ground_truth/hole/000.png")
    return root


@pytest.fixture
def category(data_root: Path) -> Path:
    """The folder of the data root's one category."""
    return data_root / "widget"
