"""Commands end with a status and one line, whatever happens in them."""

import logging

import pytest

from bgad.console import serve
from bgad.errors import InputError
from bgad.progress import tell


@pytest.mark.parametrize(
    ("raised", "status", "said"),
    [
        (InputError("no such folder"), 2, "bgad fit: no such folder\n"),
        (OSError("disk full"), 2, "bgad fit: disk full\n"),
        (KeyboardInterrupt(), 130, "\nbgad fit: interrupted\n"),
    ],
    ids=["request", "machine", "user"],
)
def test_what_ends_a_command_is_one_line(capsys, raised, status, said):
    def run():
        raise raised

    assert serve("bgad fit", run) == status
    assert capsys.readouterr().err == said


def test_progress_is_told_once_on_standard_error(capsys):
    for _ in range(2):
        assert serve("bgad fit", lambda: tell("step %d", 3) or 0) == 0
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err == "step 3\n" * 2
    assert logging.getLogger().level == logging.WARNING, "other libraries stay as they are"
