"""Whole runs in processes of their own: what survives which death."""

import json
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from contextlib import nullcontext
from pathlib import Path

import nbformat
import psutil
import pytest
from distributed import Client
from instant import write_notebook

from benchmark.protocol.schema import Failure
from benchmark.results.store import Store
from benchmark.run import cluster
from bgad.errors import InputError

DRIVE = Path(__file__).with_name("drive.py")
KINDS = {"worker": "multiprocessing.spawn", "child": "benchmark.run.execute", "kernel": "ipykernel"}


class Run:
    """Starts run_all.py on the tiny data set, and finds all processes that come of it."""

    def __init__(self, folder: Path, data_root: Path) -> None:
        self.folder, self.data_root = folder, data_root
        self.store = Store(folder / "runs")
        self.mark = uuid.uuid4().hex
        write_notebook(folder / "nb.ipynb")
        self.parameters()

    def parameters(self, seconds: float = 0.0, fails: str = "") -> None:
        text = f"method: instant\nmodel: {{seconds: {seconds}, fails: '{fails}'}}\n"
        (self.folder / "p.yaml").write_text(text)

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen:
        options = f"--profile p.yaml --dataset toy --data-root {self.data_root} --readme - "
        options += "--report - --notebook nb.ipynb --results runs"
        return subprocess.Popen(
            [sys.executable, str(DRIVE), *options.split(), *arguments],
            cwd=self.folder,
            env=os.environ | {"BGAD_TEST_MARK": self.mark} | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def finish(self, *arguments: str, status: int = 0) -> tuple[str, str]:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=600)
        assert process.returncode == status, err
        return out, err

    def processes(self, kind: str = "") -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            try:
                marked = process.environ().get("BGAD_TEST_MARK") == self.mark
                if marked and KINDS.get(kind, "") in " ".join(process.cmdline()):
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def wait_for(self, condition, seconds: float = 300) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def stamps(self) -> dict[Path, int]:
        """Time of each finished cell's file."""
        return {
            self.store.path(result.cell): self.store.path(result.cell).stat().st_mtime_ns
            for result in self.store.results()
        }

    def kill(self, kind: str) -> None:
        if victims := self.processes(kind):
            victim = random.choice(victims)
            try:
                victim.kill()
            except psutil.NoSuchProcess:
                return

    def nothing_is_left(self, seconds: float = 10) -> bool:
        deadline = time.monotonic() + seconds
        while self.processes() and time.monotonic() < deadline:
            time.sleep(0.05)
        return not self.processes()


@pytest.fixture
def run(tmp_path, data_root):
    run = Run(tmp_path, data_root)
    yield run
    for process in run.processes():
        process.kill()


def test_a_grid_with_a_failing_cell_then_without(run):
    run.parameters(fails="raise1")
    grid = ("--categories", "widget", "--shots", "0", "--seeds", "0", "1", "--jobs", "1")
    out, err = run.finish(*grid, status=1)
    assert "2 cells: 0 were there, 1 computed, 1 failed" in out
    assert "FAILED widget, general, 0 shots, seed 1: RuntimeError: no luck with seed 1" in err
    (path,) = run.store.root.rglob("*.failed.json")
    failure = Failure.model_validate_json(path.read_bytes())
    assert failure.attempts == 1
    assert "RuntimeError: no luck" in (run.store.root / failure.log).read_text()
    assert list(run.store.root.glob("notebooks/toy/*.failed.ipynb"))

    run.parameters()
    out, _ = run.finish(*grid)
    assert "2 cells: 0 were there, 2 computed, 0 failed" in out
    assert len(run.stamps()) == 2
    assert list(run.store.root.rglob("*.failed.json")) == []
    (path,) = run.store.root.glob("notebooks/toy/widget_general_*_to_*.ipynb")
    executed = nbformat.read(path, 4)
    assert [cell.execution_count for cell in executed.cells] == [1, 2, 3]
    assert run.nothing_is_left()


