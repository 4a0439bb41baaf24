"""Finished cells whose maps a test chooses, with no model behind them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from cell_results import result_of
from PIL import Image

from benchmark.protocol.cells import Cell
from benchmark.protocol.splits import Split
from benchmark.run.experiment import CellRun
from bgad.data.folder import Sample

__all__ = ["SIZE", "make_run"]

SIZE = 24
_CELL = Cell("synthetic", "widget", "general", 3, 0, "quick")


def make_run(folder: Path, cell: Cell = _CELL, **changes) -> CellRun:
    """Make a run of 4 normal images, 3 cracks and 2 holes, of which one is set aside.

    Three anomalies are known. Anomalous pixels have larger map values, by a noisy margin.
    """
    rng = np.random.default_rng(0)
    types = ["crack"] * 3 + ["good"] * 4 + ["hole"] * 2
    samples = tuple(_sample(folder, type_, index) for index, type_ in enumerate(types))
    known = tuple(_sample(folder, type_, 100 + i) for i, type_ in enumerate(("crack", "hole") * 2))
    labels = np.array([sample.is_anomalous for sample in samples])
    masks = np.zeros((len(samples), SIZE, SIZE), bool)
    masks[labels, 4:12, 6:15] = True
    maps = (rng.normal(1, 0.25, masks.shape) + masks * 0.8).astype(np.float32)
    common = np.ones(len(samples), bool)
    common[2] = False
    known = known[: cell.shots]
    names = [sample.name for sample in samples]
    fields = {
        "result": result_of(cell, 0.75),
        "split": Split(
            known=tuple(sample.name for sample in known),
            common_test=tuple(np.array(names)[common].tolist()),
            paper_test=tuple(names),
            train_normal=tuple(f"train/good/{i:03d}.png" for i in range(5)),
        ),
        "known": known,
        "samples": samples,
        "images": rng.integers(0, 256, (*masks.shape, 3), dtype=np.uint8),
        "masks": masks,
        "maps": maps,
        "scores": maps.max(axis=(1, 2)),
        "labels": labels,
        "common": common,
        "threshold": 1.7,
        "history": [_history(rng, cell.shots > 0) for _ in range(3)],
        "detector": None,
    }
    return replace(CellRun(**fields), **changes)


def _sample(folder: Path, type_: str, index: int) -> Sample:
    name = f"test/{type_}/{index:03d}.png"
    image, mask = folder / name, folder / f"ground_truth/{type_}/{index:03d}_mask.png"
    for path in (image, mask):
        path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (SIZE, SIZE), (90, 120, 150)).save(image)
    pixels = np.zeros((SIZE, SIZE), np.uint8)
    pixels[3:9, 3:9] = 255
    Image.fromarray(pixels).save(mask)
    return Sample(image, name, "test", type_, () if type_ == "good" else (mask,))


def _history(rng: np.random.Generator, supervised: bool) -> dict[str, np.ndarray]:
    curves = {
        name: rng.random(40).astype(np.float32)
        for name in ("learning_rate", "ml", "pull", "push", "boundary", "log_likelihood")
    }
    return curves if supervised else curves | {"pull": np.zeros(40), "push": np.zeros(40)}
