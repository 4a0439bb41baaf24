"""What a worker does with a job, apart from Dask."""

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import nbformat
import psutil
import pytest
from instant import make_result

from benchmark.protocol.cells import Cell
from benchmark.results.store import Store
from benchmark.run import jobs
from benchmark.run.execute import execute
from benchmark.run.jobs import Job, Outcome

CELLS = [Cell("toy", "widget", "general", 0, seed, "p") for seed in range(3)]


def job_for(results, token="token") -> Job:
    store = Store(results)
    return Job(
        notebook="nb.ipynb",
        parameters={},
        cells=tuple({"seed": cell.seed} for cell in CELLS),
        keys=("a", "b", "c"),
        paths=tuple(str(store.path(cell).relative_to(store.root)) for cell in CELLS),
        results=str(results),
        token=token,
        output="notebooks/toy/widget.ipynb",
    )


@pytest.fixture
def requests(monkeypatch):
    """What is asked of the child process, which is not started."""
    seen = []

    class Child:
        def __init__(self, command, stdin, stdout, stderr, env, **keywords):
            self.stdin, self.stdout, self.returncode = self, self, 0
            self.environment = env

        def write(self, text):
            seen.append(json.loads(text) | {"environment": self.environment})

        def close(self):
            return None

        def read(self):
            return '{"error": null, "died": false}'

        def wait(self):
            return 0

        def poll(self):
            return 0

    monkeypatch.setattr(jobs, "subprocess", SimpleNamespace(Popen=Child, PIPE=None))
    monkeypatch.setattr(jobs, "_watch", lambda child: None)
    return seen


def test_cells_that_are_there_are_left_out(tmp_path, requests):
    (tmp_path / ".run").write_text("process 1, run token")
    store = Store(tmp_path)
    store.write(make_result(CELLS[0], "a"))
    store.write(make_result(CELLS[1], "of another profile"))
    store.path(CELLS[2]).write_text("torn")
    assert jobs.run_job(job_for(tmp_path)) == Outcome()
    assert [cell["seed"] for cell in requests[0]["parameters"]["cells"]] == [1, 2]
    assert requests[0]["parameters"]["results"] == str(tmp_path)


def test_what_is_to_be_replaced_is_computed_though_it_is_there(tmp_path, requests):
    (tmp_path / ".run").write_text("process 1, run token")
    Store(tmp_path).write(make_result(CELLS[0], "a"))
    jobs.run_job(replace(job_for(tmp_path), keys=(None, "b", "c")))
    assert [cell["seed"] for cell in requests[0]["parameters"]["cells"]] == [0, 1, 2]


def test_nothing_is_started_where_all_is_there(tmp_path, requests):
    (tmp_path / ".run").write_text("process 1, run token")
    for cell, key in zip(CELLS, "abc", strict=True):
        Store(tmp_path).write(make_result(cell, key))
    assert jobs.run_job(job_for(tmp_path)) == Outcome()
    assert requests == []


def test_without_the_driver_s_folder_a_scratch_one_is_used_and_sent(tmp_path, requests):
    outcome = jobs.run_job(job_for(tmp_path / "not here"))
    used = requests[0]["parameters"]["results"]
    assert used != str(tmp_path / "not here")
    assert not os.path.exists(used)
    assert outcome.files == {"notebooks/toy/widget.log": b""}


def test_children_have_one_thread_and_the_usual_allocator(tmp_path, requests, monkeypatch):
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "65536")
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    jobs.run_job(job_for(tmp_path))
    environment = requests[0]["environment"]
    assert environment["OMP_NUM_THREADS"] == environment["MKL_NUM_THREADS"] == "1"
    assert "MALLOC_TRIM_THRESHOLD_" not in environment


