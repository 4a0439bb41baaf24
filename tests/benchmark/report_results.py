"""Results and executed notebooks that a report shows, without any run."""

import nbformat
import numpy as np
from cell_results import result_of
from matplotlib.colors import Normalize

from benchmark.protocol.cells import Cell
from benchmark.results.store import Store
from benchmark.show.layers import MEDIA_TYPE, layers
from bgad.metrics import pixel_curve

__all__ = ["JPEG", "write_executed", "write_results"]

JPEG = "/9j/4AAQSkZJRg=="


def write_results(root, *categories):
    """Store two numbers of shots and two seeds of each category, with curves."""
    generator = np.random.default_rng(0)
    masks = np.zeros((2, 8, 8), bool)
    masks[0, :4, :4] = True
    for dataset, category in categories:
        for shots in (0, 10):
            for seed in (0, 1):
                cell = Cell(dataset, category, "general", shots, seed, "cpu")
                store = Store(root / cell.profile)
                curve = pixel_curve(generator.random((2, 8, 8)) + masks, masks, [0.9])
                state = curve.state().items()
                arrays = {f"{t}_{n}": array for t in ("common", "paper") for n, array in state}
                types = {"crack": {"n": 3, "image_auroc": 0.9, "recall": None}}
                result = result_of(
                    cell,
                    0.5 + 0.01 * shots + 0.1 * seed,
                    curves_sha256=store.write_curves(cell, arrays),
                    boundary_threshold=0.9,
                    per_type={"common": types | {category: types["crack"]}},
                )
                store.write(result)


def write_executed(root, dataset, category, with_layers=False, profile="cpu", shots=10, name=""):
    """Store an executed notebook as a run leaves it."""
    notebook = nbformat.v4.new_notebook()
    heading = f"## {Cell(dataset, category, 'general', shots, 0, profile)}"
    outputs = [
        nbformat.v4.new_output("display_data", {"text/markdown": heading}),
        nbformat.v4.new_output(
            "display_data", {"image/jpeg": JPEG}, metadata={"image/jpeg": {"alt": "Worst images"}}
        ),
        nbformat.v4.new_output("display_data", {"text/html": f"<b>{category}</b>"}),
        nbformat.v4.new_output("display_data", {"application/javascript": "alert(1)"}),
    ]
    notebook.cells = [nbformat.v4.new_code_cell("show()", outputs=outputs)]
    if with_layers:
        pixels, values = np.zeros((32, 32, 3), np.uint8), np.eye(32, dtype=np.float32)
        drawn = layers(pixels, values > 0, values, 0.5, Normalize(0, 1), name, "crack, wrong")
        outputs[1]["data"][MEDIA_TYPE] = [drawn.model_dump(), drawn.model_dump()]
    parameters = {"dataset": dataset, "category": category, "profile": profile}
    notebook.metadata["papermill"] = {"parameters": parameters}
    path = root / profile / "notebooks" / dataset / f"{category}{shots if name else ''}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
    return path
