"""Open copies of the notebooks in JupyterLab: working in them changes no file of the code."""

import shutil
import subprocess
import sys
from argparse import Namespace

from benchmark.paths import NOTEBOOK

__all__ = ["main"]


def main(options: Namespace) -> int:
    """Serve the command and return its exit status."""
    options.out.mkdir(parents=True, exist_ok=True)
    for notebook in sorted(NOTEBOOK.parent.glob("*.ipynb")):
        copy = options.out / notebook.name
        if copy.is_file():
            print(f"{copy}: kept as it is; delete it to have it anew")
        else:
            shutil.copyfile(notebook, copy)
            print(f"{copy}: copied")
    if options.copy_only:
        return 0
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={options.out.resolve()}"]
    return subprocess.run(command, check=False).returncode
