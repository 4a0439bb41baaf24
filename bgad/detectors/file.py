"""The file of a saved detector: a header and checked tensors."""

import hashlib
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from bgad.atomic import replacing
from bgad.errors import InputError

__all__ = ["Header", "State", "read", "write"]

_FORMAT = "bgad-2"


class Header(BaseModel):
    """What a saved detector says of itself.

    Attributes
    ----------
    method, version
        See `bgad.detectors.METHODS` and `bgad.detectors.base.Detector`.
    parameters
        Keyword arguments of its class.
    weights_hash
        See `bgad.backbone.Backbone`.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    method: str
    version: int
    parameters: dict[str, Any]
    weights_hash: str


class State(dict[str, Tensor]):
    """Tensors of a saved detector, by name; what is taken from it is checked first."""

    def take(self, name: str, *shape: int | None, dtype: torch.dtype = torch.float32) -> Tensor:
        """Remove a tensor of a known shape, in which None stands for any number above 0.

        Raises
        ------
        InputError
            It is not there, of another shape or type, or not finite.
        """
        if name not in self:
            raise InputError(f"tensor {name} is missing")
        tensor = self.pop(name)
        sound = tensor.ndim == len(shape) and all(
            size == wanted or (wanted is None and size)
            for size, wanted in zip(tensor.shape, shape, strict=True)
        )
        if not sound or tensor.dtype != dtype:
            raise InputError(
                f"tensor {name} is {tensor.dtype} of shape {tuple(tensor.shape)}, "
                f"expected {dtype} of {shape}"
            )
        if not tensor.isfinite().all():
            raise InputError(f"tensor {name} is not finite")
        return tensor

    def take_part(self, prefix: str) -> "State":
        """Remove all tensors whose names begin with a prefix, and give them without it."""
        names = [name for name in self if name.startswith(prefix)]
        return State({name.removeprefix(prefix): self.pop(name) for name in names})

    def load_into(self, module: nn.Module) -> None:
        """Remove a module's tensors, and let it have them.

        Raises
        ------
        InputError
            As of `take`.
        """
        wanted = module.state_dict()
        taken = {k: self.take(k, *v.shape, dtype=v.dtype) for k, v in wanted.items()}
        module.load_state_dict(taken)


def write(path: str | Path, header: Header, state: dict[str, Tensor]) -> None:
    """Write a detector as a safetensors file, whole or not at all."""
    text = header.model_dump_json()
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    checksum = _checksum(text, tensors)
    content = save(tensors, {"format": _FORMAT, "header": text, "checksum": checksum})
    with replacing(Path(path)) as temporary:
        temporary.write_bytes(content)


def read(path: str | Path) -> tuple[Header, State]:
    """Read a saved detector's header and tensors; no code in the file is executed.

    Raises
    ------
    InputError
        The file is missing, damaged or none of a saved detector.
    """
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != _FORMAT:
                raise InputError(f"it is no detector saved in the format {_FORMAT}: fit it anew")
            state = State({key: file.get_tensor(key) for key in file.keys()})  # noqa: SIM118
        text = metadata["header"]
        if metadata["checksum"] != _checksum(text, state):
            raise InputError("it is damaged: its checksum differs")
        header = Header.model_validate_json(text)
    except FileNotFoundError as error:
        raise InputError("it does not exist") from error
    except (SafetensorError, OSError, KeyError, ValidationError) as error:
        raise InputError(f"it is damaged: {error}") from error
    return header, state


def _checksum(header: str, tensors: dict[str, Tensor]) -> str:
    digest = hashlib.sha256(header.encode())
    for key, value in sorted(tensors.items()):
        digest.update(f"{key} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
