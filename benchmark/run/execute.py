"""Execute one notebook with papermill, in a process that dies with the one that started it."""

import atexit
import ctypes
import gc
import json
import os
import signal
import socket
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

__all__ = ["die_with_parent", "execute", "prepare_kernel"]

_PR_SET_PDEATHSIG = 1
_LONGEST_ADDRESS = 100  # bytes; systems take 104 or 108, which a number and a zero end


def die_with_parent(parent: int) -> None:
    """Have this process killed when its parent ends, however that ends (Linux).

    Parameters
    ----------
    parent
        The parent's process id, to notice if it has ended already.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)


def prepare_kernel(parent: int) -> None:
    """Ready a kernel for a notebook: it ends with its parent, and wastes no time on garbage.

    Parameters
    ----------
    parent
        See `die_with_parent`.
    """
    die_with_parent(parent)
    gc.set_threshold(10_000)  # imports make many objects that stay; looking at them costs a second
    atexit.register(gc.freeze)  # so does looking at them once more when the process ends


def execute(notebook: Path, output: Path, parameters: dict) -> tuple[str | None, bool]:
    """Execute a notebook; its copy with all outputs appears at `output` when it has ended.

    Parameters
    ----------
    notebook
        The notebook; it also runs in its folder.
    output
        Where the executed copy goes, beside it with ``.failed.ipynb`` if it did not succeed.
    parameters
        For papermill.

    Returns
    -------
    error : str or None
        Why it failed.
    died : bool
        Whether the kernel ended without an exception: killed, or out of memory.
    """
    import papermill
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    sockets = TemporaryDirectory(prefix="bgad-kernel-")
    address = f"{sockets.name}/socket"
    is_file = hasattr(socket, "AF_UNIX") and len(os.fsencode(address)) < _LONGEST_ADDRESS

    class ThisPython(AsyncKernelManager):
        """Starts this very interpreter, whatever kernel a user has installed as "python3"."""

        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            if is_file:  # a TCP port that was found free may be another kernel's when it is bound
                self.transport, self.ip = "ipc", address

        @property
        def kernel_spec(self) -> KernelSpec:
            command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
            return KernelSpec(argv=command, display_name="Python 3", language="python")

    prepare = f"__import__('benchmark.run.execute').execute.prepare_kernel({os.getpid()})"
    output.parent.mkdir(parents=True, exist_ok=True)
    scratch = output.with_name(f".{output.stem}-{os.getpid()}.ipynb")
    failed = output.with_suffix(".failed.ipynb")
    error, died = None, False
    try:
        papermill.execute_notebook(
            _literal(notebook),
            _literal(scratch),
            parameters,
            kernel_name="python3",
            kernel_manager_class=ThisPython,
            language="python",
            progress_bar=False,
            log_output=True,
            cwd=notebook.parent,
            start_timeout=600,
            extra_arguments=[f"--IPKernelApp.exec_lines={prepare}"],
        )
    except PapermillExecutionError as problem:
        error = f"{problem.ename}: {problem.evalue}"
    except DeadKernelError:
        error, died = "the notebook's kernel was killed, or ran out of memory", True
    except Exception as problem:
        error = f"{type(problem).__name__}: {problem}"
    finally:
        sockets.cleanup()
    if scratch.exists():
        scratch.replace(failed if error else output)
    if not error:
        failed.unlink(missing_ok=True)
    return error, died


def _literal(path: Path) -> str:
    """A path as papermill takes it, which replaces {names}."""
    return str(path).replace("{", "{{").replace("}", "}}")


def _main() -> None:
    """Do what standard input says, and answer on standard output; all else goes to the log."""
    request = json.load(sys.stdin)
    die_with_parent(request["parent"])
    # A format that no notebook has, and whose grammar jsonschema would compile for a second.
    sys.modules["rfc3987_syntax"] = None
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    import logging

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    with TemporaryDirectory(prefix="bgad-ipython-") as folder:
        # Nothing runs in kernels that a user has told every IPython, or Python, to start with.
        os.environ["IPYTHONDIR"] = folder
        os.environ.pop("PYTHONSTARTUP", None)
        error, died = execute(
            Path(request["notebook"]), Path(request["output"]), request["parameters"]
        )
    if error:
        logging.error("%s", error)
    json.dump({"error": error, "died": died}, answers)
    answers.close()


if __name__ == "__main__":
    _main()
