"""Where the suite's own files are, unless an option says otherwise."""

import os
from pathlib import Path

__all__ = [
    "DEMOS",
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

REPOSITORY = Path(__file__).resolve().parents[1]
PROFILES = REPOSITORY / "benchmark" / "profiles"
SLURM_CONFIG = REPOSITORY / "benchmark" / "run" / "slurm.yaml"
NOTEBOOK = REPOSITORY / "notebooks" / "category.ipynb"
README = REPOSITORY / "README.md"
RUNS = REPOSITORY / "results" / "runs"
PUBLISHED = REPOSITORY / "results" / "published"
SPLITS = REPOSITORY / "results" / "splits"
DEMOS = REPOSITORY / "docs" / "demo"


def cache_dir() -> Path:
    """Folder of features and of the synthetic stand-in: ``BGAD_CACHE``, or ``.cache`` here."""
    return Path(os.environ.get("BGAD_CACHE") or REPOSITORY / ".cache")
