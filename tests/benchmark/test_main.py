"""The tree of commands: complete, explained, quick to answer, and helpful about misspelt words."""

import io
import re
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from importlib import import_module
from resource import RUSAGE_CHILDREN, getrusage

import pytest

from benchmark.__main__ import main
from benchmark.paths import REPOSITORY

COMMANDS = {path.stem for path in (REPOSITORY / "benchmark/commands").glob("[a-z]*.py")}


def help_of(*words: str, capsys) -> str:
    with pytest.raises(SystemExit) as caught:
        main([*words, "--help"])
    assert caught.value.code == 0
    return capsys.readouterr().out


def test_every_command_is_listed_and_no_other(capsys):
    listed = set(re.findall(r"^    ([a-z]+) ", help_of(capsys=capsys), re.MULTILINE))
    assert listed == COMMANDS
    for name in COMMANDS:
        assert callable(import_module(f"benchmark.commands.{name}").main)


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_option_is_explained_with_its_default(command, capsys):
    lines = help_of(command, capsys=capsys).split("\noptions:\n")[1].split("\n\nprofiles")[0]
    for entry in re.split(r"\n  (?=--)", lines)[1:]:
        names, *explanation = re.split(r"  +|\n +", entry)
        assert explanation, entry
        is_flag = " " not in names
        assert is_flag or re.search(r"\((default: |required\))", " ".join(explanation)), entry


def processor_seconds(*arguments: str) -> float:
    before = getrusage(RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "benchmark", *arguments], capture_output=True)
    after = getrusage(RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["run", "--nonsense"]])
def test_what_runs_nothing_is_answered_at_once(arguments):
    assert processor_seconds(*arguments) < 0.6


@pytest.mark.parametrize(
    ("arguments", "suggestion"),
    [
        (["tabels"], "'tables'"),
        (["run", "--catgories", "x"], "'--categories'"),
        (["run", "--profile", "patchcoer"], "'patchcore'"),
        (["run", "--dataset", "toy", "--data-root", "{root}", "--categories", "Widgt"], "'widget'"),
        (["run", "--dataset", "mvtec"], "'mvtec_ad'"),
    ],
)
def test_a_misspelt_word_gets_a_suggestion(arguments, suggestion, data_root, capsys):
    try:
        status = main([argument.format(root=data_root) for argument in arguments])
    except SystemExit as end:
        status = end.code
    assert status == 2
    assert f"(did you mean {suggestion}?)" in capsys.readouterr().err


def test_output_may_go_to_any_stream(data_root):
    output = io.StringIO()
    with redirect_stdout(output), redirect_stderr(io.StringIO()):
        assert main(["cache"]) == 0
    assert output.getvalue()
