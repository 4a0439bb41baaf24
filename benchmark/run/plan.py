"""What a request means: its cells, what exists of them, and whether the rest can be run at all."""

import statistics
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.paths import PUBLISHED, cache_dir
from benchmark.protocol.cells import CONTROLS, Cell, grid
from benchmark.protocol.intervention import find_intervention
from benchmark.protocol.profiles import Profile
from benchmark.protocol.schema import Failure
from benchmark.protocol.splits import Split, cell_split, check_disjoint, covering_seeds, pool_size
from benchmark.results.store import MAX_ATTEMPTS, Store, load_all, result_key
from bgad.data.folder import Category, list_categories, load_category
from bgad.data.registry import DATASETS, find_dataset
from bgad.data.truth import check_truth
from bgad.detectors import resolve
from bgad.errors import InputError
from bgad.features import FeatureCache
from bgad.progress import Progress, tell

__all__ = ["PlannedCell", "Request", "estimate", "group", "plan"]


@dataclass(frozen=True)
class Request:
    """A grid on some data.

    Attributes
    ----------
    profile, dataset, data_root
        Hyper-parameters, and the data set's name and folder.
    categories
        Names; all that `data_root` holds if there are none.
    shots, setting, vary, controls
        See `benchmark.protocol.cells.grid`.
    seeds
        As well; None for 0, and on a user's own data for as many as test each defect, where one
        split would leave few to test (`benchmark.protocol.splits.covering_seeds`).
    device
        Torch device on which cells are computed.
    keep_maps
        Whether they keep their test images' maps.
    """

    profile: Profile
    dataset: str
    data_root: Path
    categories: Sequence[str]
    shots: Sequence[int]
    seeds: Sequence[int] | None
    setting: str = "general"
    vary: str | None = None
    controls: Sequence[str] = CONTROLS
    device: str = "cpu"
    keep_maps: bool = False


@dataclass(frozen=True)
class PlannedCell:
    """A cell of a request.

    Attributes
    ----------
    cell, key
        See `benchmark.results.store.result_key`.
    done
        Whether its result is there; if it is run all the same, until that has a successor.
    failure
        How it failed before.
    """

    cell: Cell
    key: str
    done: bool
    failure: Failure | None

    @property
    def given_up(self) -> bool:
        """Whether it failed too often to be tried again unasked."""
        return self.failure is not None and self.failure.attempts >= MAX_ATTEMPTS


def plan(request: Request, store: Store) -> tuple[PlannedCell, ...]:
    """Build the cells of a request, and look up what is known of them.

    Raises
    ------
    InputError
        If a category does not exist or can't be read, has fewer anomalies than shots are asked
        for or the method needs, the profile is wrong, or the store holds results of another one.
    """
    names = request.categories or find_dataset(request.dataset).ordered(
        list_categories(request.data_root)
    )
    tell("looking at the images: %s", ", ".join(names))
    categories = {name: load_category(request.data_root, name) for name in names}
    pool = pool_size(request.dataset, request.shots)
    if (most := max(request.shots, default=0)) > pool:
        warnings.warn(
            f"--shots {most}: the test set 'common' lacks {most} anomalies instead of {pool}: not "
            "the images on which fewer shots are tested",
            stacklevel=2,
        )
    method, profile = resolve(request.profile.method), request.profile
    if few := [shots for shots in request.shots if 0 <= shots < method.min_shots]:
        raise InputError(
            f"profile {profile.name}: method {profile.method} learns from known anomalies: "
            f"ask for --shots {method.min_shots} or more, not {few[0]}"
        )
    for category in categories.values():
        if request.setting == "general" and len(category.anomalies) <= pool:
            warnings.warn(
                f"{category.root}: has {len(category.anomalies)} anomalies: its test set 'common' "
                f"lacks the first {pool} and holds none: see the figures on 'paper'",
                stacklevel=2,
            )
        if method.needs_masks and any(request.shots) and not category.has_masks:
            raise InputError(
                f"{category.root}: has no masks, from which method {profile.method} learns: give "
                "masks, ask for --shots 0, or take another --profile"
            )
    contents, progress = {}, Progress(len(categories))
    for name, category in categories.items():
        contents[name] = FeatureCache(cache_dir() / "features").pixel_hashes(category)
        progress.advance()
    seeds = _seeds(request, categories.values(), pool, contents)
    cells = grid(
        request.dataset,
        {name: category.types for name, category in categories.items()},
        request.shots,
        seeds,
        profile.name,
        request.setting,
        request.vary,
        pool,
        request.controls,
    )
    if not cells:
        raise InputError("the request is empty: give at least one category, shots and seed")
    if len(seeds) > 1 and request.seeds is None:
        tell("few defects: %d splits, for each to be tested in one (--seeds 0: one)", len(seeds))
    weights = _Weights(profile)
    fingerprints = {name: category.fingerprint() for name, category in categories.items()}
    planned = []
    for cell in cells:
        split = _split(cell, categories[cell.category], contents[cell.category], profile)
        fingerprint = fingerprints[cell.category]
        key = result_key(profile.hash, split.sha256, fingerprint, weights.sha256(cell))
        done = store.is_current(cell, key)
        planned.append(PlannedCell(cell, key, done, None if done else store.failure(cell, key)))
    return tuple(planned)


