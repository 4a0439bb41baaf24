"""Provenance is found out, or left open."""

import subprocess
from datetime import datetime

from benchmark.results import provenance


def git(folder, *arguments):
    identity = ["-c", "user.name=n", "-c", "user.email=e@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def test_stamp_has_versions_and_times():
    stamp = provenance.stamp(provenance.now())
    assert stamp.versions["python"].startswith("3.")
    assert {"numpy", "torch"} <= stamp.versions.keys()
    assert datetime.fromisoformat(stamp.started) <= datetime.fromisoformat(stamp.finished)


def test_commit_and_dirty_are_those_of_the_code(tmp_path):
    (tmp_path / "bgad").mkdir()
    (tmp_path / "bgad/flow.py").write_text("a = 1\n")
    git(tmp_path, "init")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "first")
    (tmp_path / "README.md").write_text("rewritten by a run\n")
    state = provenance._git_state.__wrapped__
    commit, dirty = state(tmp_path)
    assert len(commit) == 40
    assert dirty is False
    (tmp_path / "bgad/flow.py").write_text("a = 2\n")
    assert state(tmp_path) == (commit, True)
    assert state(tmp_path / "bgad") == (None, None)


def test_without_git_it_is_left_open(tmp_path, monkeypatch):
    state = provenance._git_state.__wrapped__
    assert state(tmp_path) == (None, None)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert state(provenance.REPOSITORY) == (None, None)
