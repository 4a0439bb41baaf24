"""Images called wrongly, by name and by how often."""

import numpy as np
import pandas as pd

from benchmark.protocol.cells import Cell
from benchmark.show.tables import missed

CALIBRATION = np.arange(1, 40, dtype=np.float32)  # 5 % may be above 38


def kept(scores: dict[str, float], shots=0, seed=0, calibration=CALIBRATION, **changes):
    rows = [
        {"role": "test", "name": f"test/{name}", "label": not name.startswith("good")}
        | {"common": name != "dent/known.png", "score": score}
        for name, score in scores.items()
    ]
    rows += [
        {"role": "calibration", "name": "", "label": False, "common": False, "score": score}
        for score in calibration
    ]
    setting = changes.pop("setting", "general")
    cell = Cell("d", "caps", setting, shots, seed, "cpu", **changes)
    return cell, pd.DataFrame(rows)


def rows_of(*cells):
    section = missed.section(cells)
    return section.blocks[0].rows if section.blocks else []


def test_one_seed_names_what_is_wrong():
    scores = {"dent/a.png": 10.0, "dent/b.png": 40.0, "good/a.png": 1.0, "good/b.png": 99.0}
    assert rows_of(kept(scores)) == [["cpu", 0, "dent/a.png", "good/b.png"]]
    assert rows_of(kept({"dent/b.png": 40.0})) == [["cpu", 0, "none", "none was tested"]]


def test_seeds_count_those_that_test_an_image():
    first = {"dent/a.png": 10.0, "dent/b.png": 1.0, "dent/known.png": 1.0, "good/a.png": 1.0}
    second = {"dent/a.png": 40.0, "good/a.png": 1.0}
    ((_, _, passed, rejected),) = rows_of(kept(first), kept(second, seed=1))
    assert passed == "dent/b.png (1 of 1), dent/a.png (1 of 2)"
    assert rejected == "none"


def test_fewest_and_most_shots_of_calibrated_cells_count():
    scores = {"dent/a.png": 10.0}
    cells = [kept(scores, shots) for shots in (0, 1, 5)]
    cells.append(kept(scores, 9, calibration=CALIBRATION[:5]))
    cells.append(kept(scores, 9, setting="hard", known_type="dent"))
    assert [row[1] for row in rows_of(*cells)] == [0, 5]
    assert rows_of() == []
