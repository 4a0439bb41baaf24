"""The inspector's table: shares of all seeds, intervals of one seed's images."""

import pytest
from cell_results import result_of

from benchmark.protocol.cells import Cell
from benchmark.results.frame import results_frame
from benchmark.show.tables.verdicts import section
from bgad.metrics import proportion_interval


def judged(seed: int, false_alarms: int, misses: int, shots: int = 0):
    verdicts = {"rate": 0.05, "calibration": 40, "normal": 20, "anomalous": 10}
    verdicts |= {"false_alarms": false_alarms, "misses": misses}
    cell = Cell("d", "pill", "general", shots, seed, "cpu")
    return result_of(cell, 0.5, verdicts={"common": verdicts, "paper": None})


def test_seeds_are_pooled_but_count_once_in_the_interval():
    table = section(results_frame([judged(0, 1, 2), judged(1, 3, 4)])).blocks[1]
    (row,) = table.rows
    assert row[:6] == ["d", "Pill", 0, "cpu", 2, 40]
    alarms, misses = row[6:]
    assert (alarms.value, misses.value) == (10, 30)
    assert alarms.interval == pytest.approx([100 * x for x in proportion_interval(2, 20)])
    assert misses.interval == pytest.approx([100 * x for x in proportion_interval(3, 10)])


def test_only_calibrated_cells_count_with_fewest_and_most_shots():
    results = [judged(0, 1, 2, shots) for shots in (0, 5, 10)]
    results.append(result_of(Cell("d", "wood", "general", 0, 0, "cpu"), 0.5))
    table = section(results_frame(results)).blocks[1]
    assert [(row[1], row[2]) for row in table.rows] == [("Pill", 0), ("Pill", 10)]
    assert not section(results_frame(results[-1:])).blocks
