"""The command `run`, as far as nothing runs: contract, refusals, tables."""

import os
from pathlib import Path

import instant
import pytest

from benchmark import __main__ as program
from benchmark.commands import run as command
from benchmark.protocol.cells import Cell
from benchmark.protocol.profiles import load_profile
from benchmark.results.store import Store
from benchmark.run import plan
from bgad.errors import InputError

README = "# Mine\n\n<!-- begin:results-toy -->\n<!-- end:results-toy -->\n"


@pytest.fixture
def main(data_root, tmp_path, monkeypatch):
    """Run the command on the tiny data set; everything it writes goes to a temporary folder."""
    (tmp_path / "p.yaml").write_text("method: instant\n")
    (tmp_path / "README.md").write_text(README)
    for module in (command, plan):
        monkeypatch.setattr(module, "PUBLISHED", tmp_path / "published")
    monkeypatch.setattr(command, "RUNS", tmp_path / "runs")

    def main(*arguments: str) -> int:
        defaults = {
            "--dataset": "toy",
            "--data-root": data_root,
            "--profile": tmp_path / "p.yaml",
            "--readme": tmp_path / "README.md",
            "--report": "-",
            "--shots": "1",
            "--seeds": "0",
        }
        given = [str(a) for pair in defaults.items() if pair[0] not in arguments for a in pair]
        return program.main(["run", *given, *arguments])

    return main


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "runs/p")


def store_all(main, store: Store, capsys) -> list[Cell]:
    """Store a result for each cell of the default request."""
    profile = load_profile(str(store.root.parents[1] / "p.yaml"))
    asked = plan.Request(profile, "toy", store.root.parents[1] / "data", [], [1], [0])
    planned = plan.plan(asked, store)
    for cell in planned:
        store.write(instant.make_result(cell.cell, cell.key, profile=profile))
    return [cell.cell for cell in planned]


def test_dry_run_lists_what_would_run_and_writes_nothing(main, store, tmp_path, capsys):
    store_all(main, store, capsys)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert main("--dry-run", "--seeds", "0", "1", "--jobs", "2") == 0
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines[:4]] == [
        "there    gadget",
        "to run   gadget",
        "there    widget",
        "to run   widget",
    ]
    assert lines[4] == "4 cells, 2 to run: about 0:00:01 with 2 jobs."


def test_when_all_is_there_nothing_runs_and_the_tables_are_made(main, store, tmp_path, capsys):
    store_all(main, store, capsys)
    assert main() == 0
    out = capsys.readouterr().out
    assert "2 cells: 2 were there, 0 computed, 0 failed" in out
    assert "Gadget" in out
    assert "2 cells stand behind these tables" in (tmp_path / "README.md").read_text()


def test_tables_only_needs_no_data(main, store, tmp_path, capsys):
    store_all(main, store, capsys)
    assert main("--tables-only", "--data-root", str(tmp_path / "absent")) == 0
    assert "2 cells stand behind these tables" in (tmp_path / "README.md").read_text()


def test_a_report_is_written_into_the_results_or_elsewhere(main, store, tmp_path, capsys):
    store_all(main, store, capsys)
    elsewhere = tmp_path / "elsewhere"
    assert main("--tables-only", "--report", str(elsewhere)) == 0
    assert f"Report: {elsewhere / 'index.html'}" in capsys.readouterr().out
    assert (elsewhere / "toy" / "widget.html").is_file()
    assert not (store.root / "report").exists()


def test_publish_copies_what_this_profile_gave(main, store, tmp_path, capsys):
    cells = store_all(main, store, capsys)
    old = instant.make_result(Cell("toy", "gadget", "general", 5, 0, "p"))
    other = old.config.model_copy(update={"profile_hash": "of other parameters"})
    store.write(old.model_copy(update={"config": other}))
    assert main("--publish") == 0
    published = Store(tmp_path / "published/p")
    assert [result.cell for result in published.results()] == cells
    for cell in cells:
        assert published.path(cell).read_bytes() == store.path(cell).read_bytes()


