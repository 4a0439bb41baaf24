"""Profiles: complete sets of hyper-parameters, as YAML."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmark.protocol.catalogue import find_profile
from benchmark.protocol.schema import Config
from bgad.detectors import RUN_PARAMETERS, resolve
from bgad.errors import InputError
from bgad.profile import read_content

__all__ = ["Evaluation", "Profile", "load_profile"]


@dataclass(frozen=True)
class Evaluation:
    """How a profile is evaluated. Whatever is not the default lets test images have a say.

    Attributes
    ----------
    selection
        "last": the model after the last step. "best_on_test": image figures from that of
        25 moments of training with the best image AUROC on all tested images, pixel
        figures from that with the best pixel AUROC (the official code reports each figure's best
        of 25 epochs). It has no explicit boundary: that is known for the last step alone.
    maxima
        The log-likelihoods that count as perfectly normal: the greatest of the "training" normals,
        or of the "test" set, so that an image's map depends on the others (official code).
    test_known
        Leave the known anomalies in both test sets (as the official test.py does, but not the
        validation in its training).

    Raises
    ------
    InputError
        A value that is none of these.
    """

    selection: str = "last"
    maxima: str = "training"
    test_known: bool = False

    def __post_init__(self) -> None:
        for name, values in _VALUES.items():
            if getattr(self, name) not in values:
                words = ", ".join(map(str, values))
                raise InputError(f"{name} must be one of {words}, got {getattr(self, name)!r}")

    @property
    def departures(self) -> dict[str, Any]:
        """What is not the default: empty for the protocol itself."""
        values = ((field, getattr(self, field.name)) for field in fields(self))
        return {field.name: value for field, value in values if value != field.default}

    @property
    def needs_likelihoods(self) -> bool:
        """Whether test images are to be scored in a way that only methods with likelihoods can."""
        return bool({"selection", "maxima"} & set(self.departures))


_VALUES = {
    "selection": ("last", "best_on_test"),
    "maxima": ("training", "test"),
    "test_known": (False, True),
}


@dataclass(frozen=True)
class Profile:
    """A named set of hyper-parameters.

    Attributes
    ----------
    name
        A label of results and a folder's name: the file's, without ``.yaml``.
    method
        See `bgad.detectors.METHODS`.
    model
        Keyword arguments of the method's class, but `bgad.detectors.RUN_PARAMETERS`.
    description
        One sentence for a person.
    study
        The study that the profile belongs to; its results stand in that study's tables alone.
    caveat
        What must be said wherever its figures are shown, such as what was chosen with test figures
        in view.
    seconds_per_cell
        Expected time on one core, for estimates before anything has run.
    evaluation
        How its models are evaluated; by the protocol, but in a study.
    source
        Where it was read from, for messages.
    """

    name: str
    method: str = "bgad"
    model: dict[str, Any] = field(default_factory=dict)
    description: str = ""
    study: str | None = None
    caveat: str | None = None
    seconds_per_cell: float | None = None
    evaluation: Evaluation = Evaluation()
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
            method = resolve(self.method)
            parameters = method(**self.model).get_params()
        except (InputError, TypeError) as error:
            raise InputError(f"{where}: {error}") from error
        if self.evaluation.needs_likelihoods and not method.has_likelihoods:
            raise InputError(
                f"{where}: evaluation: selection and maxima are those of likelihoods, which method "
                f"{self.method} does not have"
            )
        parameters = {name: parameters[name] for name in sorted(set(parameters) - RUN_PARAMETERS)}
        try:
            return json.loads(json.dumps(parameters, allow_nan=False))
        except (TypeError, ValueError) as error:
            raise InputError(
                f"{where}: values must be finite numbers, words, lists: {error}"
            ) from error

    @property
    def hash(self) -> str:
        """SHA-256 (hex) of all that decides about figures.

        That is method, its version, and its parameters, without those that are newer than the
        version and have the value that changes nothing, and departures from the protocol if there
        are any: so that a new option leaves results without it valid. A file of weights counts by
        its content.

        Raises
        ------
        InputError
            If the method refuses `model`, or the weights can't be read.
        """
        method = resolve(self.method)
        parameters = _without(self.parameters, method.added)
        if parameters.get("weights") not in (None, "random"):
            parameters["weights"] = self._sha256(Path(parameters["weights"]))
        departures = self.evaluation.departures
        content = [self.method, method.version, parameters] + ([departures] if departures else [])
        text = json.dumps(content, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def _sha256(self, path: Path) -> str:
        try:
            return hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            raise InputError(
                f"profile {self.name}: weights: {path}: cannot be read: {error.strerror}"
            ) from error

    @property
    def config(self) -> Config:
        """The profile as results record it."""
        return Config(
            profile_hash=self.hash,
            method=self.method,
            description=self.description,
            study=self.study,
            caveat=self.caveat,
            parameters=self.parameters,
            evaluation=self.evaluation.departures,
        )


def load_profile(name: str, above: tuple[Path, ...] = ()) -> Profile:
    """Read a profile.

    Parameters
    ----------
    name
        See `benchmark.protocol.catalogue.find_profile`. A file may name another profile as its
        ``base``, of which it states only what differs. Files that it names are looked for from its
        own folder.
    above
        Files that have it as their base.

    Raises
    ------
    InputError
        Naming the file, and the key that is at fault.
    """
    path = find_profile(name).resolve()
    content = read_content(path)
    for key, value in content.items():
        if key not in _TYPES:
            raise InputError(f"{path}: unknown key {key!r}: it may have {', '.join(_TYPES)}")
        if not isinstance(value, _TYPES[key]) or isinstance(value, bool):
            raise InputError(f"{path}: {key} can't be {value!r:.100}")
    if not 0 < content.get("seconds_per_cell", 1) < math.inf:
        raise InputError(f"{path}: seconds_per_cell must be more than 0 and finite")
    model = content.get("model", {})
    if bad := [key for key in model if not isinstance(key, str)]:
        raise InputError(f"{path}: model: {bad[0]!r} is no parameter's name")
    if (base := content.pop("base", None)) is not None:
        if base.endswith((".yaml", ".yml")):
            base = str(path.parent / Path(base).expanduser())
        if path in above or base == path.stem:
            raise InputError(f"{path}: base: a profile can't be its own")
        try:
            base = load_profile(base, (*above, path))
        except InputError as error:
            raise InputError(f"{path}: base: {error}") from error
        content["model"] = base.model | model
        content["evaluation"] = base.evaluation.departures | content.get("evaluation", {})
        content = {"method": base.method, "seconds_per_cell": base.seconds_per_cell} | content
    content["evaluation"] = _evaluation(path, content)
    return Profile(path.stem, **content, source=str(path))


def _without(parameters: Mapping[str, Any], added: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters but those that are `added` and have the value that changes nothing."""
    kept = {}
    for name, value in parameters.items():
        if name not in added:
            kept[name] = value
        elif isinstance(value, Mapping):
            kept[name] = _without(value, added[name])
        elif value != added[name]:
            kept[name] = value
    return kept


def _evaluation(path: Path, content: dict[str, Any]) -> Evaluation:
    try:
        evaluation = Evaluation(**content.get("evaluation", {}))
    except (InputError, TypeError) as error:
        raise InputError(f"{path}: evaluation: {error}") from error
    if evaluation.departures and "study" not in content:
        raise InputError(
            f"{path}: evaluation departs from the protocol: its results stand in a study's tables "
            "alone: give it a name, such as 'study: mine'"
        )
    return evaluation


_TYPES = {
    "base": str,
    "caveat": str,
    "description": str,
    "evaluation": dict,
    "method": str,
    "model": dict,
    "study": str,
    "seconds_per_cell": (int, float),
}
