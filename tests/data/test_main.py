"""The command line turns what cannot be served into one message and status 2."""

import subprocess
import sys
import types

import pytest

from bgad.data.__main__ import main
from bgad.errors import InputError


def test_synthetic_writes_the_asked_categories(tmp_path, monkeypatch, capsys):
    calls = []
    stand_in = types.ModuleType("bgad.data.synthetic")
    stand_in.generate = lambda root, categories: calls.append((root, categories)) or root
    monkeypatch.setitem(sys.modules, "bgad.data.synthetic", stand_in)
    assert main(["synthetic", "--root", str(tmp_path), "--categories", "pill", "wood"]) == 0
    assert main(["synthetic", "--root", str(tmp_path)]) == 0
    assert calls == [(tmp_path, ["pill", "wood"]), (tmp_path, None)]
    assert str(tmp_path) in capsys.readouterr().out


@pytest.mark.parametrize("error", [InputError("no such thing"), OSError(13, "Permission denied")])
def test_errors_are_one_message(tmp_path, monkeypatch, capsys, error):
    def fail(*_):
        raise error

    monkeypatch.setattr("bgad.data.__main__.list_categories", fail)
    assert main(["verify", "--root", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"bgad.data verify: {error}\n"


@pytest.mark.parametrize("arguments", [[], ["verify"], ["verify", "--rot", "x"], ["upload"]])
def test_wrong_options_are_status_2(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2 and "error:" in capsys.readouterr().err


def test_the_module_runs_without_traceback(tmp_path):
    command = [sys.executable, "-m", "bgad.data", "verify", "--root", str(tmp_path / "nowhere")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.count("\n") == 1 and "nowhere" in done.stderr
