"""The store: whole files or none, and only what was asked for."""

import json
import multiprocessing
import os
import signal
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from instant import make_result

from benchmark.protocol.cells import Cell
from benchmark.results.store import Store, load_all, result_key, seal, to_json
from bgad.errors import InputError

CELL = Cell("d", "widget", "general", 10, 0, "p")


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "runs")


@pytest.mark.parametrize(
    ("cell", "path"),
    [
        (CELL, "d/widget/general/shots-10_seed-0.json"),
        (
            replace(CELL, setting="hard", known_type="crack"),
            "d/widget/hard/crack/shots-10_seed-0.json",
        ),
        (replace(CELL, train_seed=3), "d/widget/general/shots-10_seed-0_train-3.json"),
    ],
)
def test_each_cell_has_its_place(store, cell, path):
    assert store.path(cell) == store.root / path
    store.write(make_result(cell))
    assert [result.cell for result in store.results()] == [cell]


def test_a_result_is_current_for_its_key_alone(store):
    parts = ["profile", "split", "data", "weights"]
    key = result_key(*parts)
    assert not store.is_current(CELL, key)
    store.write(make_result(CELL, key))
    assert store.is_current(CELL, key)
    for place in range(len(parts)):
        others = [*parts[:place], "x", *parts[place + 1 :]]
        assert not store.is_current(CELL, result_key(*others))


def test_a_result_edited_by_hand_is_ignored_however_it_is_laid_out(store):
    store.write(make_result(CELL, value=0.5))
    content = json.loads(store.path(CELL).read_text())
    store.path(CELL).write_text(json.dumps(content))
    assert store.read(CELL).metrics["paper"].image_ap == 0.5
    content["metrics"]["paper"]["image_ap"] = 0.6
    store.path(CELL).write_text(json.dumps(content))
    with pytest.warns(UserWarning, match="ignored: it is no result: its seal"):
        assert store.read(CELL) is None
    del content["sha256"]
    store.path(CELL).write_text(json.dumps(content))
    with pytest.warns(UserWarning, match="ignored: it is no result: its seal"):
        assert list(store.results()) == []


def test_dates_and_messages_are_bounded(store):
    content = make_result(CELL).model_dump(mode="json")
    for changes in ({"provenance": content["provenance"] | {"started": "yesterday"}},
                    {"provenance": content["provenance"] | {"started": "9999-01-01T00:00:00Z"}},
                    {"training": "x" * 10**6}):  # fmt: skip
        altered = content | changes
        store.path(CELL).parent.mkdir(parents=True, exist_ok=True)
        store.path(CELL).write_text(json.dumps(altered | {"sha256": seal(altered)}))
        with pytest.warns(UserWarning, match="ignored") as caught:
            assert store.read(CELL) is None
        assert len(str(caught[0].message)) < 300 + len(str(store.path(CELL)))


def test_loops_and_folders_in_a_results_place_are_ignored(store):
    store.path(CELL).parent.mkdir(parents=True)
    store.path(CELL).symlink_to(store.path(CELL).name)
    store.path(replace(CELL, seed=1)).mkdir()
    with pytest.warns(UserWarning, match="ignored") as caught:
        assert list(store.results()) == []
    assert len(caught) == 2


def test_maps_come_back_within_a_step_of_256(store):
    maps = np.random.default_rng(0).normal(5, 2, (3, 8, 8)).astype(np.float32)
    digest = store.write_maps(CELL, "abc", maps)
    again = store.read_maps(make_result(CELL, maps_sha256=digest))
    assert list(again) == ["a", "b", "c"]
    step = (maps.max() - maps.min()) / 255
    assert np.abs(np.stack(list(again.values())) - maps).max() <= 0.51 * step


def test_results_of_another_profile_are_refused(store):
    store.write(make_result(CELL))
    with pytest.raises(InputError, match="holds results of profile 'p', not of 'q'"):
        store.is_current(replace(CELL, profile="q"), "k")


def test_failures_are_counted_for_their_key_and_no_result(store):
    store.record_failure(CELL, "k", "first")
    assert store.record_failure(CELL, "k", "second", "a.log").attempts == 2
    assert store.failure(CELL, "k").error == "second"
    assert store.failure(CELL, "other") is None
    assert store.record_failure(CELL, "other", "third").attempts == 1
    assert list(store.results()) == []
    store.write(make_result(CELL, "other"))
    assert store.failure(CELL, "other") is None


def test_forgetting_failures_leaves_the_result(store):
    store.write(make_result(CELL))
    store.record_failure(CELL, "k", "error")
    store.forget_failure(CELL)
    assert [path for path in store.root.rglob("*") if path.is_file()] == [store.path(CELL)]


