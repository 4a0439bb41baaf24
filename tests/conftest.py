"""Fixtures shared by all tests."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples everywhere, however busy the machine.
settings.register_profile("bgad", deadline=None, derandomize=True)
settings.load_profile("bgad")


@pytest.fixture(scope="session")
def real_data_root() -> Path:
    """Folder with real MVTec AD categories at 256 px, or a skip that says why."""
    root = Path(os.environ.get("BGAD_MVTEC_ROOT", "nowhere"))
    if not (root / "bottle" / "train" / "good").is_dir():
        pytest.skip(f"needs real MVTec AD images: set BGAD_MVTEC_ROOT (looked in {root})")
    return root


@pytest.fixture
def small_disk() -> Iterator[Callable[[Path, str], Path]]:
    """Mounts a file system of its own, of a size such as "64k", at a new folder."""
    mounted = []

    def mount(folder: Path, size: str) -> Path:
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
        try:
            subprocess.run(command, capture_output=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("file systems can't be mounted here")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "-l", str(folder)], check=True)
