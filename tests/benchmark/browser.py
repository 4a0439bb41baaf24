"""A real browser and a real JupyterLab, where the machine has them."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmark.paths import REPOSITORY

__all__ = ["chromium", "copy_checkout", "jupyterlab", "run_notebook"]

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
_RUN = "() => window.jupyterapp.commands.execute('notebook:run-all-cells')"
_READ = """() => {
  const panel = window.jupyterapp.shell.currentWidget;
  const kernel = panel?.sessionContext?.session?.kernel;
  if (!panel?.content?.model || !kernel) return null;
  return {status: kernel.status, cells: panel.content.model.toJSON().cells};
}"""


@contextmanager
def chromium() -> Iterator:
    """Start a browser; the test is skipped where playwright or Chromium are not installed."""
    playwright = pytest.importorskip("playwright.sync_api")
    executable = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
    if executable is None:
        pytest.skip("no Chromium: install it, or name it in CHROMIUM")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=executable, args=_FLAGS)
        yield browser
        browser.close()


def copy_checkout(folder: Path) -> Path:
    """Copy what a run of the notebooks needs, so that the checkout stays as it is."""
    for name in ("benchmark", "bgad", "notebooks", "results/published"):
        shutil.copytree(REPOSITORY / name, folder / name)
    for name in ("run_all.py", "README.md"):
        shutil.copy(REPOSITORY / name, folder / name)
    return folder


@contextmanager
def jupyterlab(folder: Path) -> Iterator[str]:
    """Serve a folder by JupyterLab; gives its address."""
    pytest.importorskip("jupyterlab")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": port,
        "ServerApp.root_dir": str(folder),
        "IdentityProvider.token": "",
        "LabApp.expose_app_in_browser": True,
        "LabApp.news_url": None,
        "LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
    }
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += [f"--{name}={value}" for name, value in options.items()]
    environment = os.environ | {"PYTHONPATH": str(folder), "JUPYTER_CONFIG_DIR": str(folder)}
    with (folder / "jupyterlab.log").open("w") as log:
        server = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(120):
            try:
                urllib.request.urlopen(f"{address}/api", timeout=5).close()
                break
            except OSError:
                time.sleep(0.5)
        yield address
    finally:
        server.terminate()
        server.wait(30)


def run_notebook(page, address: str, name: str, seconds: float) -> list[dict]:
    """Open a notebook in JupyterLab and run all its cells; returns them with their outputs.

    Raises
    ------
    AssertionError
        If it takes longer, or a cell ends with an error.
    """
    page.goto(f"{address}/lab/tree/notebooks/{name}.ipynb?reset")
    _wait(page, lambda state: state and state["status"] == "idle", 120)
    page.evaluate(_RUN)
    time.sleep(1)
    state = _wait(
        page,
        lambda state: (
            state["status"] == "idle"
            and all(
                cell["execution_count"] for cell in state["cells"] if cell["cell_type"] == "code"
            )
        ),
        seconds,
    )
    outputs = [output for cell in state["cells"] for output in cell.get("outputs", [])]
    errors = [output for output in outputs if output["output_type"] == "error"]
    assert not errors, json.dumps(errors)[:2000]
    return state["cells"]


def _wait(page, is_over, seconds: float):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        state = page.evaluate(_READ) if page.evaluate("() => !!window.jupyterapp") else None
        if is_over(state):
            return state
        page.wait_for_timeout(500)
    raise AssertionError(
        f"{page.url}: not over after {seconds} seconds: {json.dumps(state)[-1500:]}"
    )
