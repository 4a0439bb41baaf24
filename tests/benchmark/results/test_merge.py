"""Results of another machine are taken whole and checked; all of them can be exported."""

import numpy as np
import pandas as pd
import pytest
from instant import make_result

from benchmark.protocol.cells import Cell
from benchmark.results.export import export_csv
from benchmark.results.merge import merge
from benchmark.results.scores import scores_frame
from benchmark.results.store import Store
from bgad.data.folder import Sample
from bgad.errors import InputError


def of_seed(seed: int) -> Cell:
    return Cell("d", "widget", "general", 10, seed, "p")


CELL = of_seed(0)


def fill(store: Store, *seeds: int, key: str = "k") -> None:
    for seed in seeds:
        cell, ones = of_seed(seed), np.ones(2, np.float32)
        samples = [Sample(store.root, f"test/a/{i}.png", "test", "a") for i in range(2)]
        table = scores_frame(samples, ones > 0, ones > 0, ones, ones, ones, None)
        hashes = {
            "curves_sha256": store.write_curves(cell, {"a": np.arange(3)}),
            "scores_sha256": store.write_scores(cell, table),
        }
        store.write(make_result(cell, key, **hashes))


def files(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_what_is_not_here_is_taken_whole(tmp_path):
    fill(Store(tmp_path / "theirs/p"), 0, 1)
    fill(Store(tmp_path / "ours/p"), 0)
    before = files(tmp_path / "ours")
    merged = merge(tmp_path / "theirs", tmp_path / "ours")
    assert (len(merged.taken), len(merged.kept), merged.refused) == (1, 1, [])
    after = files(tmp_path / "ours")
    assert before.items() <= after.items()
    assert {k: v for k, v in files(tmp_path / "theirs").items() if k not in before}.items() <= (
        after.items()
    )
    assert merge(tmp_path / "theirs/p", tmp_path / "ours").taken == []  # its profile's folder alone


def test_newer_results_of_another_key_replace_and_older_ones_do_not(tmp_path):
    fill(Store(tmp_path / "old/p"), 0, key="old")
    fill(Store(tmp_path / "new/p"), 0, key="new")
    assert merge(tmp_path / "new", tmp_path / "old").taken
    assert not merge(tmp_path / "old", tmp_path / "new").taken
    assert Store(tmp_path / "old/p").is_current(CELL, "new")


def test_what_does_not_belong_together_is_refused(tmp_path):
    theirs = Store(tmp_path / "theirs/p")
    fill(theirs, 0, 1)
    theirs.write_curves(CELL, {"a": np.arange(4)})
    path = theirs.path(of_seed(1))
    path.write_text(path.read_text().replace("0.5", "0.6"))
    with pytest.warns(UserWarning, match="its seal"):
        merged = merge(tmp_path / "theirs", tmp_path / "ours")
    assert merged.taken == [] and "does not belong" in merged.refused[0]
    assert not (tmp_path / "ours").exists()
    with pytest.raises(InputError, match="no result to take"):
        merge(tmp_path, tmp_path / "ours/none")


@pytest.mark.parametrize("others", [False, True], ids=["general", "all settings"])
def test_cells_and_images_are_exported(tmp_path, others):
    store = Store(tmp_path / "runs/p")
    fill(store, 0, 1)
    if others:
        store.write(make_result(Cell("d", "widget", "hard", 10, 0, "p", "a"), "k"))
        store.write(
            make_result(Cell("d", "widget", "control", 10, 0, "p", control="constant_maps"), "k")
        )
    rows = export_csv([tmp_path / "runs"], tmp_path / "csv")
    assert {path.name: n for path, n in rows.items()} == {
        "cells.csv": 2 + 2 * others,
        "types.csv": 0,
        "images.csv": 4,
    }
    images = pd.read_csv(tmp_path / "csv/images.csv")
    assert images["seed"].tolist() == [0, 0, 1, 1]
    assert (images["score"] == 1).all()
