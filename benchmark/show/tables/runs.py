"""Every run of a category, controls and studies included."""

import pandas as pd

from benchmark.protocol.metrics import METRICS
from benchmark.results.frame import column
from benchmark.show.document import Code, Note, Quantity, Score, Section, Table
from benchmark.show.labels import SHORT_TITLES

__all__ = ["section"]

_LEGEND = Note(
    "Test set ",
    Code("common"),
    "; in brackets, the 95 % interval of image-AUC over test images like these.",
)


def section(frame: pd.DataFrame) -> Section:
    """Table of runs, a row each.

    Parameters
    ----------
    frame
        Runs of one data set and category; see `benchmark.results.frame.results_frame`.
    """
    rows = [
        {
            "Setting": _joined(row.setting, row.known_type, row.control),
            "Shots": row.shots,
            "Profile": row.profile + f" ({row.study})" * pd.notna(row.study),
            "Seed": _joined(row.seed, *_apart(row)),
        }
        | {
            SHORT_TITLES[metric]: Score(
                figures[column(metric)],
                interval=row.image_auroc_interval if metric == "image_auroc" else None,
            )
            for metric in METRICS
        }
        | {
            "Seconds": Quantity(row.seconds, spec=".0f"),
            "Memory, MB": None if pd.isna(row.memory_mb) else Quantity(row.memory_mb, spec=".0f"),
        }
        for row, figures in zip(frame.itertuples(), frame.to_dict("records"), strict=True)
    ]
    return Section("Every run", (Table.of(rows), _LEGEND) if rows else ())


def _apart(row: tuple) -> list[str]:
    """Those seeds that are not the run's own."""
    seeds = {"split": row.split_seed, "train": row.train_seed, "augment": row.augment_seed}
    return [f"{name} {seed}" for name, seed in seeds.items() if seed != row.seed]


def _joined(*parts: object) -> str:
    """Those parts that are there: a column that has None for some rows may have NaN for it."""
    return ", ".join(str(part) for part in parts if pd.notna(part))