def test_a_run_survives_the_death_of_any_of_its_processes(run):
    run.parameters(seconds=2.0)  # long enough to be interrupted on a busy machine
    grid = ("--seeds", "0", "1", "2", "--shots", "0")
    driver = run.start(*grid, "--jobs", "2")
    run.wait_for(lambda: len(run.stamps()) >= 1)
    run.kill("kernel")
    run.wait_for(lambda: len(run.stamps()) >= 2)
    os.killpg(driver.pid, signal.SIGINT)  # what Ctrl-C does
    _, err = driver.communicate(timeout=30)
    assert driver.returncode == 130, err
    assert len(run.stamps()) < 6  # it waited for no further cell
    assert "the same command continues" in err
    assert run.nothing_is_left()

    before = run.stamps()
    driver = run.start(*grid, "--jobs", "2")
    run.wait_for(lambda: len(run.stamps()) > len(before))
    run.kill("worker")
    run.wait_for(lambda: run.processes("kernel"))
    driver.kill()
    driver.wait()
    assert run.nothing_is_left()

    before = before | run.stamps()
    out, _ = run.finish(*grid, "--jobs", "2")
    assert f"6 cells: {len(before)} were there" in out
    assert len(run.stamps()) == 6
    assert before.items() <= run.stamps().items()
    assert list(run.store.root.rglob(".*.tmp")) == []


@pytest.mark.slow
def test_twenty_rounds_of_death_at_random_moments(run):
    run.parameters(seconds=0.2)
    grid = ("--seeds", *map(str, range(20)), "--shots", "0", "1", "--jobs", "2")
    chance = random.Random(0)
    before: dict[Path, int] = {}
    for _ in range(20):
        driver = run.start(*grid)
        time.sleep(chance.uniform(0, 20))
        victim = chance.choice(["driver", "worker", "child", "kernel"])
        if victim != "driver":
            run.kill(victim)
            time.sleep(chance.uniform(0, 5))
        driver.kill()
        driver.communicate()
        assert run.nothing_is_left()
        assert before.items() <= run.stamps().items()
        before = run.stamps()
    run.finish(*grid)
    assert len(run.stamps()) == 80
    assert before.items() <= run.stamps().items()
    results = list(run.store.results())
    assert len({result.cell for result in results}) == 80
    for result in results:
        assert run.store.read_curves(result)["seed"] == result.cell.seed


def test_a_second_run_in_the_same_folder_is_refused(run):
    run.parameters(seconds=30)
    first = run.start("--categories", "widget", "--shots", "0", "--jobs", "1")
    run.wait_for(lambda: "process" in _text(run.store.root / ".run"))
    _, err = run.finish("--categories", "widget", "--shots", "0", status=2)
    assert "another run is using this folder" in err
    first.kill()
    first.communicate()


def test_a_full_disk_loses_nothing_and_says_so(run, small_disk):
    disk = small_disk(run.store.root, "64k")
    grid = ("--categories", "widget", "--shots", "0", "--seeds", *map(str, range(12)))
    out, err = run.finish(*grid, "--jobs", "1", status=1)
    assert "No space left on device" in err
    assert "Traceback" not in out + err
    before = run.stamps()
    assert 0 < len(before) < 12
    subprocess.run(["mount", "-o", "remount,size=1m", str(disk)], check=True)
    run.finish(*grid, "--jobs", "1")
    assert len(run.stamps()) == 12
    assert before.items() <= run.stamps().items()
    assert list(disk.rglob(".*.tmp")) == []


def test_a_read_only_folder_is_refused_in_one_line(run, small_disk):
    disk = small_disk(run.store.root, "64k")
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    _, err = run.finish("--shots", "0", status=2)
    assert err.count("\n") == 1
    assert "runs: cannot be written (Read-only file system): give another --results folder" in err