def test_curves_come_back_only_with_their_own_result(store):
    digest = store.write_curves(CELL, {"a": np.arange(3.0)})
    result = make_result(CELL, curves_sha256=digest)
    np.testing.assert_array_equal(store.read_curves(result)["a"], np.arange(3.0))
    store.write_curves(CELL, {"a": np.arange(4.0)})
    with pytest.raises(InputError, match="does not belong"):
        store.read_curves(result)
    store.curves_path(CELL).unlink()
    with pytest.raises(InputError, match="cannot be read"):
        store.read_curves(result)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"\xff\xfe", b'{"schema_version": 1}', b"null", b"[" * 100_000],
)
def test_files_that_are_no_result_are_ignored_with_a_warning(store, content):
    store.write(make_result(replace(CELL, seed=1)))
    store.path(CELL).write_bytes(content)
    with pytest.warns(UserWarning, match="shots-10_seed-0.json: ignored"):
        assert store.read(CELL) is None
    with pytest.warns(UserWarning, match="shots-10_seed-0.json: ignored"):
        assert [result.cell.seed for result in store.results()] == [1]


def test_results_of_another_schema_are_passed_over(store):
    store.write(make_result(CELL))
    content = json.loads(store.path(CELL).read_text()) | {"schema_version": 0}
    store.path(CELL).write_text(json.dumps(content))
    assert store.read(CELL) is None


def test_a_result_in_another_cells_place_is_ignored(store):
    store.write(make_result(CELL))
    other = replace(CELL, shots=5)
    store.path(CELL).rename(store.path(other))
    with pytest.warns(UserWarning, match="ignored: it is the result of widget, general, 10 shots"):
        assert store.read(other) is None
    with pytest.warns(UserWarning, match="ignored"):
        assert list(store.results()) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
@pytest.mark.filterwarnings("ignore:.*ignored")
def test_a_torn_or_altered_file_is_a_valid_result_or_none(store, data):
    content = bytearray(to_json(make_result(CELL)))
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content)))]
    else:
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    store.path(CELL).parent.mkdir(parents=True, exist_ok=True)
    store.path(CELL).write_bytes(content)
    try:
        result = store.read(CELL)
    except InputError as error:  # the altered byte was one of the profile's name
        assert "another --results folder" in str(error)
    else:
        assert result is None or result.cell == CELL


def test_later_roots_win(tmp_path):
    for root, value in (("published", 0.25), ("runs", 0.75)):
        Store(tmp_path / root / "p").write(make_result(CELL, value=value))
    Store(tmp_path / "published/p").write(make_result(replace(CELL, seed=1), value=0.5))
    results = load_all([tmp_path / "published", tmp_path / "runs"])
    assert {r.cell.seed: r.metrics["common"].image_ap for r in results} == {0: 0.75, 1: 0.5}


def _write_for_ever(root):
    store = Store(root)
    while True:
        for value in (0.25, 0.75):
            store.write(make_result(CELL, value=value))


def test_a_killed_writer_leaves_a_whole_file(store):
    for delay in (0.02, 0.05, 0.03):
        writer = multiprocessing.get_context("fork").Process(
            target=_write_for_ever, args=(store.root,)
        )
        writer.start()
        while not store.path(CELL).exists():
            time.sleep(0.001)
        time.sleep(delay)
        os.kill(writer.pid, signal.SIGKILL)
        writer.join()
        assert store.read(CELL).metrics["paper"].image_ap in (0.25, 0.75)
    store.remove_leftovers()
    assert [path for path in store.root.rglob("*") if path.is_file()] == [store.path(CELL)]


def test_leftovers_are_only_what_this_program_made_beside_cells(store):
    store.write(make_result(CELL))
    folder, hexadecimal = store.path(CELL).parent, "0123456789abcdef" * 2
    ours = [
        folder / f".{hexadecimal}.tmp",
        store.root / f"notebooks/toy/.widget_general_shots-1_seed-0_{hexadecimal[:8]}-12.ipynb",
    ]
    foreign = [
        folder / ".draft.tmp",
        folder / f"notes/.{hexadecimal}.tmp",
        store.root / f".{hexadecimal}.tmp",
        store.root / "notebooks/toy/.mine.ipynb",
        store.root / "photos/2020/.cache.tmp",
    ]
    for path in ours + foreign:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    store.remove_leftovers()
    assert not any(path.exists() for path in ours)
    assert all(path.exists() for path in foreign)
