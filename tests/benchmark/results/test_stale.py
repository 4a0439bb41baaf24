"""A mean holds one profile and, of each category, one state of the images."""

from datetime import timedelta

import pytest
from cell_results import result_of

from benchmark.protocol.cells import Cell
from benchmark.protocol.schema import Result
from benchmark.results.frame import results_frame, summarise
from benchmark.results.stale import split_stale


def result(seed: int, hour: int, category: str = "pill", **parts: str) -> Result:
    made = result_of(Cell("d", category, "general", 0, seed, "p"), 0.1 * (seed + 1))
    stamp = made.provenance
    finished = stamp.finished + timedelta(hours=hour)
    changes = {"provenance": stamp.model_copy(update={"finished": finished})}
    if "profile" in parts:
        changes["config"] = made.config.model_copy(update={"profile_hash": parts["profile"]})
    if "images" in parts:
        changes["data"] = made.data.model_copy(update={"fingerprint": parts["images"]})
    return made.model_copy(update=changes)


def test_results_of_a_profile_as_it_was_are_left_out_counted_and_named():
    old, new = result(1, 0, profile="a"), result(0, 1, profile="b")
    with pytest.warns(UserWarning, match=r"left out of profile p on d: 1 result, .*pill.*seed 1"):
        frame = results_frame([new, old])
    assert list(summarise(frame, "image_ap")["n"]) == [1, 1]
    assert frame["seed"].tolist() == [0]


def test_replaced_images_make_results_of_their_category_alone_stale():
    screw = result(1, 0, category="screw", images="x")
    old, new = result(1, 0, images="x"), result(0, 1, images="y")
    current, stale = split_stale([screw, old, new])
    assert (current, stale) == ([screw, new], [old])


def test_nothing_is_stale_where_all_belongs_together():
    results = [result(seed, -seed) for seed in range(3)]
    assert split_stale(results) == (results, [])
