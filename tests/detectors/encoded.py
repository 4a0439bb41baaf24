"""Random features of three levels in which an anomaly is easy to find."""

import numpy as np

from bgad.features import EncodedImages

SIZE = 32


def encoded(n: int, seed: int, anomalous: int = 0) -> EncodedImages:
    """Encode `n` pretended images; the first `anomalous` have a defect in the upper left."""
    rng = np.random.default_rng(seed)
    levels = []
    for side, channels in ((8, 3), (4, 4), (2, 5)):
        level = rng.normal(size=(n, side, side, channels)).astype(np.float32)
        level[:anomalous, : side // 2, : side // 2] += 8
        levels.append(level)
    return EncodedImages(np.zeros((n, SIZE, SIZE, 3), np.uint8), tuple(levels))


def masks(n: int) -> np.ndarray:
    """Give the masks of such defects."""
    covered = np.zeros((n, SIZE, SIZE), bool)
    covered[:, : SIZE // 2, : SIZE // 2] = True
    return covered
