"""Profiles: a method and its parameters, as YAML."""

import re
from pathlib import Path
from typing import Any

import yaml

from bgad.errors import InputError

__all__ = ["read_content", "read_profile"]


def read_profile(path: Path) -> tuple[str, dict[str, Any]]:
    """Read method and parameters of a profile; what else it says is the benchmark's.

    Parameters
    ----------
    path : Path
        With a mapping ``model`` of the parameters, and perhaps ``method`` (``bgad`` if absent).

    Raises
    ------
    InputError
        The file can't be read, has no such keys, or is made from another one.
    """
    content = read_content(path)
    method, model = content.get("method", "bgad"), content.get("model")
    if "base" in content:
        raise InputError(f"{path}: base: only the benchmark knows it: write its parameters here")
    if not isinstance(method, str) or not isinstance(model, dict):
        raise InputError(f"{path}: 'method' must be a name, and 'model' hold names and values")
    return method, model


def read_content(path: Path) -> dict[str, Any]:
    """Read a profile's keys and values; a file of weights is looked for from the profile's folder.

    Raises
    ------
    InputError
        It is missing, no YAML, or something else.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8-sig"), Loader=_Loader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: is no readable YAML: {error}") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: must hold keys and values, such as 'model:'")
    model = content.get("model")
    weights = model.get("weights") if isinstance(model, dict) else None
    if isinstance(weights, str) and weights != "random":
        model["weights"] = str(path.parent / Path(weights).expanduser())
    return content


class _Loader(yaml.SafeLoader):
    """YAML as people write it: 1e-3 is a number, and a key given twice a mistake."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        keys = [str(key.value) for key, _ in node.value]
        if twice := {key for key in keys if keys.count(key) > 1}:
            raise yaml.constructor.ConstructorError(
                None, None, f"{', '.join(twice)} is given twice", node.start_mark
            )
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[+-]?\d+(\.\d*)?[eE][+-]?\d+$"), list("+-0123456789")
)
