"""A method that costs nothing, and results of it: stands in for training in these tests."""

from typing import Any

from benchmark.cells import Cell
from benchmark.methods import METHODS
from benchmark.profiles import Profile
from benchmark.provenance import now, stamp
from benchmark.schema import METRICS, Result, Timings
from benchmark.splits import cell_split, check_disjoint
from benchmark.store import Store, result_key
from bgad.data.folder import load_category
from bgad.errors import InputError

__all__ = ["Instant", "make_result", "run_cell"]


class Instant:
    """Has two hyper-parameters; sleeps `seconds` a cell, and fails where it is told to."""

    def __init__(self, seconds: float = 0.0, fails: str = "", seed: int = 0) -> None:
        if seconds < 0:
            raise InputError("seconds must not be negative")
        self.seconds, self.fails, self.seed = seconds, fails, seed

    def get_params(self) -> dict[str, Any]:
        return {"seconds": self.seconds, "fails": self.fails, "seed": self.seed}


METHODS["instant"] = Instant


def make_result(
    cell: Cell, key: str = "k", value: float | None = 0.5, profile: Profile | None = None, **changes
) -> Result:
    """Make a result that has `value` for each metric."""
    profile = profile or Profile(cell.profile, "instant")
    figures = dict.fromkeys(METRICS, value)
    seconds = dict.fromkeys(Timings.model_fields, 1.0)
    fields = {
        "key": key,
        "cell": cell,
        "metrics": {"common": figures, "paper": figures},
        "counts": {"train_normal": 3},
        "split": {"known": [], "sha256": "s"},
        "data": {"fingerprint": "f"},
        "config": profile.config,
        "timings_s": seconds,
        "peak_memory_mb": 1.0,
        "provenance": stamp(now()),
    }
    return Result(**fields | changes)


def run_cell(cell: Cell, data_root: str, profile: Profile, store: Store) -> None:
    """Do what an experiment does, but for the work."""
    import os
    import time

    category = load_category(data_root, cell.category)
    split = cell_split(cell, category)
    check_disjoint(split, category.content_hashes())
    key = result_key(profile.hash, split.sha256, category.fingerprint())
    if store.is_current(cell, key):
        return
    time.sleep(profile.parameters["seconds"])
    if str(cell.seed) in profile.parameters["fails"]:
        raise RuntimeError(f"no luck with seed {cell.seed}")
    if f"die{cell.seed}" == profile.parameters["fails"]:
        os.abort()
    store.write(make_result(cell, key, profile=profile))
