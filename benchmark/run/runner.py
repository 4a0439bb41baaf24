"""Runs planned cells on workers, group by group, until each has a result or a cause."""

import hashlib
import os
import socket
import time
import uuid
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path

from distributed import Client, Future, KilledWorker, wait
from filelock import FileLock, Timeout
from pydantic import ValidationError

from benchmark.paths import PROFILES
from benchmark.protocol.cells import Cell
from benchmark.protocol.schema import Failure
from benchmark.results.store import MAX_ATTEMPTS, Store
from benchmark.run.cluster import check_slurm
from benchmark.run.jobs import RUN_NOTE, Job, Outcome, run_job
from benchmark.run.plan import PlannedCell, Request, group
from benchmark.run.progress import Display, last_progress
from bgad.atomic import write_atomically
from bgad.errors import InputError

__all__ = ["Runner", "hold", "notebook_name"]

_POLL = 0.5  # seconds
_PATIENCE = 30  # seconds without any worker between two questions to Slurm


@contextmanager
def hold(results: Path) -> Iterator[str]:
    """Hold a results folder for the time of a context; the lock ends with its process, always.

    Returns
    -------
    str
        A token that is in the folder's `RUN_NOTE`, by which a worker knows that it sees the folder.

    Raises
    ------
    InputError
        If the folder can't be written, or another run holds it.
    """
    token = uuid.uuid4().hex
    lock, note = FileLock(results / ".lock"), results / RUN_NOTE
    with ExitStack() as stack:
        try:
            results.mkdir(parents=True, exist_ok=True)
            stack.enter_context(lock.acquire(blocking=False))
        except Timeout as error:
            holder = note.read_text(encoding="utf-8").strip() if note.is_file() else "unknown"
            raise InputError(
                f"{results}: another run is using this folder ({holder}): wait for it, or give "
                "another --results folder"
            ) from error
        except (OSError, NotImplementedError) as error:
            if not results.is_dir() or not os.access(results, os.W_OK):
                reason = getattr(error, "strerror", error)
                raise InputError(
                    f"{results}: cannot be written ({reason}): give another --results folder"
                ) from error
            warnings.warn(
                f"{results}: cannot be locked ({error}): start no second run in it", stacklevel=3
            )
        write_atomically(
            note, f"process {os.getpid()} on {socket.gethostname()}, run {token}\n".encode()
        )
        yield token


