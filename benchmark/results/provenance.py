"""Which code on which machine made a result."""

import importlib.metadata
import os
import platform
import subprocess
import sys
from datetime import datetime, timezone
from functools import lru_cache
from pathlib import Path

from benchmark.paths import REPOSITORY
from benchmark.protocol.schema import Provenance

__all__ = ["begin", "now", "stamp"]

_PACKAGES = (
    "torch",
    "torchvision",
    "timm",
    "kornia",
    "numpy",
    "scipy",
    "scikit-image",
    "pillow",
)
_CODE = ("bgad", "benchmark", "notebooks", "run_all.py", "pyproject.toml")


def now() -> datetime:
    """Current time in UTC."""
    return datetime.now(timezone.utc)


def begin() -> datetime:
    """Note the code's state before work begins; the time, for `stamp`."""
    _state_at_start()
    return now()


def stamp(started: datetime, device: str = "cpu", weights_sha256: str | None = None) -> Provenance:
    """Describe code and machine of work that ends now.

    Parameters
    ----------
    started
        `begin` at its beginning.
    device
        Torch device that was used.
    weights_sha256
        Of the backbone.
    """
    commit, dirty = _state_at_start()
    if dirty is False and _git_state(REPOSITORY) != (commit, dirty):
        dirty = True  # who knows which of the two states was imported
    torch = sys.modules.get("torch")
    return Provenance(
        commit=commit,
        dirty=dirty,
        versions=_versions(),
        cpu=_cpu(),
        device=device,
        threads=torch.get_num_threads() if torch else 1,
        started=started,
        finished=now(),
        weights_sha256=weights_sha256,
    )


@lru_cache
def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


@lru_cache
def _state_at_start() -> tuple[str | None, bool | None]:
    return _git_state(REPOSITORY)


def _git_state(repository: Path) -> tuple[str | None, bool | None]:
    """Commit, and whether code differs from it; None without git or outside a repository."""
    top = _git(repository, "rev-parse", "--show-toplevel")
    if top is None or Path(top).resolve() != repository.resolve():
        return None, None  # installed elsewhere, perhaps inside a repository of the user's own
    commit = _git(repository, "rev-parse", "HEAD")
    changes = _git(
        repository,
        "status",
        "--porcelain",
        "--untracked-files=all",
        "--ignore-submodules=none",
        "--",
        *_CODE,
    )
    return commit, None if changes is None else bool(changes)


def _git(repository: Path, *arguments: str) -> str | None:
    command = ["git", "-C", str(repository), *arguments]
    # Variables of a hook or a script around us could name another repository.
    environment = {key: value for key, value in os.environ.items() if key[:4] != "GIT_"}
    environment["GIT_OPTIONAL_LOCKS"] = "0"
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=20, env=environment, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


@lru_cache
def _cpu() -> str | None:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or None
