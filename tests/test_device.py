"""Devices: named where they are, refused where not; what is moved stays the same."""

import numpy as np
import pytest
import torch

from bgad.device import find_device, to_device
from bgad.errors import InputError


def test_a_device_that_is_there_is_found():
    assert find_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", ["nowhere", "cuda:99", ""])
def test_others_are_refused(name):
    with pytest.raises(InputError, match=f"device '{name}' can't be used here"):
        find_device(name)


@pytest.mark.parametrize(
    "name",
    [
        "cpu",
        pytest.param(
            "cuda",
            marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU"),
        ),
    ],
)
def test_tensors_hold_what_the_array_does(name):
    array = np.arange(12.0).reshape(3, 4)
    tensor = to_device(array, find_device(name))
    assert tensor.device.type == name
    assert np.array_equal(tensor.cpu().numpy(), array)
