"""The commands of ``python -m benchmark``."""

import numpy as np
import pytest
from instant import make_result

from benchmark import __main__ as commands
from benchmark.protocol.cells import Cell
from benchmark.protocol.schema import METRICS, TEST_SETS
from benchmark.protocol.splits import make_split
from benchmark.results.rescore import rescore
from benchmark.results.store import Store
from bgad.data.folder import load_category
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
    assert commands.main(arguments) == 0
    out = capsys.readouterr().out
    assert "differ: --write" in out
    assert f"{curve.aupro(0.05):.4f}" in out
    assert store.read(CELL) != result
    assert commands.main([*arguments, "--write"]) == 0
    assert store.read(CELL) == result


def test_lost_curves_are_named(scored, capsys):
    store, _, _ = scored
    store.curves_path(CELL).unlink()
    assert commands.main(["rescore", "--results", str(store.root)]) == 1
    assert "shots-1_seed-0.curves.npz: cannot be read" in capsys.readouterr().err


def test_splits_are_written_once_and_checked(data_root, tmp_path, capsys):
    arguments = ["splits", "--dataset", "toy", "--data-root", str(data_root)]
    arguments += ["--out", str(tmp_path / "splits"), "--shots", "1", "3", "--seeds", "0", "1"]
    assert commands.main([*arguments, "--check"]) == 1
    assert commands.main(arguments) == 0
    assert commands.main([*arguments, "--setting", "hard"]) == 0
    written = sorted(path.name for path in (tmp_path / "splits/toy/widget").iterdir())
    assert written == [
        f"{setting}_seed-{seed}.txt"
        for setting in ("general", "hard-crack", "hard-hole")
        for seed in (0, 1)
    ]
    split = make_split(load_category(data_root, "widget"), "toy", "general", 3, 1)
    text = (tmp_path / "splits/toy/widget/general_seed-1.txt").read_text()
    assert split.sha256 in text
    assert commands.main([*arguments, "--check"]) == 0
    (tmp_path / "splits/toy/widget/general_seed-1.txt").write_text(text.replace("known 1", ""))
    capsys.readouterr()
    assert commands.main([*arguments, "--check"]) == 1
    assert "widget/general_seed-1.txt would change" in capsys.readouterr().out


def test_what_cannot_be_served_ends_with_status_2(tmp_path, capsys):
    arguments = ["--dataset", "toy", "--out", str(tmp_path), "--data-root", str(tmp_path / "no")]
    assert commands.main(["splits", *arguments]) == 2
    assert capsys.readouterr().err.startswith("benchmark splits: ")


def test_the_cache_is_shown_and_cleared(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("BGAD_CACHE", str(tmp_path))
    (tmp_path / "features/entry").mkdir(parents=True)
    (tmp_path / "features/entry/images.npy").write_bytes(b"0" * 20_000_000)
    assert commands.main(["cache"]) == 0
    assert "0.02 GB" in capsys.readouterr().out
    assert commands.main(["cache", "--clear"]) == 0
    assert not (tmp_path / "features").exists()


def test_the_readme_is_checked_against_published_results(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(commands, "PUBLISHED", tmp_path / "published")
    readme = tmp_path / "README.md"
    readme.write_text("<!-- begin:results-toy -->\n<!-- end:results-toy -->\n")
    arguments = ["readme", "--readme", str(readme)]
    assert commands.main([*arguments, "--check"]) == 1
    assert commands.main(arguments) == 0
    assert commands.main([*arguments, "--check"]) == 0
    Store(tmp_path / "published/p").write(make_result(CELL))
    assert commands.main([*arguments, "--check"]) == 1
