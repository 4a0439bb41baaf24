"""A training's state in a file, to be continued from after an interruption."""

import pickle
import warnings
from pathlib import Path
from typing import Any

import torch

from bgad.atomic import replacing

__all__ = ["TrainingState"]


class TrainingState:
    """State of one training in a folder, whole or as it was before.

    Parameters
    ----------
    folder : path
        Made when needed.
    fingerprint : str
        Of all that decides about the training: the state of another one is not continued.
    """

    def __init__(self, folder: str | Path, fingerprint: str) -> None:
        self.path, self.fingerprint = Path(folder) / "training.pt", fingerprint

    def save(self, **state: Any) -> None:
        """Replace the state by numbers, words, tensors, and lists and dicts of them.

        Raises
        ------
        OSError
            The disk is full, or the folder can't be written.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(self.path) as temporary, temporary.open("wb") as file:
            torch.save(state | {"fingerprint": self.fingerprint}, file)

    def load(self) -> dict[str, Any] | None:
        """Return what was saved last; no code in the file is executed.

        None where there is nothing or, with a warning, a damaged file or another training's.
        """
        try:
            state = torch.load(self.path, map_location="cpu", weights_only=True)
            fingerprint = state.pop("fingerprint")
        except FileNotFoundError:
            return None
        except (OSError, RuntimeError, EOFError, KeyError, pickle.UnpicklingError) as error:
            warnings.warn(f"{self.path} is damaged, training starts anew: {error}", stacklevel=2)
            return None
        if fingerprint != self.fingerprint:
            warnings.warn(f"{self.path} is another training's, this one starts anew", stacklevel=2)
            return None
        return state
