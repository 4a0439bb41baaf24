"""What a person sees of a run."""

import io

import pytest
from rich.console import Console

from benchmark.run import progress
from benchmark.run.progress import Display, last_progress
from bgad.progress import Progress


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test sets: `clock[0]`."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_lines_say_what_is_done_what_runs_and_what_is_left(clock):
    file = io.StringIO()
    with Display(4, expected=60, console=Console(file=file, width=200)) as display:
        display.update(0, ["pill (2 cells)"])
        clock[0] = 30
        display.update(1, ["pill (2 cells)", "screw (2 cells)"])
        display.update(1, ["pill (2 cells)", "screw (2 cells)"])
        clock[0] = 120
        display.update(4, [])
    assert file.getvalue().splitlines() == [
        "0/4 cells, 0:00:00, about 0:01:00 left: pill (2 cells)",
        "1/4 cells, 0:00:30, about 0:01:30 left: pill (2 cells); screw (2 cells)",
        "4/4 cells, 0:02:00, about 0:00:00 left: done",
    ]


def test_without_any_measure_the_time_left_is_unknown(clock):
    file = io.StringIO()
    Display(4, console=Console(file=file, width=200)).update(0, [])
    assert file.getvalue() == "0/4 cells, 0:00:00, time left unknown: waiting for a worker\n"


def test_nothing_is_silent_for_longer_than_half_a_minute_or_promises_no_time(clock):
    file = io.StringIO()
    with Display(4, expected=60, console=Console(file=file, width=200)) as display:
        for clock[0] in range(0, 91, 10):
            display.update(0, ["pill: scoring"])
        display.update(1, ["pill: scoring"], failed=1)
    assert file.getvalue().splitlines() == [
        "0/4 cells, 0:00:00, about 0:01:00 left: pill: scoring",
        "0/4 cells, 0:00:30, about 0:00:30 left: pill: scoring",
        "0/4 cells, 0:01:00, longer than expected: pill: scoring",
        "0/4 cells, 0:01:30, longer than expected: pill: scoring",
        "1/4 cells, 0:01:30, about 0:04:30 left, 1 failed: pill: scoring",
    ]


def test_the_last_cells_say_themselves_how_long_they_take(clock):
    file = io.StringIO()
    cells = ["pill: training, step 5 of 10, 1.0 a second, 0:00:05 left", "screw: training"]
    with Display(3, expected=600, console=Console(file=file, width=200)) as display:
        for clock[0], finished, running in (0, 0, cells[:1]), (30, 1, cells), (60, 2, cells[:1]):
            display.update(finished, running, failed=finished)
    assert file.getvalue().splitlines() == [
        f"0/3 cells, 0:00:00, about 0:10:00 left: {cells[0]}",
        f"1/3 cells, 0:00:30, about 0:01:00 left, 1 failed: {'; '.join(cells)}",
        f"2/3 cells, 0:01:00, 2 failed: {cells[0]}",
    ]


def test_the_last_phase_in_a_log_comes_with_how_far_it_is(tmp_path):
    log = tmp_path / "bottle.log"
    lines = [
        "12:00:00 bottle, general, 10 shots, seed 0: features",
        "12:00:09 training level 2 of 3",
    ]
    log.write_text("\n".join(lines) + "\n")
    assert last_progress(log) == "training level 2 of 3"
    log.write_text("\n".join([*lines, "step 5 of 10, 1.0 a second, 0:00:05 left", ""]))
    assert last_progress(log) == "training level 2 of 3, step 5 of 10, 1.0 a second, 0:00:05 left"
    log.write_text(
        "\n".join([*lines, "step 5 of 10, 1.0 a second, 0:00:05 left", "x: scoring", ""])
    )
    assert last_progress(log) == "scoring"


def test_a_terminal_gets_a_bar_and_no_markup_of_names():
    file = io.StringIO()
    terminal = {"force_terminal": True, "force_interactive": True, "highlight": False}
    console = Console(file=file, width=200, **terminal)
    with Display(4, console=console) as display:
        display.update(1, ["[red]odd[/red]"])
        display.tell("failed: [bold]odd[/bold]")
    assert "1/4" in file.getvalue()
    assert "[red]odd[/red]" in file.getvalue()
    assert "failed: [bold]odd[/bold]" in file.getvalue()


def test_the_last_progress_in_a_log_is_what_a_training_told(tmp_path, caplog, clock):
    log, training = tmp_path / "bottle.log", Progress(300)
    assert last_progress(log) == ""
    log.write_text("Executing the notebook\n")
    assert last_progress(log) == ""
    with caplog.at_level("INFO", "bgad"):
        for clock[0], steps in ((10, 40), (50, 60), (60, 10), (100, 40)):
            training.advance(steps)
    told = caplog.messages
    assert told == [
        "step 100 of 300, 2.0 a second, 0:01:40 left",
        "step 150 of 300, 1.0 a second, 0:02:30 left",
    ]
    log.write_text("x" * 5000 + "\n12:00:00 ".join(["", *told, "and more"]))
    assert last_progress(log) == told[1]
    assert last_progress(tmp_path) == ""
