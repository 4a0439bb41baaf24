"""Costs: time by the clock against brute force, and the table's figures."""

import numpy as np
import pandas as pd
import pytest
from cell_results import result_of
from hypothesis import given
from hypothesis import strategies as st

from benchmark.protocol.cells import Cell
from benchmark.protocol.schema import Provenance
from benchmark.results.frame import results_frame
from benchmark.show import markdown
from benchmark.show.tables.costs import clock_seconds, section

NOON = pd.Timestamp("2026-01-01T12:00:00+00:00")


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20)), min_size=1, max_size=12))
def test_clock_seconds_count_each_second_once(spans):
    ran = np.zeros(100, bool)
    for start, length in spans:
        ran[start : start + length] = True
    started = pd.Series([NOON + pd.Timedelta(seconds=start) for start, _ in spans])
    finished = started + pd.to_timedelta([length for _, length in spans], unit="s")
    assert clock_seconds(started, finished) == ran.sum()


def at(second: int) -> str:
    return (NOON + pd.Timedelta(seconds=second)).isoformat()


def timed(seed: int, start: int, train: float, profile: str = "cpu", **changes):
    cell = Cell("mvtec_ad", "pill", "general", 0, seed, profile)
    result = result_of(cell, 0.5, **changes)
    provenance = result.provenance.model_dump()
    provenance |= {"started": at(start), "finished": at(start + 100)}
    timings = result.timings_s.model_dump() | {"train": train, "total": train + 3}
    return result.model_dump() | {
        "provenance": Provenance(**provenance).model_dump(),
        "timings_s": timings,
    }


def test_the_table_has_medians_the_slowest_and_the_time_by_the_clock():
    frame = results_frame(
        [
            timed(0, 0, 10, private_memory_mb=900.0),
            timed(1, 50, 20),
            timed(2, 1000, 60, private_memory_mb=None),
            timed(0, 5000, 500, study="ablation"),
        ]
    )
    frame["processor"] = ["Xeon", "EPYC", "Xeon", "other"]
    row = [
        entry.strip() for entry in markdown.blocks(section(frame)).splitlines()[2].split("|")[1:-1]
    ]
    expected = ["1.0 s", "1 s", "20.0 s", "1.0 s", "1.0 s", "23 s", "63 s", "4 min", "0.90 GB"]
    assert row == ["MVTec AD", "cpu", "3", "EPYC, Xeon", *expected]


@pytest.mark.parametrize("results", [[], [timed(0, 0, 1, study="ablation")]])
def test_no_cell_of_the_tables_is_no_table(results):
    assert not section(results_frame(results)).blocks