@pytest.mark.slow
def test_a_cell_that_dies_or_takes_too_much_memory_stops_no_other(run):
    run.parameters(fails="die1 gorge2")
    _, err = run.finish(
        *("--categories", "widget", "--shots", "0", "--seeds", "0", "1", "2", "3"),
        *("--jobs", "2", "--memory-limit", "500MB"),
        status=1,
    )
    assert "seed 1: the notebook's kernel was killed" in err
    assert "seed 2: needed more than the 0.5 GB of memory" in err
    assert sorted(result.cell.seed for result in run.store.results()) == [0, 3]


@pytest.mark.slow
@pytest.mark.parametrize("shared", [True, False])
def test_workers_at_an_existing_scheduler(run, tmp_path, shared, monkeypatch):
    """Scheduler and workers are processes of their own, which see the results folder or do not."""
    dask = Path(sys.executable).with_name("dask")
    marked = os.environ | {"BGAD_TEST_MARK": run.mark}
    scheduler = [dask, "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    file = tmp_path / "scheduler.json"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": marked}
    subprocess.Popen([*scheduler, "--scheduler-file", file], cwd=tmp_path, **quiet)
    run.wait_for(file.is_file)
    address = json.loads(file.read_text())["address"]
    worker = [dask, "worker", address, "--nthreads", "1", "--no-dashboard"]
    worker += ["--local-directory", str(tmp_path / "dask")]
    if not shared:
        preload = tmp_path / "elsewhere.py"
        preload.write_text(
            "from benchmark.run import jobs\njobs._shares_results_folder = lambda job: False\n"
        )
        worker += ["--preload", str(preload)]
    for _ in range(2):
        subprocess.Popen(worker, cwd=tmp_path, **quiet)
    grid = ("--shots", "0", "--seeds", "0", "1", "2", "--cluster", address)
    if shared:
        run.parameters(seconds=0.5)
        driver = run.start(*grid)
        run.wait_for(lambda: len(run.stamps()) >= 2)
        driver.send_signal(signal.SIGINT)
        driver.communicate(timeout=60)
        assert driver.returncode == 130
        run.wait_for(lambda: not run.processes("kernel"), 15)  # not wanted any more
    before = run.stamps()
    out, _ = run.finish(*grid)
    assert f"6 cells: {len(before)} were there" in out
    assert len(run.stamps()) == 6
    assert before.items() <= run.stamps().items()
    assert list(run.store.root.glob("notebooks/toy/widget_*.log"))


SBATCH = """#!/bin/sh
grep '^#SBATCH' "$1" >> {folder}/asked
cp "$1" "{folder}/job-$$"
/bin/bash "{folder}/job-$$" >> {folder}/slurm.log 2>&1 &
echo "Submitted batch job $!"
"""


@pytest.mark.slow
def test_workers_from_slurm(run, tmp_path):
    """With an sbatch that starts the job script at once, on this machine."""
    commands = tmp_path / "bin"
    commands.mkdir()
    for name, text in {"sbatch": SBATCH, "scancel": '#!/bin/sh\nkill "$1"\n'}.items():
        (commands / name).write_text(text.format(folder=tmp_path) if name == "sbatch" else text)
        (commands / name).chmod(0o755)
    (tmp_path / "slurm.yaml").write_text(
        "queue: long\ncores: 1\nprocesses: 1\nmemory: 2GB\nwalltime: '01:00:00'\ninterface: lo\n"
    )
    driver = run.start(
        *("--cluster", "slurm", "--slurm-config", "slurm.yaml", "--jobs", "2"),
        *("--shots", "0", "--seeds", "0", "1"),
        PATH=f"{commands}{os.pathsep}{os.environ['PATH']}",
    )
    out, err = driver.communicate(timeout=600)
    assert driver.returncode == 0, err
    assert "4 cells: 0 were there, 4 computed, 0 failed" in out
    asked = (tmp_path / "asked").read_text()
    assert asked.count("#SBATCH -p long\n") == 2
    assert asked.count("#SBATCH --mem=2G\n") == 2
    assert run.nothing_is_left(30)