def test_a_run_is_held_against_the_published_one(main, store, capsys):
    store_all(main, store, capsys)
    main("--publish")
    capsys.readouterr()
    assert main() == 0
    assert "**reproduced**" in capsys.readouterr().out


def test_cells_that_were_given_up_are_named(main, store, capsys):
    cells = store_all(main, store, capsys)
    key = store.read(cells[0]).key
    store.path(cells[0]).unlink()
    for _ in range(3):
        store.record_failure(cells[0], key, "ValueError: broke")
    assert main() == 1
    err = capsys.readouterr().err
    assert "FAILED gadget, general, 1 shots, seed 0: ValueError: broke (given up after 3" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--categories", "dent"], "unknown category 'dent'"),
        (["--data-root", "absent"], "absent: no such folder"),
        (["--data-root", "{root}/published"], "published: no such folder"),
        (["--shots", "9"], "9 shots are more than its 5 anomalies"),
        (["--shots", "-3"], "shots must be an integer >= 0"),
        (["--profile", "nothing"], "unknown profile 'nothing'"),
        (["--results", "{root}/README.md"], "cannot be written"),
        (["--readme", "{root}/absent.md"], "cannot be read as a document"),
        (["--readme", "{root}/p.yaml"], "holds no block"),
        (["--dataset", "../toy"], "dataset must be usable as the name of a folder"),
    ],
)
def test_what_cannot_be_served_ends_with_one_message_and_status_2(
    main, tmp_path, capsys, arguments, message
):
    arguments = [argument.format(root=tmp_path) for argument in arguments]
    assert main(*arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    said = [line for line in captured.err.splitlines() if not line.startswith("warning: ")]
    (line,) = (line for line in said if "looking at the images" not in line)
    assert line.startswith("benchmark run: ")
    assert message in line


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda c: (c / "ground_truth/crack/001_mask.png").unlink(), "crack/001.png: has no mask"),
        (lambda c: (c / "train/good/000.png").write_bytes(b"no image"), "train/good/000.png"),
        (lambda c: [p.unlink() for p in (c / "train/good").iterdir()], "holds no image"),
    ],
)
def test_damaged_data_is_refused_and_nothing_finished_is_lost(
    main, store, category, capsys, damage, message
):
    cells = store_all(main, store, capsys)
    damage(category)
    assert main("--rerun") == 2
    assert message in capsys.readouterr().err
    assert [result.cell for result in store.results()] == cells


def test_results_of_another_profile_are_not_mixed_in(main, store, tmp_path, capsys):
    store_all(main, store, capsys)
    (tmp_path / "q.yaml").write_text("method: instant\n")
    assert main("--profile", str(tmp_path / "q.yaml"), "--results", str(store.root)) == 2
    assert "another --results folder" in capsys.readouterr().err


