"""Fixtures shared by all tests."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples everywhere, however busy the machine.
settings.register_profile("bgad", deadline=None, derandomize=True)
settings.load_profile("bgad")

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def real_data_root() -> Path:
    """Folder with real MVTec AD categories at 256 px, or a skip that says why."""
    default = REPOSITORY.parent / "shared" / "data" / "mvtec_ad_256"
    root = Path(os.environ.get("BGAD_MVTEC_ROOT", default))
    if not (root / "bottle" / "train" / "good").is_dir():
        pytest.skip(f"needs real MVTec AD images: set BGAD_MVTEC_ROOT (looked in {root})")
    return root
