"""Cells, the unit of a result, and grids of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bgad.errors import InputError

__all__ = ["CONTROLS", "POOL", "SETTINGS", "Cell", "grid"]

POOL = 10
"""Anomalies that the test set ``common`` of the known data sets lacks at every number of shots."""

SETTINGS = ("general", "hard", "control")

CONTROLS = ("shuffled_labels", "random_weights", "swapped_labels", "constant_maps")
"""Negative controls, see `benchmark.protocol.controls`."""


@dataclass(frozen=True)
class Cell:
    """What one row of results is about.

    Attributes
    ----------
    dataset, category
        Name of the data set, and the category's folder name in it.
    setting
        ``general``: anomalies of every type may be known; ``hard``: those of one type, which leaves
        the test set as a whole (Ding et al., CVPR 2022); ``control``: as ``general``, but with
        something spoilt on purpose, so that the figures are known beforehand.
    shots
        Known anomalies asked for.
    seed
        Of split, training and augmentation, unless they are given for themselves.
    profile
        Name of the profile.
    known_type
        The one known anomaly type of the hard setting, else None.
    split_seed, train_seed, augment_seed
        `seed` where they are not given.
    control
        What is spoilt in the setting ``control``, one of `CONTROLS`, else None.
    pool
        Anomalies that the test set ``common`` lacks, if more than `shots`.

    Raises
    ------
    InputError
        If a value is impossible, or a name could not be the name of a folder.
    """

    dataset: str
    category: str
    setting: str
    shots: int
    seed: int
    profile: str
    known_type: str | None = None
    split_seed: int | None = None
    train_seed: int | None = None
    augment_seed: int | None = None
    control: str | None = None
    pool: int = POOL

    def __post_init__(self) -> None:
        for name in ("dataset", "category", "profile", "known_type"):
            _check_folder_name(name, getattr(self, name))
        if self.setting not in SETTINGS:
            raise InputError(f"setting must be one of {', '.join(SETTINGS)}, got {self.setting!r}")
        if (self.setting == "hard") != (self.known_type is not None):
            raise InputError("a cell has a known type if, and only if, its setting is 'hard'")
        if self.control not in (CONTROLS if self.setting == "control" else (None,)):
            raise InputError(
                f"control must be one of {', '.join(CONTROLS)} in the setting 'control' and absent "
                f"in others, got {self.control!r}"
            )
        for name in ("split_seed", "train_seed", "augment_seed"):
            if getattr(self, name) is None:
                object.__setattr__(self, name, self.seed)
        for name in ("shots", "seed", "split_seed", "train_seed", "augment_seed", "pool"):
            value = getattr(self, name)
            if type(value) is not int or not 0 <= value < 2**63:
                raise InputError(f"{name} must be an integer >= 0, and below 2^63, got {value!r}")

    @property
    def seeds_apart(self) -> dict[str, int]:
        """The seeds that differ from `seed`, by what they are for."""
        seeds = {"split": self.split_seed, "train": self.train_seed, "augment": self.augment_seed}
        return {name: seed for name, seed in seeds.items() if seed != self.seed}

    def __str__(self) -> str:
        setting = " ".join(filter(None, (self.setting, self.known_type, self.control)))
        apart = "".join(f", {name} seed {seed}" for name, seed in self.seeds_apart.items())
        return f"{self.category}, {setting}, {self.shots} shots, seed {self.seed}{apart}"


def grid(
    dataset: str,
    types: Mapping[str, Iterable[str]],
    shots: Iterable[int],
    seeds: Iterable[int],
    profile: str,
    setting: str = "general",
    vary: str | None = None,
    pool: int = POOL,
    controls: Iterable[str] = CONTROLS,
) -> tuple[Cell, ...]:
    """Build all cells of a request, in the order in which they are to run.

    Parameters
    ----------
    dataset, shots, seeds, profile, setting
        As in `Cell`; a value that is given twice counts once.
    types
        The anomaly types of each category; the hard setting has one cell for each of them.
    vary
        ``split``, ``train`` or ``augment``: vary this seed alone; the others stay the first one.
    pool
        As in `Cell`.
    controls
        The setting ``control`` has one cell for each of them.

    Raises
    ------
    InputError
        If a value is impossible.
    """
    seeds = list(seeds)
    seed_fields = [
        {"seed": seeds[0], f"{vary}_seed": seed} if vary else {"seed": seed} for seed in seeds
    ]
    cells = [
        Cell(dataset, category, setting, n, profile=profile, pool=pool, **kind, **fields)
        for category, names in types.items()
        for kind in _kinds(setting, names, controls)
        for n in shots
        for fields in seed_fields
    ]
    return tuple(dict.fromkeys(cells))


def _kinds(setting: str, types: Iterable[str], controls: Iterable[str]) -> list[dict[str, str]]:
    """The fields by which the cells of a setting differ where all else is the same."""
    if setting == "hard":
        return [{"known_type": name} for name in types]
    if setting == "control":
        return [{"control": name} for name in controls]
    return [{}]


def _check_folder_name(what: str, name: str | None) -> None:
    if name is None and what == "known_type":
        return
    forbidden = {"/", "\\", "\0", "\n", "\r"}
    if not isinstance(name, str) or not name or name.startswith(".") or forbidden & set(name):
        raise InputError(f"{what} must be usable as the name of a folder, got {name!r}")
