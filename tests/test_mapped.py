"""Arrays on disk: they are arrays, leave nothing behind, and are read in part."""

import errno
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from bgad.mapped import chunks, empty_on_disk, reserve


@pytest.mark.parametrize("shape", [(3, 4), (5,), (0, 7)])
@pytest.mark.parametrize("dtype", [np.float32, bool, np.uint8])
def test_it_holds_what_is_written_and_has_no_name(tmp_path, shape, dtype):
    array = empty_on_disk(shape, dtype, tmp_path / "new")
    assert (array.shape, array.dtype) == (shape, dtype)
    assert not array.any()
    expected = np.random.default_rng(0).integers(0, 2, shape).astype(dtype)
    array[:] = expected
    assert np.array_equal(array, expected)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_chunks_are_all_images_once_and_in_order(tmp_path):
    array = empty_on_disk((70, 5, 4), np.float32, tmp_path)
    array[:] = np.random.default_rng(0).normal(size=array.shape)
    parts = list(chunks(array))
    assert max(map(len, parts)) < len(array)
    assert torch.equal(torch.cat(parts), torch.from_numpy(array.astype(np.float64)))


def test_reserved_files_have_all_their_blocks(tmp_path):
    path = tmp_path / "file"
    with path.open("wb") as file:
        file.truncate(1 << 20)
        assert path.stat().st_blocks == 0
        reserve(file.fileno())
    assert path.stat().st_blocks * 512 >= 1 << 20 == path.stat().st_size


def test_a_file_system_that_cannot_reserve_is_used_as_it_is(tmp_path, monkeypatch):
    def refuse(descriptor, offset, length):
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    array = empty_on_disk((3,), np.uint8, tmp_path)
    array[:] = 7
    assert array.tolist() == [7, 7, 7]


def test_a_full_disk_is_an_error_not_a_killed_process(tmp_path):
    code = (
        "import resource, sys, numpy as np; from pathlib import Path\n"
        "from bgad.mapped import empty_on_disk\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try: empty_on_disk((2000,), np.uint8, Path(sys.argv[1]))\n"
        "except OSError as error: print(error.strerror)"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "File too large\n")
