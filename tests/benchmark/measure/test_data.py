"""Sessions and small masks, on a category whose truth is drawn."""

import json

import numpy as np
import pytest
from PIL import Image

from benchmark.measure.data import measure_data
from benchmark.show.markdown import blocks
from benchmark.show.tables import sessions, truth

SIDE = 512


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Bottles of noise, and two defects: one of 64 x 64 pixels, one that no 256 px mask keeps."""
    folder, rng = tmp_path_factory.mktemp("data"), np.random.default_rng(0)

    def draw(name: str, images: np.ndarray) -> None:
        (folder / "bottle" / name).mkdir(parents=True)
        for i, image in enumerate(images):
            mask = "_mask" * name.startswith("ground_truth")
            Image.fromarray(image).save(folder / "bottle" / name / f"{i:03d}{mask}.png")

    for name, n in (("train/good", 8), ("test/good", 6), ("test/scratch", 2)):
        draw(name, rng.integers(0, 256, (n, SIDE, SIDE, 3), dtype=np.uint8))
    masks = np.zeros((2, SIDE, SIDE), np.uint8)
    masks[0, 128:192, 256:320] = 255
    masks[1, :, 100] = 255  # at an even column: nearest neighbour takes the odd ones
    draw("ground_truth/scratch", masks)
    return folder


def test_masks_are_counted_by_each_rule_and_grid(root, tmp_path):
    output = tmp_path / "data.json"
    (row,) = measure_data(output, "mvtec_ad", root, [], tmp_path)["categories"]
    rules = row["masks"]["rules"]
    assert [rules[rule]["pixels"] for rule in ("nearest", "area", "any")] == [1024, 1024, 1280]
    assert [rules[rule]["vanished"] for rule in ("nearest", "area", "any")] == [1, 1, 0]
    assert rules["any"]["changed"] == 256
    assert row["masks"]["size"] == [SIDE, SIDE]
    assert all(0 <= value <= 1 for value in rules["nearest"]["figures"].values())
    finest = row["grids"][0]
    assert finest == {"side": 64, "cells": 64, "touched": 64, "lost": 1}
    assert row["session"]["train"] == 8
    assert row["session"]["test"] == 6
    table = blocks(truth.section(json.loads(output.read_text())))
    assert "`area`" not in table  # it changes nothing here
    assert "64 + 64, 1" in table


def test_other_categories_figures_stay(root, tmp_path):
    output = tmp_path / "data.json"
    first = measure_data(output, "visa", root, [], tmp_path)["categories"]
    both = measure_data(output, "mvtec_ad", root, [], tmp_path)["categories"]
    again = measure_data(output, "mvtec_ad", root, [], tmp_path)["categories"]
    assert [row["dataset"] for row in both] == ["mvtec_ad", "visa"]
    assert both[1] == first[0]
    assert again == both
    assert blocks(sessions.section(json.loads(output.read_text()))).count("Bottle") == 2
