"""What a worker does: run one group of cells in a notebook, watched, and report."""

import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import psutil
from distributed import get_worker

from benchmark.paths import REPOSITORY
from benchmark.run.memory import private_bytes

__all__ = ["RUN_NOTE", "Job", "Outcome", "run_job", "start_child"]

RUN_NOTE = ".run"
"""File in a results folder that says which run holds it, with a token that it alone has."""

_SINGLE_THREADED = dict.fromkeys(
    ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"
)
_POLL = 1.0  # seconds


@dataclass(frozen=True)
class Job:
    """A group of cells for one execution of a notebook.

    Attributes
    ----------
    notebook
        The notebook's path.
    parameters
        Its parameters, but ``cells`` and ``results``.
    cells
        The cells' fields.
    keys
        Of each cell, the key that its result will have (see `benchmark.results.store.result_key`);
        None where one that is there is to be replaced.
    paths
        Of each cell, its result's path within the results folder.
    results
        The results folder as the driver sees it.
    token
        What the driver has written into the folder's `RUN_NOTE`: a worker that reads it there
        shares the folder.
    output
        Path of the executed notebook within the results folder; its log is beside it.
    """

    notebook: str
    parameters: dict[str, Any]
    cells: tuple[dict[str, Any], ...]
    keys: tuple[str | None, ...]
    paths: tuple[str, ...]
    results: str
    token: str
    output: str

    @property
    def log(self) -> Path:
        """The log within the results folder."""
        return Path(self.output).with_suffix(".log")


@dataclass(frozen=True)
class Outcome:
    """How a job ended.

    Attributes
    ----------
    error
        Why it failed; None if the notebook ran to its end.
    died
        Whether a process was killed rather than an exception raised.
    files
        Content of all files by their path within the results folder, from a worker that does not
        share it.
    """

    error: str | None = None
    died: bool = False
    files: dict[str, bytes] = field(default_factory=dict)


def run_job(job: Job) -> Outcome:
    """Run a job's cells but those whose results are there already."""
    if _shares_results_folder(job):
        return _run_in(Path(job.results), job)
    scratch = Path(tempfile.mkdtemp(prefix="bgad-results-"))
    try:
        outcome = _run_in(scratch, job)
        files = {
            path.relative_to(scratch).as_posix(): path.read_bytes()
            for path in sorted(scratch.rglob("*"))
            if path.is_file() and not path.name.startswith(".")
        }
        return Outcome(outcome.error, outcome.died, files)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _shares_results_folder(job: Job) -> bool:
    note = Path(job.results, RUN_NOTE)
    return note.is_file() and job.token in note.read_text(encoding="utf-8")


def _run_in(results: Path, job: Job) -> Outcome:
    cells = [
        cell
        for cell, key, path in zip(job.cells, job.keys, job.paths, strict=True)
        if not _is_done(results / path, key)
    ]
    if not cells:
        return Outcome()
    log = results / job.log
    log.parent.mkdir(parents=True, exist_ok=True)
    request = {
        "parent": os.getpid(),
        "notebook": job.notebook,
        "output": str(results / job.output),
        "parameters": job.parameters | {"cells": cells, "results": str(results)},
    }
    log.unlink(missing_ok=True)  # it may be another user's
    with log.open("w", encoding="utf-8") as stderr:
        child = start_child(stderr)
    try:
        child.stdin.write(json.dumps(request))
        child.stdin.close()
        if problem := _watch(child):
            return problem
        answer = child.stdout.read()
        child.wait()
    except BrokenPipeError:
        answer = ""
    finally:
        _kill(child)
    try:
        return Outcome(**json.loads(answer))
    except ValueError:
        return Outcome(f"the notebook's process ended with status {child.returncode}", died=True)


def start_child(stderr: IO[str]) -> subprocess.Popen:
    """Start a process that waits for a notebook to execute (see `benchmark.run.execute`).

    Parameters
    ----------
    stderr
        File for its log.
    """
    environment = os.environ | _SINGLE_THREADED
    environment.pop("MALLOC_TRIM_THRESHOLD_", None)  # Dask's setting would slow training down
    path = [environment.get("PYTHONPATH"), str(REPOSITORY)]
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, path))
    return subprocess.Popen(
        [sys.executable, "-m", "benchmark.run.execute"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        env=environment,
        start_new_session=True,  # the terminal's Ctrl-C is the driver's affair
        text=True,
    )


def _is_done(path: Path, key: str | None) -> bool:
    try:
        return key is not None and json.loads(path.read_bytes()).get("key") == key
    except (OSError, ValueError, AttributeError):
        return False


def _watch(child: subprocess.Popen) -> Outcome | None:
    """Wait for the child; end it if it takes too much memory or nobody waits for it any more."""
    worker = get_worker()
    limit = worker.memory_manager.memory_limit
    task = worker.get_current_task()
    while not select.select([child.stdout], [], [], _POLL)[0]:  # an answer, or its end
        if limit and _memory(child.pid) > limit:
            return Outcome(
                f"needed more than the {limit / 1e9:.1f} GB of memory that a job may take: use "
                "fewer --jobs, or a higher --memory-limit",
                died=True,
            )
        state = worker.state.tasks.get(task)
        if state is None or state.state == "cancelled":
            return Outcome("cancelled", died=True)
    return None


def _memory(pid: int) -> int:
    """Bytes held by a process and its descendants, memory-mapped files not counted."""
    total = 0
    for process in _family(pid):
        with suppress(psutil.Error):
            total += private_bytes(process)
    return total


def _family(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []


def _kill(child: subprocess.Popen) -> None:
    if child.poll() is None:
        for process in _family(child.pid):
            try:
                process.kill()
            except psutil.Error:
                continue
        child.wait()
