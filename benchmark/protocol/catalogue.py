"""The profiles that come with the suite, by name and by study."""

from pathlib import Path

from benchmark.paths import PROFILES
from bgad.errors import InputError, did_you_mean

__all__ = ["STUDIES", "find_profile", "profile_groups", "profile_names", "study_profiles"]

STUDIES = ("ablation", "backbones", "fidelity", "resolution")
"""The studies that come with the suite; their profiles are in folders of these names."""


def profile_names() -> tuple[str, ...]:
    """Names of the profiles that come with the suite."""
    return tuple(sorted(_files()))


def profile_groups() -> dict[str, tuple[str, ...]]:
    """Names of the profiles by the folder they are in; first, as "general", those in none."""
    groups: dict[str, list[str]] = {"general": []}
    for name, path in sorted(_files().items(), key=lambda item: (item[1].parent.name, item[0])):
        folder = "general" if path.parent == PROFILES else path.parent.name
        groups.setdefault(folder, []).append(name)
    return {group: tuple(names) for group, names in groups.items()}


def study_profiles(study: str) -> tuple[str, ...]:
    """Names of the profiles of one of `STUDIES`."""
    return profile_groups()[study]


def find_profile(name: str) -> Path:
    """Find a profile's file.

    Parameters
    ----------
    name
        One of `profile_names`, or a file that ends in ``.yaml`` or ``.yml``.

    Raises
    ------
    InputError
        If there is none.
    """
    is_file = Path(name).suffix in (".yaml", ".yml")
    path = Path(name) if is_file else _files().get(name)
    if path is None or not path.is_file():
        known = profile_names()
        raise InputError(
            f"unknown profile {name!r}{did_you_mean(name, known)}: give one of "
            f"{', '.join(known)}, or a .yaml file"
        )
    return path


def _files() -> dict[str, Path]:
    return {path.stem: path for path in PROFILES.rglob("*.yaml")}
