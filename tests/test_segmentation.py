"""The supervised head: learns what can be told apart, and nothing else changes."""

import numpy as np
import pytest
import torch

from bgad.segmentation import covered_cells, train_head

GENERATOR = torch.Generator().manual_seed(0)
NORMAL = torch.randn(500, 6, generator=GENERATOR)
ANOMALOUS = torch.randn(5, 6, generator=GENERATOR) + torch.tensor([8.0, 0, 0, 0, 0, 0])


@pytest.mark.parametrize("hidden", [0, 16])
def test_few_separable_anomalies_suffice(hidden):
    head = train_head(NORMAL, ANOMALOUS, hidden, steps=60, learning_rate=0.05, seed=0)
    with torch.inference_mode():
        assert head(ANOMALOUS).min() > head(NORMAL).max()


def test_a_linear_head_cannot_separate_what_a_hidden_layer_can():
    signs = torch.randn(400, 2, generator=GENERATOR).sign()
    x = signs + 0.1 * torch.randn(400, 2, generator=GENERATOR)
    differ = signs.prod(1) < 0
    accuracy = {}
    for hidden in (0, 32):
        head = train_head(x[~differ], x[differ], hidden, steps=100, learning_rate=0.05, seed=0)
        with torch.inference_mode():
            scores = head(x).squeeze(1)
        pairs = scores[differ][:, None] > scores[~differ]
        accuracy[hidden] = pairs.float().mean().item()
    assert accuracy[0] < 0.8 < 0.99 < accuracy[32]


def test_the_seed_decides_and_the_global_generator_stays_as_it_was():
    state = torch.random.get_rng_state()
    first, again, other = (
        train_head(NORMAL, ANOMALOUS, 8, 5, 0.01, seed)[0].weight for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_cells_count_as_covered_from_a_quarter_on():
    masks = np.zeros((2, 8, 8), bool)
    masks[0, :4, :4] = True  # one whole cell of 2 x 2
    masks[0, 4, 0] = True  # a sixteenth of another: in neither class
    masks[1, 7, 7] = True  # too small for a quarter of any cell: the most covered one stands for it
    features = torch.arange(8).float().reshape(2, 2, 2, 1)
    covered, rest = covered_cells(masks, features)
    assert covered.flatten().tolist() == [0, 7]
    assert rest.flatten().tolist() == [1, 3, 4, 5, 6]
