"""The command `rescore`: pixel metrics come out the same, wrong ones are mended."""

import numpy as np
import pytest
from instant import make_result

from benchmark.__main__ import main
from benchmark.protocol.cells import Cell
from benchmark.protocol.metrics import METRICS
from benchmark.protocol.schema import TEST_SETS
from benchmark.results.rescore import rescore
from benchmark.results.store import Store
from bgad.metrics import pixel_curve, pixel_metrics

CELL = Cell("toy", "widget", "general", 1, 0, "p")


@pytest.fixture
def scored(tmp_path):
    """A store with one result whose pixel metrics are those of random maps, and the curve."""
    generator = np.random.default_rng(0)
    maps = generator.random((4, 16, 16), dtype=np.float32)
    masks = maps + generator.random((4, 16, 16)) > 1.5
    curve = pixel_curve(maps, masks, (0.75,))
    figures = dict.fromkeys(METRICS, 0.5) | pixel_metrics(curve, 0.75)
    store = Store(tmp_path / "runs")
    state = {f"{test_set}_{k}": v for test_set in TEST_SETS for k, v in curve.state().items()}
    result = make_result(
        CELL,
        metrics=dict.fromkeys(TEST_SETS, figures),
        boundary_threshold=0.75,
        curves_sha256=store.write_curves(CELL, state),
    )
    store.write(result)
    return store, result, curve


def test_rescoring_gives_the_same_figures(scored):
    store, result, _ = scored
    assert rescore(store, result) == result


def test_wrong_figures_are_found_and_mended(scored, capsys):
    store, result, curve = scored
    wrong = result.metrics["paper"].model_copy(update={"pixel_auroc": 0.125})
    store.write(result.model_copy(update={"metrics": result.metrics | {"paper": wrong}}))
    arguments = ["rescore", "--results", str(store.root), "--aupro-limit", "0.05"]
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert "differ: --write" in out
    assert f"{curve.aupro(0.05):.4f}" in out
    assert store.read(CELL) != result
    assert main([*arguments, "--write"]) == 0
    assert store.read(CELL) == result


def test_lost_curves_are_named(scored, capsys):
    store, _, _ = scored
    store.curves_path(CELL).unlink()
    assert main(["rescore", "--results", str(store.root)]) == 1
    assert "shots-1_seed-0.curves.npz: cannot be read" in capsys.readouterr().err
