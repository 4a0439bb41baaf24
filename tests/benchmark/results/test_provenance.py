"""Provenance is found out, or left open."""

import subprocess

from benchmark.results import provenance


def git(folder, *arguments):
    identity = ["-c", "user.name=n", "-c", "user.email=e@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def test_stamp_has_versions_and_times():
    stamp = provenance.stamp(provenance.begin())
    assert stamp.versions["python"].startswith("3.")
    assert {"numpy", "torch"} <= stamp.versions.keys()
    assert stamp.started <= stamp.finished


def test_commit_and_dirty_are_those_of_the_code(tmp_path):
    (tmp_path / "bgad").mkdir()
    (tmp_path / "bgad/flow.py").write_text("a = 1\n")
    git(tmp_path, "init")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "first")
    (tmp_path / "README.md").write_text("rewritten by a run\n")
    state = provenance._git_state
    commit, dirty = state(tmp_path)
    assert len(commit) == 40
    assert dirty is False
    (tmp_path / "bgad/flow.py").write_text("a = 2\n")
    assert state(tmp_path) == (commit, True)
    assert state(tmp_path / "bgad") == (None, None)


def test_untracked_code_counts_whatever_git_is_told(tmp_path, monkeypatch):
    (tmp_path / "bgad").mkdir()
    (tmp_path / "bgad/flow.py").write_text("a = 1\n")
    git(tmp_path, "init")
    git(tmp_path, "config", "status.showUntrackedFiles", "no")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "first")
    (tmp_path / "bgad/new.py").write_text("")
    for name, value in {"DIR": "elsewhere", "WORK_TREE": "/", "INDEX_FILE": "other"}.items():
        monkeypatch.setenv(f"GIT_{name}", value)
    commit, dirty = provenance._git_state(tmp_path)
    assert len(commit) == 40
    assert dirty is True


def test_code_that_changes_while_it_runs_is_dirty(monkeypatch):
    states = iter([("a" * 40, False), ("b" * 40, False)])
    monkeypatch.setattr(provenance, "_git_state", lambda repository: next(states))
    provenance._state_at_start.cache_clear()
    try:
        stamp = provenance.stamp(provenance.begin())
    finally:
        provenance._state_at_start.cache_clear()
    assert (stamp.commit, stamp.dirty) == ("a" * 40, True)


def test_without_git_it_is_left_open(tmp_path, monkeypatch):
    state = provenance._git_state
    assert state(tmp_path) == (None, None)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert state(provenance.REPOSITORY) == (None, None)
