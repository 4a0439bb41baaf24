"""Profiles: complete sets of hyper-parameters, as YAML."""

import hashlib
import json
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from benchmark.methods import RUN_PARAMETERS, resolve
from benchmark.paths import PROFILES
from benchmark.schema import Config
from bgad.errors import InputError

__all__ = ["Profile", "load_profile", "profile_names"]


@dataclass(frozen=True)
class Profile:
    """A named set of hyper-parameters.

    Attributes
    ----------
    name
        A label of results and a folder's name: the file's, without ``.yaml``.
    method
        See `benchmark.methods.METHODS`.
    model
        Keyword arguments of the method's class, but `benchmark.methods.RUN_PARAMETERS`.
    description
        One sentence for a person.
    study
        The study that the profile belongs to; its results stand in that study's tables alone.
    seconds_per_cell
        Expected time on one core, for estimates before anything has run.
    source
        Where it was read from, for messages.
    """

    name: str
    method: str = "bgad"
    model: dict[str, Any] = field(default_factory=dict)
    description: str = ""
    study: str | None = None
    seconds_per_cell: float | None = None
    source: str = ""

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """All hyper-parameters as JSON values, defaults included.

        Raises
        ------
        InputError
            If the method refuses `model`.
        """
        where = self.source or f"profile {self.name}"
        if reserved := RUN_PARAMETERS & set(self.model):
            raise InputError(f"{where}: {', '.join(sorted(reserved))} can't be set in a profile")
        try:
            parameters = resolve(self.method)(**self.model).get_params()
        except (InputError, TypeError) as error:
            raise InputError(f"{where}: {error}") from error
        parameters = {name: parameters[name] for name in sorted(set(parameters) - RUN_PARAMETERS)}
        try:
            return json.loads(json.dumps(parameters, allow_nan=False))
        except (TypeError, ValueError) as error:
            raise InputError(
                f"{where}: values must be finite numbers, words, lists: {error}"
            ) from error

    @property
    def hash(self) -> str:
        """SHA-256 (hex) of method, its version and parameters: the same only if all of them are."""
        version = resolve(self.method).version
        text = json.dumps([self.method, version, self.parameters], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def config(self) -> Config:
        """The profile as results record it."""
        return Config(
            profile_hash=self.hash,
            method=self.method,
            description=self.description,
            study=self.study,
            parameters=self.parameters,
        )


def profile_names() -> tuple[str, ...]:
    """Names of the profiles that come with the suite."""
    return tuple(sorted(_shipped()))


def load_profile(name: str) -> Profile:
    """Read a profile.

    Parameters
    ----------
    name
        One of `profile_names`, or a file that ends in ``.yaml`` or ``.yml``. A file may name
        another profile as its ``base``, of which it states only what differs.

    Raises
    ------
    InputError
        Naming the file, and the key that is at fault.
    """
    is_file = Path(name).suffix in (".yaml", ".yml")
    path = Path(name) if is_file else _shipped().get(name)
    if path is None or not path.is_file():
        known = ", ".join(profile_names())
        raise InputError(f"unknown profile {name!r}: give one of {known}, or a .yaml file")
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: is no readable YAML: {error}") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: must hold keys and values, such as 'model:'")
    for key, value in content.items():
        if key not in _TYPES:
            raise InputError(f"{path}: unknown key {key!r}: it may have {', '.join(_TYPES)}")
        if not isinstance(value, _TYPES[key]):
            raise InputError(f"{path}: {key} can't be {value!r}")
    model = content.get("model", {})
    if bad := [key for key in model if not isinstance(key, str)]:
        raise InputError(f"{path}: model: {bad[0]!r} is no parameter's name")
    if (base := content.pop("base", None)) is not None:
        if base == path.stem:
            raise InputError(f"{path}: base: a profile can't be its own")
        try:
            base = load_profile(base)
        except InputError as error:
            raise InputError(f"{path}: base: {error}") from error
        content["model"] = base.model | model
        content = {"method": base.method, "seconds_per_cell": base.seconds_per_cell} | content
    return Profile(path.stem, **content, source=str(path))


def _shipped() -> dict[str, Path]:
    return {path.stem: path for path in PROFILES.rglob("*.yaml")}


_TYPES = {
    "base": str,
    "description": str,
    "method": str,
    "model": dict,
    "study": str,
    "seconds_per_cell": (int, float),
}


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
