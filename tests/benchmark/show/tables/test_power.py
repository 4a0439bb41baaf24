"""Distinguishable differences as a section."""

import pytest
from instant import make_result

from benchmark.protocol.cells import Cell
from benchmark.protocol.profiles import Profile
from benchmark.results.frame import results_frame
from benchmark.results.power import distinguishable
from benchmark.show.tables.power import section


def results():
    for number, name in enumerate("abc"):
        for seed in range(3):
            for profile, study, value in (
                ("cpu", None, 0.8 + 0.01 * number + 0.001 * seed),
                ("peer", "peers", 0.7),
            ):
                cell = Cell("mvtec_ad", name, "general", 10, seed, profile)
                yield make_result(
                    cell, value=value, profile=Profile(profile, "instant", study=study)
                ).model_dump()


def test_differences_are_in_points():
    frame = results_frame(results())
    (row,) = section(frame).blocks[1].rows
    entries = dict(zip(section(frame).blocks[1].columns, row, strict=True))
    expected = distinguishable(frame).query("metric == 'image_auroc'").iloc[0]
    assert (entries["Profile"], entries["Peer"]) == ("cpu", "peer")
    assert entries["15 categories"].value == pytest.approx(100 * expected["others_15"])
    assert entries["the same 4"].value == pytest.approx(100 * expected["same_4"])


def test_without_pairs_there_is_nothing_to_say():
    assert section(results_frame([])).blocks == ()
