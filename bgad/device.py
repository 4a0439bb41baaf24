"""Where tensors are computed on."""

import numpy as np
import torch
from torch import Tensor

from bgad.errors import InputError

__all__ = ["find_device", "to_device"]


def find_device(name: str) -> torch.device:
    """Return the torch device of a name such as "cpu", "cuda" or "cuda:1".

    Of a GPU's, convolutions keep all bits of float32 from then on in this process.

    Raises
    ------
    InputError
        It can't be used on this machine.
    """
    try:
        device = torch.empty(0, device=name).device
    except Exception as error:  # each kind of device is missing in its own way
        raise InputError(f"device {name!r} can't be used here: {error}") from error
    if device.type == "cuda":
        torch.backends.cudnn.allow_tf32 = False  # which would keep ten bits of the mantissa
    return device


def to_device(array: np.ndarray, device: torch.device) -> Tensor:
    """Make a tensor of a writable array on a device.

    To CUDA it goes by way of page-locked memory, so that the program does not wait for the copy.
    """
    tensor = torch.from_numpy(array)
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)