class Runner:
    """Runs cells of a request.

    Parameters
    ----------
    client
        Of a Dask scheduler.
    request, store
        What is run, and where the results go.
    notebook
        What is executed for each group, with the parameters ``dataset``, ``data_root``,
        ``category``, ``cells``, ``profile``, ``results`` and ``device``.
    token
        See `hold`.

    Attributes
    ----------
    failed
        Cause by cell.
    """

    def __init__(
        self, client: Client, request: Request, store: Store, notebook: Path, token: str
    ) -> None:
        self.client, self.request, self.store = client, request, store
        self.notebook, self.token = notebook, token
        self.failed: dict[Cell, str] = {}
        self._before: dict[Cell, int | None] = {}

    def run(self, cells: Sequence[PlannedCell], display: Display, jobs: int = 0) -> None:
        """Run cells until each is stored, or in `failed`; in groups for `jobs` workers or more.

        Raises
        ------
        InputError
            If workers are Slurm's, and it has ended all of them.
        """
        queue = deque(group(cells, max(jobs, self._slots())))
        running: dict[Future, tuple[list[PlannedCell], Job]] = {}
        self._before = {planned.cell: self._stamp(planned) for planned in cells}
        settled, asked = 0, time.monotonic()
        while queue or running:
            slots = self._slots() if queue else 0
            if queue and not slots and time.monotonic() > asked + _PATIENCE:
                check_slurm(self.client)
                asked = time.monotonic()
            while queue and len(running) < slots:
                part = queue.popleft()
                job = self._job(part)
                running[self.client.submit(run_job, job, pure=False)] = (part, job)
            written = sum(
                self._stamp(planned) != self._before[planned.cell]
                for part, _ in running.values()
                for planned in part
            )
            labels = [_label(part, self.store.root / job.log) for part, job in running.values()]
            display.update(settled + written, labels, len(self.failed))
            for future in self._wait(list(running)):
                part, job = running.pop(future)
                again = self._settle(part, job, self._outcome(future), display.tell)
                settled += len(part) - sum(map(len, again))
                queue.extendleft(reversed(again))
        display.update(len(cells), [], len(self.failed))

    def _slots(self) -> int:
        return sum(self.client.nthreads().values())

    def _stamp(self, planned: PlannedCell) -> int | None:
        try:
            return self.store.path(planned.cell).stat().st_mtime_ns
        except OSError:
            return None

    def _is_finished(self, planned: PlannedCell) -> bool:
        is_new = not planned.done or self._stamp(planned) != self._before[planned.cell]
        return is_new and self.store.is_current(planned.cell, planned.key)

    def _wait(self, futures: list[Future]) -> set[Future]:
        if not futures:
            time.sleep(_POLL)
            return set()
        try:
            return wait(futures, timeout=_POLL, return_when="FIRST_COMPLETED").done
        except TimeoutError:
            return set()

    def _job(self, part: Sequence[PlannedCell]) -> Job:
        category = part[0].cell.category
        profile = self.request.profile
        paths = tuple(
            self.store.path(planned.cell).relative_to(self.store.root).as_posix()
            for planned in part
        )
        is_shipped = PROFILES in Path(profile.source).parents
        return Job(
            notebook=str(self.notebook.resolve()),
            parameters={
                "dataset": self.request.dataset,
                "data_root": str(self.request.data_root.resolve()),
                "category": category,
                "device": self.request.device,
                "keep_maps": self.request.keep_maps,
                "profile": profile.name if is_shipped else str(Path(profile.source).resolve()),
            },
            cells=tuple(asdict(planned.cell) for planned in part),
            keys=tuple(None if planned.done else planned.key for planned in part),
            paths=paths,
            results=str(self.store.root.resolve()),
            token=self.token,
            output=f"notebooks/{self.request.dataset}/{notebook_name(paths)}.ipynb",
        )

    def _outcome(self, future: Future) -> Outcome:
        """How a job ended, its files received if its worker does not share the results folder."""
        try:
            outcome = future.result()
        except (KilledWorker, CancelledError):
            return Outcome("its worker was killed, or lost", died=True)
        except Exception as error:
            return Outcome(f"{type(error).__name__}: {error}")
        try:
            self._receive(outcome.files)
        except OSError as error:
            return Outcome(f"its results can't be stored: {error}")
        return outcome

    def _receive(self, files: dict[str, bytes]) -> None:
        # Results come last: it is they that make a cell count as finished.
        for name, content in sorted(files.items(), key=lambda file: file[0].endswith(".json")):
            if not name.endswith(".failed.json"):
                write_atomically(self.store.root / name, content)
                continue
            try:
                failure = Failure.model_validate_json(content)
            except ValidationError:
                continue
            self.store.record_failure(failure.cell, failure.key, failure.error, failure.log)

    def _settle(
        self,
        part: Sequence[PlannedCell],
        job: Job,
        outcome: Outcome,
        tell: Callable[[str], None],
    ) -> list[list[PlannedCell]]:
        """Look what became of a group; return the groups that are to be run again."""
        left = []
        for planned in part:
            failure = self.store.failure(planned.cell, planned.key)
            earlier = planned.failure.attempts if planned.failure else 0
            if self._is_finished(planned):
                continue
            if failure and failure.attempts > earlier:
                self._fail(planned, failure.error, job, tell)
            else:
                left.append(planned)
        # Cells run in their order: what ended the notebook came from the first without a result.
        n_guilty = 1 if outcome.error else len(left)
        again = [left[n_guilty:]] if left[n_guilty:] else []
        for planned in left[:n_guilty]:
            error = outcome.error or "the notebook ended without its result"
            failure = self._record(planned, error, job)
            if outcome.died and failure and failure.attempts < MAX_ATTEMPTS:
                again.insert(0, [replace(planned, failure=failure)])
            else:
                self._fail(planned, error, job, tell)
        return again

    def _record(self, planned: PlannedCell, error: str, job: Job) -> Failure | None:
        with suppress(OSError):  # such as a full disk, which then is the cause of the failure
            return self.store.record_failure(planned.cell, planned.key, error, str(job.log))
        return None

    def _fail(
        self, planned: PlannedCell, error: str, job: Job, tell: Callable[[str], None]
    ) -> None:
        self.failed[planned.cell] = f"{error} (log: {self.store.root / job.log})"
        tell(f"failed: {planned.cell}: {error}")


def notebook_name(paths: Sequence[str]) -> str:
    """Name a notebook by its cells: no other group has the same, and the same cells replace it."""
    first = "_".join(Path(paths[0]).with_suffix("").parts[1:])
    words = first if len(paths) == 1 else f"{first}_to_{Path(paths[-1]).stem}"
    digest = hashlib.sha256("\n".join(paths).encode()).hexdigest()
    return f"{words[:150]}_{digest[:8]}"


def _label(part: Sequence[PlannedCell], log: Path) -> str:
    first, progress = part[0].cell, last_progress(log)
    name = str(first) if len(part) == 1 else f"{first.category} ({len(part)} cells)"
    return f"{name}: {progress}" if progress else name
