"""The runner's bookkeeping, with workers that only pretend."""

import subprocess
import sys

import instant
import pytest
from distributed import Client, LocalCluster
from instant import make_result

from benchmark.protocol.cells import Cell
from benchmark.protocol.profiles import Profile
from benchmark.protocol.schema import Failure
from benchmark.results.provenance import now
from benchmark.results.store import Store, to_json
from benchmark.run import runner as running
from benchmark.run.jobs import Job, Outcome
from benchmark.run.plan import Request, plan
from benchmark.run.progress import Display
from benchmark.run.runner import Runner, hold
from bgad.errors import InputError

PROFILE = Profile("p", "instant", source="p.yaml")

pytestmark = pytest.mark.filterwarnings("ignore:.*lacks the first 10")


@pytest.fixture(scope="module")
def client():
    with (
        LocalCluster(
            n_workers=1, threads_per_worker=2, processes=False, dashboard_address="127.0.0.1:0"
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


@pytest.fixture
def run(client, data_root, tmp_path, monkeypatch):
    """Run 2 categories x 3 seeds with a pretended `run_job`; return failures, jobs and store."""
    store = Store(tmp_path / "runs")
    request = Request(PROFILE, "toy", data_root, [], [1], [0, 1, 2])

    def run(pretend, rerun=False):
        jobs = []

        def run_job(job):
            jobs.append(job)
            return pretend(job, store, jobs)

        monkeypatch.setattr(instant, "pretended", [run_job])
        monkeypatch.setattr(running, "run_job", instant.run_pretended)
        runner = Runner(client, request, store, tmp_path / "nb.ipynb", "token")
        planned = plan(request, store)
        todo = [cell for cell in planned if rerun or not cell.done]
        runner.run(todo, Display(len(planned)))
        return {(c.category, c.seed): cause for c, cause in runner.failed.items()}, jobs, store

    return run


def cells_of(job: Job):
    return [(Cell(**fields), key) for fields, key in zip(job.cells, job.keys, strict=True)]


def finish(job: Job, store: Store) -> Outcome:
    for cell, key in cells_of(job):
        store.write(make_result(cell, key))
    return Outcome()


def test_each_category_is_one_job(run):
    failed, jobs, store = run(lambda job, store, jobs: finish(job, store))
    assert failed == {}
    assert [len(job.cells) for job in jobs] == [3, 3]
    assert {job.parameters["category"] for job in jobs} == {"gadget", "widget"}
    assert len(list(store.results())) == 6


def test_what_is_there_is_not_run_again(run):
    run(lambda job, store, jobs: finish(job, store))
    failed, jobs, _ = run(lambda job, store, jobs: finish(job, store))
    assert (failed, jobs) == ({}, [])


def test_a_cell_that_raises_does_not_stop_the_others(run):
    def pretend(job, store, jobs):
        for cell, key in cells_of(job):
            if (cell.category, cell.seed) == ("widget", 1):
                return Outcome("ValueError: broke")
            store.write(make_result(cell, key))
        return Outcome()

    failed, jobs, store = run(pretend)
    assert failed.keys() == {("widget", 1)}
    assert "ValueError: broke" in failed["widget", 1]
    assert ".log" in failed["widget", 1]
    assert len(list(store.results())) == 5
    assert len(jobs) == 3  # both categories, then what was left of one


def test_failures_that_a_notebook_records_are_not_run_again_at_once(run):
    def pretend(job, store, jobs):
        for cell, key in cells_of(job):
            if cell.seed == 1:
                store.record_failure(cell, key, "ValueError: broke")
            else:
                store.write(make_result(cell, key))
        return Outcome()

    failed, jobs, _ = run(pretend)
    assert failed.keys() == {("gadget", 1), ("widget", 1)}
    assert len(jobs) == 2


def test_what_died_is_tried_three_times_alone_and_then_left(run):
    def pretend(job, store, jobs):
        for cell, key in cells_of(job):
            if (cell.category, cell.seed) == ("widget", 1):
                return Outcome("killed", died=True)
            store.write(make_result(cell, key))
        return Outcome()

    failed, jobs, store = run(pretend)
    assert failed.keys() == {("widget", 1)}
    alone = [job for job in jobs if [cell.seed for cell, _ in cells_of(job)] == [1]]
    assert len(alone) == 2  # and once in its group
    ((cell, key),) = cells_of(alone[0])
    assert store.failure(cell, key).attempts == 3
    assert len(list(store.results())) == 5


def test_what_died_once_is_finished(run):
    def pretend(job, store, jobs):
        return Outcome("killed", died=True) if len(jobs) <= 2 else finish(job, store)

    failed, _, store = run(pretend)
    assert failed == {}
    assert len(list(store.results())) == 6
    assert list(store.root.rglob("*.failed.json")) == []


def test_a_notebook_that_ends_without_results_is_a_failure(run):
    failed, jobs, _ = run(lambda job, store, jobs: Outcome())
    assert len(failed) == 6
    assert len(jobs) == 2
    assert all("without its result" in cause for cause in failed.values())


def test_files_come_back_from_workers_that_share_no_folder(run):
    def pretend(job, store, jobs):
        files = {"notebooks/toy/executed.ipynb": b"{}"}
        for (cell, key), path in zip(cells_of(job), job.paths, strict=True):
            if cell.seed == 2:
                failure = Failure(
                    key=key, cell=cell, error="no", log=None, attempts=1, finished=now()
                )
                files[path.replace(".json", ".failed.json")] = to_json(failure)
            else:
                files[path] = to_json(make_result(cell, key))
        return Outcome(files=files)

    failed, _, store = run(pretend)
    assert failed.keys() == {("gadget", 2), ("widget", 2)}
    assert len(list(store.results())) == 4
    assert (store.root / "notebooks/toy/executed.ipynb").read_bytes() == b"{}"
    failed, _, store = run(pretend)
    failures = [
        Failure.model_validate_json(path.read_bytes()) for path in store.root.rglob("*.failed.json")
    ]
    assert [failure.attempts for failure in failures] == [2, 2]


def test_results_that_are_run_again_stay_until_their_successors_are_there(run):
    run(lambda job, store, jobs: finish(job, store))
    there = []

    def pretend(job, store, jobs):
        there.append(len(list(store.results())))
        if len(jobs) == 1:
            return Outcome("killed", died=True)
        if any(cell.seed == 1 for cell, _ in cells_of(job)):
            return Outcome("ValueError: broke")
        for fields in job.cells:
            cell = Cell(**fields)
            store.write(make_result(cell, store.read(cell).key, value=0.75))
        return Outcome()

    failed, jobs, store = run(pretend, rerun=True)
    assert there == [6] * len(jobs)
    assert {seed for _, seed in failed} >= {1}
    new = {r.cell for r in store.results() if r.metrics["paper"].image_ap == 0.75}
    assert {(c.category, c.seed) for c in new} | failed.keys() == {
        (category, seed) for category in ("gadget", "widget") for seed in range(3)
    }
    assert not {(c.category, c.seed) for c in new} & failed.keys()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (["t/cam/general/shots-0_seed-0.json"], ["t/cam-2/general/shots-0_seed-0.json"]),
        (
            ["t/cam/general/shots-0_seed-0.json", "t/cam/general/shots-0_seed-2.json"],
            [f"t/cam/general/shots-0_seed-{seed}.json" for seed in range(3)],
        ),
        (["t/c/hard/a_b/shots-0_seed-0.json"], ["t/c/hard/a/b_shots-0_seed-0.json"]),
    ],
)
def test_no_two_groups_write_one_notebook(one, other):
    names = {running.notebook_name(paths) for paths in (one, other, one)}
    assert len(names) == 2


