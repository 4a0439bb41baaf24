"""Workers: on this machine, at an existing Dask scheduler, or from Slurm."""

import logging
import shutil
import subprocess
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dask
import psutil
import yaml
from dask.system import CPU_COUNT
from distributed import Client, LocalCluster, Security, SpecCluster, Status
from distributed.system import MEMORY_LIMIT

from benchmark.paths import SLURM_CONFIG
from bgad.errors import InputError

__all__ = ["check_slurm", "connect", "default_jobs"]

_MEMORY_PER_JOB = 2e9  # bytes: what a job of `cpu` or `quick` needs, about
_TIMEOUT = 20  # seconds to reach a scheduler
_CLOSE_TIMEOUT = 5  # seconds

dask.config.set(
    {
        # The driver itself decides what is done with the cells of a worker that died.
        "distributed.scheduler.allowed-failures": 0,
        # Training happens in other processes: `benchmark.run.jobs` watches their memory.
        "distributed.worker.memory.target": False,
        "distributed.worker.memory.spill": False,
        "distributed.worker.memory.pause": False,
        "distributed.worker.memory.terminate": False,
        # Idle workers shall cost nothing.
        "distributed.worker.profile.enabled": False,
        "distributed.admin.tick.interval": "500ms",
    }
)


def default_jobs() -> int:
    """As many jobs as this machine has cores, and memory for."""
    return max(1, min(CPU_COUNT, int(MEMORY_LIMIT // _MEMORY_PER_JOB)))


@contextmanager
def connect(
    cluster: str | None, jobs: int, memory_limit: int | None, slurm_config: Path = SLURM_CONFIG
) -> Iterator[Client]:
    """Open workers for the time of a context.

    Parameters
    ----------
    cluster
        None for this machine, the address of a Dask scheduler, or ``slurm``.
    jobs
        How many single-threaded workers to start; a scheduler of one's own has those it has.
    memory_limit
        Bytes that a job may take; by default the machine's memory divided among the jobs.
    slurm_config
        Arguments of `dask_jobqueue.SLURMCluster` as YAML.

    Raises
    ------
    InputError
        If there is no such scheduler, or Slurm can't be used.
    """
    with TemporaryDirectory(prefix="bgad-dask-") as scratch:
        if cluster is None:
            workers = LocalCluster(
                n_workers=jobs,
                threads_per_worker=1,
                memory_limit=memory_limit or int(MEMORY_LIMIT / jobs),
                local_directory=scratch,
                dashboard_address="127.0.0.1:0",
                security=Security.temporary(),  # or any user of this machine could run code as us
                silence_logs=logging.CRITICAL,  # a worker that dies is the runner's news
            )
        elif cluster == "slurm":
            workers = _slurm(slurm_config, jobs)
        else:
            workers = cluster
        try:
            client = Client(workers, timeout=_TIMEOUT)
        except (OSError, ValueError) as error:
            raise InputError(
                f"--cluster {cluster}: no Dask scheduler answers there ({error}): start one with "
                "'dask scheduler', and workers with 'dask worker ADDRESS --nthreads 1'"
            ) from error
        try:
            yield client
        except BaseException:
            if isinstance(workers, LocalCluster):
                _kill_workers(workers)
            raise
        finally:
            client.close(timeout=2)
            if cluster in (None, "slurm"):
                _close(workers)


def check_slurm(client: Client) -> None:
    """Look whether Slurm still has a job that could become a worker of a client's cluster.

    Raises
    ------
    InputError
        If all have ended.
    """
    jobs = [getattr(job, "job_id", None) for job in getattr(client.cluster, "workers", {}).values()]
    if None in jobs or not jobs or shutil.which("squeue") is None:
        return  # not Slurm's
    command = ["squeue", "--noheader", f"--jobs={','.join(jobs)}"]
    with suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT)
        is_unknown = done.returncode and "invalid job id" in done.stderr.lower()
        if is_unknown or not (done.returncode or done.stdout.strip()):
            raise InputError(
                f"Slurm has ended all {len(jobs)} jobs, and no worker is left: slurm-*.out, where "
                "the jobs write, says why; what is finished is stored"
            )


def _slurm(path: Path, jobs: int) -> Any:
    from dask_jobqueue import SLURMCluster

    if shutil.which("sbatch") is None:
        raise InputError("--cluster slurm: there is no command 'sbatch' here: use a login node")
    defaults = {
        "job_name": "bgad",
        "security": True,  # certificates for this run alone, in a folder that all nodes see
        "shared_temp_directory": str(Path.cwd()),
        "scheduler_options": {"dashboard_address": "127.0.0.1:0"},
        "worker_extra_args": ["--dashboard-address", "127.0.0.1:0"],
    }
    try:
        options = yaml.safe_load(path.read_text(encoding="utf-8"))
        cluster = SLURMCluster(**defaults | options)
    except (OSError, yaml.YAMLError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{path}: does not describe a Slurm cluster: {error}") from error
    cluster.scale(jobs)
    while len(cluster.workers) < jobs:  # sbatch is being asked
        time.sleep(0.05)
    if any(job.status != Status.running for job in cluster.workers.values()):
        with suppress(AssertionError):  # Dask expects that all jobs exist
            cluster.close(timeout=5)
        raise InputError(f"{path}: sbatch refused the jobs that it describes, as said above")
    return cluster


def _close(cluster: SpecCluster) -> None:
    """Close a cluster; slow workers are killed, for what they did is done."""
    try:
        cluster.close(timeout=_CLOSE_TIMEOUT)
    except TimeoutError:
        warnings.warn("workers were slow to close; all results are stored", stacklevel=2)
        if isinstance(cluster, LocalCluster):
            _kill_workers(cluster)


def _kill_workers(cluster: LocalCluster) -> None:
    """Kill the workers, and with them what they run, instead of waiting for it."""
    for nanny in cluster.workers.values():
        nanny.auto_restart = False
        if nanny.pid:
            with suppress(psutil.Error):
                psutil.Process(nanny.pid).kill()
