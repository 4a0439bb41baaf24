"""Peak memory: what is allocated counts while it is there; mapped files do not."""

import os

import numpy as np
import psutil
import pytest

from benchmark.memory import PeakMemory, private_bytes

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


def test_mapped_files_do_not_count(tmp_path):
    np.ones(SIZE, np.uint8).tofile(tmp_path / "file")
    process = psutil.Process()
    mapped = np.memmap(tmp_path / "file", np.uint8, "r")
    before, resident = private_bytes(process), process.memory_info().rss
    assert mapped.sum() == SIZE
    assert process.memory_info().rss > resident + 0.9 * SIZE
    assert private_bytes(process) < before + 0.1 * SIZE


def test_a_process_that_is_gone_is_an_error():
    child = os.spawnlp(os.P_NOWAIT, "true", "true")
    process = psutil.Process(child)
    os.waitpid(child, 0)
    with pytest.raises(psutil.Error):
        private_bytes(process)