def _seeds(
    request: Request,
    categories: Iterable[Category],
    pool: int,
    contents: Mapping[str, Mapping[str, str]],
) -> Sequence[int]:
    if request.seeds is not None:
        return request.seeds
    if request.dataset in DATASETS or request.setting != "general" or request.vary:
        return [0]
    return covering_seeds(list(categories), request.dataset, pool, contents)


def _split(cell: Cell, category: Category, contents: dict[str, str], profile: Profile) -> Split:
    """A cell's split, whose known anomalies can be learnt from, and are not tested."""
    test_known = profile.evaluation.test_known
    split = cell_split(cell, category, contents, test_known)
    if not test_known:
        check_disjoint(split, contents)
    if not split.paper_test:
        raise InputError(f"{category.root}: nothing is left to test in {cell}: add test images")
    if category.has_masks and (size := profile.parameters.get("image_size")):
        known = set(split.known)
        check_truth([sample for sample in category.anomalies if sample.name in known], size)
    return split


class _Weights:
    """Hashes of the weights that the cells of a profile use, each read once."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self._hashes: dict[str | None, str] = {}

    def sha256(self, cell: Cell) -> str:
        """Hash of a cell's weights; nothing for a method without a backbone.

        Raises
        ------
        InputError
            If they can't be had on this machine.
        """
        change = find_intervention(cell, self.profile.evaluation).parameters({})
        parameters = self.profile.parameters | change
        name, weights = parameters.get("backbone"), parameters.get("weights")
        if name and weights not in self._hashes:
            from bgad.backbone import Backbone

            try:
                backbone = Backbone(name, parameters["image_size"], weights)
            except InputError as error:
                raise InputError(f"profile {self.profile.name}: {error}") from error
            self._hashes[weights] = backbone.weights_hash
        return self._hashes.get(weights, "")


def group(cells: Iterable[PlannedCell], n: int) -> list[list[PlannedCell]]:
    """Group cells for execution: by category, and finer where that gives fewer than `n` groups."""
    groups: dict[str, list[PlannedCell]] = {}
    for planned in cells:
        groups.setdefault(planned.cell.category, []).append(planned)
    parts = list(groups.values())
    while len(parts) < n and max(map(len, parts), default=0) > 1:
        index = max(range(len(parts)), key=lambda i: len(parts[i]))
        half = (len(parts[index]) + 1) // 2
        parts[index : index + 1] = [parts[index][:half], parts[index][half:]]
    return parts


def estimate(
    cells: Sequence[PlannedCell], profile: Profile, store: Store, device: str = "cpu"
) -> float | None:
    """Estimate the seconds that cells take one after the other.

    Means of what cells of the same profile took on such a device here or in published runs, with
    as many shots if there are such; else what the profile says.
    """
    kind = device.partition(":")[0]
    seconds: dict[int | None, list[float]] = {}
    for result in load_all([PUBLISHED, store.root]):
        on = result.provenance.device.partition(":")[0]
        if (result.config.profile_hash, on) == (profile.hash, kind):
            for shots in (result.cell.shots, None):
                seconds.setdefault(shots, []).append(result.timings_s.total)
    means = {shots: statistics.fmean(values) for shots, values in seconds.items()}
    default = means.get(None, profile.seconds_per_cell)
    if default is None:
        return None
    return sum(means.get(planned.cell.shots, default) for planned in cells)
