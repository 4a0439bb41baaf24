"""A method that costs nothing, and results of it: stands in for training in these tests."""

import os
import signal
import time
from pathlib import Path
from typing import Any, ClassVar

import nbformat
import numpy as np

from benchmark.protocol.cells import Cell
from benchmark.protocol.metrics import METRICS
from benchmark.protocol.profiles import Profile
from benchmark.protocol.schema import Result, Timings
from benchmark.protocol.splits import cell_split, check_disjoint
from benchmark.results.provenance import now, stamp
from benchmark.results.store import Store, result_key
from benchmark.run.jobs import Job, Outcome
from bgad.data.folder import load_category
from bgad.detectors import METHODS
from bgad.errors import InputError

__all__ = [
    "Instant",
    "make_result",
    "pretended",
    "run_cell",
    "run_pretended",
    "write_notebook",
]


class Instant:
    """Takes `seconds` a cell; `fails` says how with which seeds, as in ``raise1 die2``."""

    version = 1
    added: ClassVar[dict] = {}
    min_shots = 0
    needs_masks = has_likelihoods = is_resumed = False

    def __init__(self, seconds: float = 0.0, fails: str = "", seed: int = 0) -> None:
        if seconds < 0:
            raise InputError("seconds must not be negative")
        self.seconds, self.fails, self.seed = seconds, fails, seed

    def get_params(self) -> dict[str, Any]:
        return {"seconds": self.seconds, "fails": self.fails, "seed": self.seed}


METHODS["instant"] = "instant:Instant"


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
        "peak_memory_mb": 2.0,
        "private_memory_mb": 1.0,
        "provenance": stamp(now()),
    }
    return Result(**fields | changes)


def run_cell(cell: Cell, data_root: str, profile: Profile, store: Store) -> None:
    """Do what an experiment does, but for the work."""
    category = load_category(data_root, cell.category)
    contents = category.content_hashes()
    split = cell_split(cell, category, contents)
    check_disjoint(split, contents)
    key = result_key(profile.hash, split.sha256, category.fingerprint(), "")
    time.sleep(profile.parameters["seconds"])
    fails = profile.parameters["fails"].split()
    if f"raise{cell.seed}" in fails:
        raise RuntimeError(f"no luck with seed {cell.seed}")
    if f"record{cell.seed}" in fails:
        store.record_failure(cell, key, f"no luck with seed {cell.seed}")
        return
    if f"die{cell.seed}" in fails:
        os.kill(os.getpid(), signal.SIGKILL)
    if f"gorge{cell.seed}" in fails:
        gorged = b"x" * 10**9
        time.sleep(60 + len(gorged))
    digest = store.write_curves(cell, {"seed": np.array(cell.seed)})
    store.write(make_result(cell, key, profile=profile, curves_sha256=digest))


NOTEBOOK = """
from instant import run_cell
from benchmark.protocol.cells import Cell
from benchmark.run.jobs import Job, Outcome
from benchmark.protocol.profiles import load_profile
from benchmark.results.store import Store

for cell in cells:
    run_cell(Cell(**cell), data_root, load_profile(profile), Store(results))
"""


def write_notebook(path: Path) -> Path:
    """Write a notebook that runs its cells by `run_cell`."""
    notebook = nbformat.v4.new_notebook()
    parameters = nbformat.v4.new_code_cell("cells = []", metadata={"tags": ["parameters"]})
    notebook.cells = [parameters, nbformat.v4.new_code_cell(NOTEBOOK)]
    nbformat.write(notebook, path)
    return path


pretended: list = []
"""A function that takes the place of `run_job` in workers that are threads of this process."""


def run_pretended(job: Job) -> Outcome:
    """Do what the last of `pretended` does."""
    return pretended[-1](job)