def test_a_child_dies_with_its_parent(tmp_path):
    code = (
        "import os, subprocess, sys, time\n"
        "child = 'import sys, time; from benchmark.run.execute import die_with_parent; '"
        "'die_with_parent(int(sys.argv[1])); print(flush=True); time.sleep(60)'\n"
        "process = subprocess.Popen([sys.executable, '-c', child, str(os.getpid())], "
        "stdout=subprocess.PIPE)\n"
        "process.stdout.readline()\n"
        "print(process.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.communicate()
    deadline = time.monotonic() + 10
    while child.is_running() and child.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_notebook_is_executed_beside_its_failed_copy(tmp_path):
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [
        nbformat.v4.new_code_cell("wrong = False", metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell("assert not wrong, 'told so'\nprint('<b>fine</b>')"),
    ]
    nbformat.write(notebook, tmp_path / "nb.ipynb")
    output = tmp_path / "out/nb.ipynb"
    error, died = execute(tmp_path / "nb.ipynb", output, {"wrong": True})
    assert (error, died) == ("AssertionError: told so", False)
    assert os.listdir(output.parent) == ["nb.failed.ipynb"]
    assert execute(tmp_path / "nb.ipynb", output, {}) == (None, False)
    assert os.listdir(output.parent) == ["nb.ipynb"]
    assert nbformat.read(output, 4).cells[-1].outputs[0].text == "<b>fine</b>\n"


def test_paths_may_hold_braces(tmp_path):
    folder = tmp_path / "{cells} {0}"
    folder.mkdir()
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("print(1)")])
    nbformat.write(notebook, folder / "n{b}.ipynb")
    assert execute(folder / "n{b}.ipynb", folder / "out}.ipynb", {}) == (None, False)
    assert (folder / "out}.ipynb").is_file()


def test_kernels_are_this_interpreter_and_start_nothing_of_the_user(tmp_path, monkeypatch):
    kernel = tmp_path / "jupyter/kernels/python3"
    kernel.mkdir(parents=True)
    argv = {"argv": ["false"], "display_name": "another", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(argv))
    startup = tmp_path / "ipython/profile_default/startup"
    startup.mkdir(parents=True)
    (startup / "mine.py").write_text("foreign = 1\n")
    (tmp_path / "mine.py").write_text("foreign = 1\n")
    code = "import sys\nassert 'foreign' not in globals()\nprint(sys.executable)"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    nbformat.write(notebook, tmp_path / "nb.ipynb")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("PYTHONSTARTUP", str(tmp_path / "mine.py"))
    request = {"parent": os.getpid(), "notebook": str(tmp_path / "nb.ipynb"), "parameters": {}}
    request["output"] = str(tmp_path / "out.ipynb")
    with (tmp_path / "log").open("w") as log:
        answer, _ = jobs.start_child(log).communicate(json.dumps(request), timeout=120)
    assert json.loads(answer) == {"error": None, "died": False}, (tmp_path / "log").read_text()
    executed = nbformat.read(tmp_path / "out.ipynb", 4)
    assert executed.cells[0].outputs[0].text.strip() == sys.executable


@pytest.mark.parametrize(("length", "transport"), [(0, "ipc"), (120, "tcp")])
def test_kernels_that_start_at_once_want_no_port(tmp_path, monkeypatch, length, transport):
    with tempfile.TemporaryDirectory() as short:
        folder = Path(short, "x" * length)
        folder.mkdir(exist_ok=True)
        monkeypatch.setattr(tempfile, "tempdir", str(folder))
        check_transport(tmp_path, transport)
        assert not os.listdir(folder)


def check_transport(tmp_path, transport):
    code = "import json, ipykernel.connect as c\nprint(json.loads(c.get_connection_info())"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(f"{code}['transport'])")])
    nbformat.write(notebook, tmp_path / "nb.ipynb")
    assert execute(tmp_path / "nb.ipynb", tmp_path / "out.ipynb", {}) == (None, False)
    executed = nbformat.read(tmp_path / "out.ipynb", 4)
    assert executed.cells[0].outputs[0].text.strip() == transport


def test_a_missing_notebook_is_an_error(tmp_path):
    error, died = execute(tmp_path / "absent.ipynb", tmp_path / "out.ipynb", {})
    assert "absent.ipynb" in error
    assert not died
