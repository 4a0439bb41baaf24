"""Peak memory: what is allocated counts while it is there; mapped files do not."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from benchmark.run.memory import PeakMemory, give_back, private_bytes

SIZE = 100_000_000


def test_the_peak_is_that_of_the_context():
    with PeakMemory() as memory:
        before = memory.megabytes
        block = np.ones(SIZE, np.uint8)
        assert memory.megabytes == pytest.approx(before + 100, abs=10)
        del block
    assert memory.megabytes == pytest.approx(before + 100, abs=10)
    with PeakMemory() as again:
        assert again.megabytes == pytest.approx(before, abs=10)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what is shared")
def test_mapped_files_do_not_count(tmp_path):
    np.ones(SIZE, np.uint8).tofile(tmp_path / "file")
    process = psutil.Process()
    mapped = np.memmap(tmp_path / "file", np.uint8, "r")
    before, shared = private_bytes(process), process.memory_info().shared
    assert mapped.sum() == SIZE
    assert process.memory_info().shared > shared + 0.9 * SIZE
    assert private_bytes(process) < before + 0.1 * SIZE


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_freed_memory_is_given_back():
    process = psutil.Process()
    blocks = [bytes(1000) for _ in range(SIZE // 1000)]
    grown = private_bytes(process)
    last = blocks.pop()  # what lies before it on the heap stays with the process
    del blocks
    assert private_bytes(process) > grown - 0.1 * SIZE
    give_back()
    assert private_bytes(process) < grown - 0.9 * SIZE
    assert not any(last)


def test_a_process_that_is_gone_is_an_error():
    child = os.spawnlp(os.P_NOWAIT, "true", "true")
    process = psutil.Process(child)
    os.waitpid(child, 0)
    with pytest.raises(psutil.Error):
        private_bytes(process)


CELL = """
import sys, torch
from pathlib import Path
from benchmark.protocol.cells import Cell
from benchmark.run.experiment import run_cell
from benchmark.protocol.profiles import Profile
from benchmark.results.store import Store

torch.set_num_threads(1)
root = Path(sys.argv[1])
model = {"backbone": "tf_efficientnet_lite0", "steps": [5, 5, 5], "cut_paste": 4}
profile = Profile("p", model=model)
cell = Cell("toy", "widget", "general", 2, 0, "p")
run = run_cell(cell, root, profile, Store(root / "results"), root / "cache")
print(run.result.private_memory_mb)
"""


def memory_of_a_cell(root: Path, train: int, test: int) -> float:
    """MB that a cell takes with so many training and test images of 256 px."""
    rng = np.random.default_rng(0)
    texture = np.kron(rng.integers(0, 256, (32, 32, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    mask = np.zeros((256, 256), np.uint8)
    mask[60:80, 60:80] = 255
    for folder, n in {"train/good": train, "test/good": test // 2, "test/cut": test // 2}.items():
        (root / "widget" / folder).mkdir(parents=True)
        (root / "widget/ground_truth/cut").mkdir(parents=True, exist_ok=True)
        for index in range(n):
            image = np.roll(texture, rng.integers(0, 256, 2), (0, 1))
            image[:8, :8] = rng.integers(0, 256, (8, 8, 3))  # no two are alike
            path = root / f"widget/{folder}/{index:04d}.png"
            Image.fromarray(image).save(path, compress_level=1)
            if folder == "test/cut":
                truth = root / f"widget/ground_truth/cut/{index:04d}_mask.png"
                Image.fromarray(mask).save(truth, compress_level=1)
    command = [sys.executable, "-c", CELL, str(root)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_test_images(tmp_path):
    few, many = (memory_of_a_cell(tmp_path / str(n), 20, n) for n in (60, 600))
    assert many < few + 50  # their maps, masks, features and pixels take 700 MB


@pytest.mark.slow
def test_five_thousand_images_take_less_than_four_gigabytes(tmp_path):
    assert memory_of_a_cell(tmp_path, 5000, 40) < 4000
