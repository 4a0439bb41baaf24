"""Whether negative controls give what they must."""

import pandas as pd

from benchmark.protocol.metrics import METRICS
from benchmark.results.frame import column, grid_cells

__all__ = ["CONTROLLED", "judge_controls"]

CONTROLLED = ("image_auroc", "pixel_auroc")
"""The metrics that controls are judged by."""

_CELL = ["dataset", "profile", "category", "seed", "fingerprint"]


def judge_controls(frame: pd.DataFrame) -> pd.DataFrame:
    """Compare each control with what it must give, category by category.

    - ``constant_maps``: 0.5, but for rounding;
    - ``swapped_labels``: 1 less what the same cells give;
    - ``random_weights``: less than the same cells;
    - ``shuffled_labels``: no more than the cells without known anomalies.

    Labels swapped or shuffled but for what two computations of a cell may differ by
    (`benchmark.protocol.metrics`).

    Parameters
    ----------
    frame
        See `benchmark.results.frame.results_frame`.

    Returns
    -------
    DataFrame
        A row for each ``dataset, profile, shots, control, category, metric``: the means ``found``
        and ``bound`` over the ``seeds`` that both have (a number), and ``met`` (bool). Controls
        without cells to be held against are left out.
    """
    controls, plain = frame[frame["control"].notna()], grid_cells(frame)
    plain = plain[plain["setting"] == "general"]
    beside = controls.merge(plain, on=_CELL, suffixes=("", "_beside"))
    asked = beside["shots"].where(beside["control"] != "shuffled_labels", 0)
    beside = beside[beside["shots_beside"] == asked]
    parts = []
    for metric in CONTROLLED:
        part = beside[["dataset", "profile", "shots", "control", "category"]].assign(
            metric=metric,
            found=beside[column(metric)],
            bound=beside[column(metric) + "_beside"],
        )
        part.loc[part["control"] == "constant_maps", "bound"] = 0.5
        swapped = part["control"] == "swapped_labels"
        part.loc[swapped, "bound"] = 1 - part.loc[swapped, "bound"]
        parts.append(part)
    keys = ["dataset", "profile", "shots", "control", "category", "metric"]
    judged = pd.concat(parts).groupby(keys, sort=False)
    judged = judged.agg(found=("found", "mean"), bound=("bound", "mean"), seeds=("found", "size"))
    judged = judged.reset_index()
    return judged.assign(met=[_is_met(row) for row in judged.itertuples()])


def _is_met(row: tuple) -> bool:
    if row.control == "random_weights":
        return bool(row.found < row.bound)
    above = row.found - row.bound
    tolerance = 1e-6 if row.control == "constant_maps" else METRICS[row.metric].tolerance
    return bool((above if row.control == "shuffled_labels" else abs(above)) <= tolerance)