def test_a_notebooks_name_says_what_is_in_it():
    paths = [f"t/cam/general/shots-{k}_seed-0.json" for k in (0, 5, 10)]
    name = running.notebook_name(paths)
    assert name.startswith("cam_general_shots-0_seed-0_to_shots-10_seed-0_")


def test_a_full_disk_is_a_cause_not_a_crash(run, monkeypatch):
    def full(*arguments, **keywords):
        raise OSError(28, "No space left on device", "runs/x.json")

    monkeypatch.setattr(running, "write_atomically", full)
    monkeypatch.setattr(Store, "record_failure", full)
    failed, _, _ = run(lambda job, store, jobs: Outcome(files={"toy/x.json": b"{}"}))
    assert len(failed) == 6
    assert all("No space left on device" in cause for cause in failed.values())


def test_two_runs_cannot_hold_one_folder(tmp_path):
    code = (
        "import sys; from pathlib import Path; from benchmark.run.runner import hold\n"
        "from bgad.errors import InputError\n"
        "try:\n"
        "    with hold(Path(sys.argv[1])): print('held')\n"
        "except InputError as error: print(error)"
    )

    def other():
        command = [sys.executable, "-c", code, str(tmp_path / "runs")]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    with hold(tmp_path / "runs") as token:
        assert token in (tmp_path / "runs/.run").read_text()
        assert "another run is using this folder (process " in other()
    assert other() == "held\n"


def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(InputError, match="cannot be written"), hold(tmp_path / "runs"):
        pass
