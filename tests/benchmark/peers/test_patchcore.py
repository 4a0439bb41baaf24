"""PatchCore's image score against the paper's formula."""

import numpy as np
import torch

from benchmark.peers.patchcore import reweighted


def test_the_farthest_cell_is_reweighted_by_its_neighbours_neighbours():
    rng = np.random.default_rng(0)
    cells, memory = rng.normal(size=(12, 4)), rng.normal(size=(30, 4))
    distances = np.linalg.norm(cells[:, None] - memory, axis=2)
    worst = distances.min(1).argmax()
    entry = distances[worst].argmin()
    near = np.argsort(np.linalg.norm(memory - memory[entry], axis=1))[:5]
    weight = 1 - np.exp(distances[worst, entry]) / np.exp(distances[worst, near]).sum()
    score = reweighted(torch.from_numpy(cells), torch.from_numpy(memory), 5)
    np.testing.assert_allclose(score, weight * distances[worst, entry], rtol=1e-9)