@pytest.mark.parametrize(
    ("yaml", "sbatch", "message"),
    [
        ("cores: 1\nmemory: 1GB\n", None, "no command 'sbatch' here"),
        (
            "cores: 1\nmemory: 1GB\n",
            "#!/bin/sh\necho no such queue >&2; exit 1\n",
            "sbatch refused",
        ),
        ("nonsense: 1\ncores: 1\nmemory: 1GB\n", "#!/bin/sh\n", "nonsense"),
        ("cores: {", "#!/bin/sh\n", "does not describe a Slurm cluster"),
    ],
)
def test_slurm_that_cannot_be_used(tmp_path, monkeypatch, yaml, sbatch, message):
    if sbatch:
        (tmp_path / "sbatch").write_text(sbatch)
        (tmp_path / "sbatch").chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    (tmp_path / "slurm.yaml").write_text(yaml)
    with (
        pytest.raises(InputError, match=message),
        cluster.connect("slurm", 1, None, tmp_path / "slurm.yaml"),
    ):
        pass


@pytest.mark.parametrize(
    ("squeue", "ended"),
    [
        ("exit 0", True),
        ("echo slurm_load_jobs error: Invalid job id specified >&2; exit 1", True),
        ("echo 17 normal bgad me PD 0:00 1", False),
        ("echo cannot reach the controller >&2; exit 1", False),
    ],
)
def test_jobs_that_slurm_has_ended_are_noticed(tmp_path, monkeypatch, squeue, ended):
    commands = {"sbatch": "echo Submitted batch job 17", "scancel": "exit 0", "squeue": squeue}
    for name, text in commands.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    (tmp_path / "slurm.yaml").write_text("cores: 1\nmemory: 1GB\ninterface: lo\n")
    problem = pytest.raises(InputError, match="has ended all 1 jobs") if ended else nullcontext()
    with problem, cluster.connect("slurm", 1, None, tmp_path / "slurm.yaml") as client:
        cluster.check_slurm(client)


def test_strangers_are_kept_out_of_local_workers():
    """As any user of a machine can reach its ports, who asks must hold this run's certificate."""
    with cluster.connect(None, 1, 10**9) as client:
        addresses = [client.scheduler.address, *client.nthreads()]
        assert all(address.startswith("tls://127.0.0.1:") for address in addresses)
        assert client.submit(sum, [1, 2]).result() == 3
        for scheme in ("tcp", "tls"):
            stranger = addresses[0].replace("tls", scheme)
            with pytest.raises((OSError, TypeError)):
                Client(stranger, timeout=2)
        ours = psutil.Process()
        listening = [
            connection.laddr.ip
            for process in (ours, *ours.children(recursive=True))
            for connection in process.net_connections()
            if connection.status == psutil.CONN_LISTEN
        ]
        assert set(listening) == {"127.0.0.1"}


def test_workers_that_are_slow_to_close_only_give_a_warning(monkeypatch):
    def slow(self, timeout=None):
        raise TimeoutError

    with (
        pytest.warns(UserWarning, match="slow to close"),
        cluster.connect(None, 1, 10**9) as client,
    ):
        workers = client.cluster
        monkeypatch.setattr(type(workers), "close", slow)
    monkeypatch.undo()
    workers.close()


def test_no_scheduler_at_the_address(monkeypatch):
    monkeypatch.setattr(cluster, "_TIMEOUT", 0.5)
    with (
        pytest.raises(InputError, match="no Dask scheduler answers there"),
        cluster.connect("tcp://127.0.0.1:9", 1, None),
    ):
        pass


@pytest.mark.slow
def test_five_hundred_cells_through_the_scheduler(run):
    seeds = map(str, range(125))
    started = time.monotonic()
    out, _ = run.finish("--shots", "0", "1", "--seeds", *seeds, "--jobs", "2")
    seconds = time.monotonic() - started
    assert "500 cells: 0 were there, 500 computed, 0 failed" in out
    assert len(run.stamps()) == 500
    print(f"{seconds:.0f} s, {1000 * seconds / 500:.0f} ms a cell")


def _text(path: Path) -> str:
    return path.read_text() if path.is_file() else ""
