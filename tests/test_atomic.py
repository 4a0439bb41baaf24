"""A file is there whole, or as it was."""

import errno
import os

import pytest

from bgad.atomic import replacing, write_atomically


@pytest.fixture
def path(tmp_path):
    return tmp_path / "folder/file"


def test_a_file_is_replaced_with_its_folder_made(path):
    for content in (b"old", b"new"):
        write_atomically(path, content)
        assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(path, monkeypatch, code):
    write_atomically(path, b"old")

    def fail(descriptor):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match=f"{os.strerror(code)}: .*folder/file'"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    "error", [ValueError("no number"), FileNotFoundError(errno.ENOENT, "missing", "weights")]
)
def test_a_block_that_raises_is_the_error_and_leaves_nothing(path, error):
    path.parent.mkdir()
    with pytest.raises(type(error)) as raised, replacing(path) as temporary:
        temporary.write_bytes(b"half")
        raise error
    assert raised.value is error
    assert list(path.parent.iterdir()) == []


def test_a_path_that_cannot_be_written_is_named(tmp_path):
    with (
        pytest.raises(FileNotFoundError, match=r"missing/file'"),
        replacing(tmp_path / "missing/file") as temporary,
    ):
        temporary.write_bytes(b"")


@pytest.mark.parametrize("umask", [0o002, 0o077])
def test_modes_follow_the_umask(path, umask):
    path.parent.mkdir()
    previous = os.umask(umask)
    try:
        write_atomically(path, b"")
    finally:
        os.umask(previous)
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask


def test_a_file_system_that_cannot_sync_will_do(path, monkeypatch):
    def unsupported(descriptor):
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(os, "fsync", unsupported)
    write_atomically(path, b"whole")
    assert path.read_bytes() == b"whole"
