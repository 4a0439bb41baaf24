"""PatchCore's image score against the paper's formula, and against anomalib where it is there."""

import numpy as np
import pytest
import torch
from encoded import SIZE, encoded

from bgad.detectors.patchcore import PatchCore, reweighted
from bgad.memory import nearest_entries


def test_the_farthest_cell_is_reweighted_by_its_neighbours_neighbours():
    rng = np.random.default_rng(0)
    cells, memory = rng.normal(size=(12, 4)), rng.normal(size=(30, 4))
    distances = np.linalg.norm(cells[:, None] - memory, axis=2)
    worst = distances.min(1).argmax()
    entry = distances[worst].argmin()
    near = np.argsort(np.linalg.norm(memory - memory[entry], axis=1))[:5]
    weight = 1 - np.exp(distances[worst, entry]) / np.exp(distances[worst, near]).sum()
    score = reweighted(torch.from_numpy(cells[worst]), torch.from_numpy(memory), entry, 5)
    np.testing.assert_allclose(score, weight * distances[worst, entry], rtol=1e-9)


def test_training_images_are_not_held_against_their_own_entries():
    peer = PatchCore(image_size=SIZE, coreset=1.0).fit(encoded(4, 1))
    assert np.quantile(peer.anomaly_maps(encoded(4, 1)), 0.99) < 0.1  # each is in the memory
    assert peer.boundary_threshold_ > 0.5


@pytest.mark.slow
def test_distances_and_score_are_anomalibs():
    model = pytest.importorskip("anomalib.models.image.patchcore.torch_model").PatchcoreModel(
        layers=("layer2", "layer3"), backbone="resnet18", pre_trained=False, num_neighbors=5
    )
    generator = torch.Generator().manual_seed(0)
    cells, model.memory_bank = (torch.randn(n, 20, generator=generator) for n in (50, 200))
    distances, entries = model.nearest_neighbors(cells, 1)
    ours, our_entries = nearest_entries(cells, model.memory_bank)
    torch.testing.assert_close(ours, distances.flatten())
    expected = model.compute_anomaly_score(distances.view(1, -1), entries.view(1, -1), cells)
    worst = ours.argmax()
    score = reweighted(cells[worst], model.memory_bank, our_entries[worst], 5)
    assert score == pytest.approx(expected.item(), rel=1e-4)