def test_missing_weights_end_with_status_2(main, tmp_path, capsys):
    (tmp_path / "w.yaml").write_text("model: {weights: absent.pth, image_size: 64}\n")
    assert main("--profile", str(tmp_path / "w.yaml")) == 2
    assert "profile w: " in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [["--jobs", "0"], ["--setting", "soft"], ["--nonsense"], ["--memory-limit", "much"]],
)
def test_options_are_checked(main, arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(*arguments)
    assert caught.value.code == 2


def test_all_promised_options_are_there(capsys):
    with pytest.raises(SystemExit) as caught:
        program.main(["run", "--help"])
    assert caught.value.code == 0
    usage = capsys.readouterr().out
    promised = (
        "profile dataset data-root categories shots seeds setting results readme jobs cluster "
        "dry-run rerun tables-only publish"
    )
    assert all(f"--{name}" in usage for name in promised.split())


def test_a_study_is_all_its_profiles_each_in_a_folder_of_its_own(
    main, monkeypatch, tmp_path, data_root, capsys
):
    asked = ["--dataset", "toy", "--data-root", str(data_root), "--readme", "-", "--shots", "1"]
    asked += ["--study", "fidelity", "--dry-run"]
    seen = []
    monkeypatch.setattr(command, "plan", lambda request, store: seen.append((request, store)) or ())
    assert program.main(["run", *asked, "--results", str(tmp_path / "r")]) == 0
    names = [request.profile.name for request, _ in seen]
    assert "best-on-test" in names and "push-only" not in names
    assert {request.profile.study for request, _ in seen} == {"fidelity"}
    assert [store.root for _, store in seen] == [tmp_path / "r" / name for name in names]
    assert program.main(["run", *asked, "--profile", "cpu"]) == 2
    assert "give one of the two" in capsys.readouterr().err


def test_controls_are_chosen_where_they_are_run(main, monkeypatch, data_root, capsys):
    asked = ["--dataset", "toy", "--data-root", str(data_root), "--readme", "-", "--dry-run"]
    asked += ["--controls", "shuffled_labels"]
    seen = []
    monkeypatch.setattr(command, "plan", lambda request, store: seen.append(request) or ())
    assert program.main(["run", *asked, "--setting", "control"]) == 0
    assert seen[0].controls == ["shuffled_labels"]
    assert program.main(["run", *asked]) == 2
    assert "--controls belongs to --setting control" in capsys.readouterr().err


def test_a_study_ends_with_its_own_table(main, capsys):
    asked = ["--study", "ablation", "--tables-only", "--readme", "-", "--report", "-"]
    assert program.main(["run", *asked]) == 0
    assert "No runs yet." in capsys.readouterr().out


def test_only_a_synthetic_run_needs_no_data_root(main, capsys):
    assert program.main(["run", "--dataset", "mvtec_ad", "--readme", "-"]) == 2
    assert "--data-root: where is 'mvtec_ad'?" in capsys.readouterr().err


def test_default_profile_and_data_are_the_documented_ones(monkeypatch, tmp_path, capsys):
    seen = {}

    def plan_nothing(request, store):
        seen.update(profile=request.profile.name, root=request.data_root, results=store.root)
        return ()

    monkeypatch.setattr(command, "plan", plan_nothing)
    monkeypatch.setattr(command, "ensure", lambda cache: Path(cache) / "stand-in")
    assert program.main(["run", "--dry-run", "--readme", "-"]) == 0
    assert seen["profile"] == "quick"
    assert seen["root"].name == "stand-in"
    assert seen["results"] == command.RUNS / "quick"
    dry = ["--dry-run", "--readme", "-", "--dataset", "mvtec_ad", "--data-root", str(tmp_path)]
    assert program.main(["run", *dry]) == 0
    assert seen["profile"] == "cpu"
    assert seen["root"] == tmp_path


def test_no_more_workers_than_groups_of_cells(main, monkeypatch, capsys):
    asked = []

    def connect(cluster, jobs, memory_limit, slurm_config):
        asked.append(jobs)
        raise InputError("no workers today")

    monkeypatch.setattr(command, "connect", connect)
    assert main("--jobs", "16", "--categories", "widget", "--seeds", "0", "1") == 2
    assert main("--jobs", "1", "--seeds", "0", "1") == 2
    assert asked == [2, 1]


def test_a_run_on_ones_own_data_leaves_the_readme_alone(main, store, tmp_path, monkeypatch, capsys):
    store_all(main, store, capsys)
    monkeypatch.setattr(command, "README", tmp_path / "README.md")
    asked = ["run", "--dataset", "toy", "--tables-only", "--report", "-"]
    asked += ["--profile", str(tmp_path / "p.yaml")]
    assert program.main(asked) == 0
    assert (tmp_path / "README.md").read_text() == README
    assert main("--publish") == 0
    assert program.main(asked) == 0
    assert "2 cells stand behind these tables" in (tmp_path / "README.md").read_text()


def test_the_cache_is_where_the_user_says_seen_from_the_user_s_folder(main, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BGAD_CACHE", "mine")
    main("--dry-run")
    assert os.environ["BGAD_CACHE"] == str(tmp_path / "mine")
