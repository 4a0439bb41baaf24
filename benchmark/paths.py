"""Where the suite's own files are, and where a run's files go, unless an option says otherwise.

In a checkout both are there. An installed package is only read: what it makes goes into the current
folder, and its cache to where the user's caches are.
"""

import os
from importlib.metadata import files
from pathlib import Path

__all__ = [
    "DEMOS",
    "DOCS",
    "IS_CHECKOUT",
    "NOTEBOOK",
    "PROFILES",
    "PUBLISHED",
    "README",
    "REPOSITORY",
    "RUNS",
    "SLURM_CONFIG",
    "SPLITS",
    "cache_dir",
]


def _notebooks() -> Path:
    if IS_CHECKOUT:
        return REPOSITORY / "notebooks"
    installed = (file for file in files("bgad-benchmark") or () if file.name == "category.ipynb")
    return Path(str(next(installed).locate())).resolve().parent


def cache_dir() -> Path:
    """Folder of features and of the synthetic stand-in.

    ``BGAD_CACHE``, or else ``.cache`` in a checkout, ``~/.cache/bgad`` for an installed package.
    """
    if given := os.environ.get("BGAD_CACHE"):
        return Path(given).expanduser().resolve()
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return REPOSITORY / ".cache" if IS_CHECKOUT else caches / "bgad"


REPOSITORY = Path(__file__).resolve().parents[1]
IS_CHECKOUT = (REPOSITORY / "run_all.py").is_file()
PROFILES = REPOSITORY / "benchmark" / "profiles"
SLURM_CONFIG = REPOSITORY / "benchmark" / "run" / "slurm.yaml"
NOTEBOOK = _notebooks() / "category.ipynb"

_HOME = REPOSITORY if IS_CHECKOUT else Path.cwd()
README = _HOME / "README.md"
RUNS = _HOME / "results" / "runs"
PUBLISHED = _HOME / "results" / "published"
SPLITS = _HOME / "results" / "splits"
DOCS = _HOME / "docs"
DEMOS = DOCS / "demo"
