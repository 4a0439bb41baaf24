"""The command line, ``python -m benchmark COMMAND``: all commands and their options."""

import argparse
import importlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmark.paths import (
    DEMOS,
    NOTEBOOK,
    PUBLISHED,
    README,
    RUNS,
    SLURM_CONFIG,
    SPLITS,
)
from benchmark.protocol.catalogue import STUDIES, profile_groups
from benchmark.protocol.cells import CONTROLS, SETTINGS
from bgad.console import positive, serve
from bgad.data.registry import DATASETS
from bgad.errors import did_you_mean

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns
    -------
    int
        0 if it succeeded; 1 if a check did not, or a cell failed; 2 if the request cannot be
        served; 130 if it was interrupted.
    """
    options = _parse(sys.argv[1:] if arguments is None else list(arguments))
    # What a command needs is imported now: torch and pandas take seconds, which no --help needs.
    module = importlib.import_module(f"benchmark.commands.{options.command}")
    return serve(f"benchmark {options.command}", lambda: module.main(options))


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser, commands = _parser()
    command = next((word for word in arguments if not word.startswith("-")), None)
    if command is not None and command not in commands:
        parser.error(
            f"unknown command {command!r}{did_you_mean(command, commands)}: it is one of "
            f"{', '.join(commands)}"
        )
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        word, known = unknown[0], commands[options.command].options()
        commands[options.command].error(f"unknown option {word!r}{did_you_mean(word, known)}")
    return options


class _Command(argparse.ArgumentParser):
    """Parser of one command; says the defaults of all its options."""

    def __init__(self, **keywords: object) -> None:
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, **keywords)

    def options(self) -> Iterator[str]:
        """All options' names."""
        return (name for action in self._actions for name in action.option_strings)

    def format_help(self) -> str:
        for action in self._actions:
            default, text = action.default, action.help or ""
            if action.required:
                action.help = f"{text} (required)"
            elif default not in (None, False, argparse.SUPPRESS) and "default" not in text:
                shown = default if isinstance(default, list | tuple) else [default]
                words = " ".join(map(str, shown)).replace("%", "%%")
                action.help = f"{text} (default: {words})"
        return super().format_help()


def _parser() -> tuple[argparse.ArgumentParser, dict[str, _Command]]:
    parser = argparse.ArgumentParser(prog="python -m benchmark", description=__doc__)
    commands = parser.add_subparsers(
        dest="command", required=True, metavar="COMMAND", parser_class=_Command
    )
    for add in (
        _add_run,
        _add_documents,
        _add_results,
        _add_splits,
        _add_cache,
        _add_measurements,
    ):
        add(commands)
    return parser, commands.choices


def _add_run(commands: argparse._SubParsersAction) -> None:
    groups = (f"  {group}: {', '.join(names)}" for group, names in profile_groups().items())
    run = commands.add_parser(
        "run",
        help="train and evaluate a grid of cells (run_all.py is this)",
        description="Train and evaluate a grid of cells, and rewrite the README's tables. Without "
        "options: the\nquick profile on the synthetic stand-in, all fifteen categories.",
        epilog="profiles by group:\n" + "\n".join(groups),
    )
    what = run.add_argument_group("what")
    what.add_argument(
        "--profile",
        metavar="NAME|FILE.yaml",
        help="hyper-parameters, see below (default: quick on the synthetic stand-in, else cpu)",
    )
    what.add_argument(
        "--study",
        choices=STUDIES,
        help="all profiles of a study, one after the other, in place of --profile (default: none)",
    )
    what.add_argument(
        "--dataset",
        default="synthetic",
        metavar="NAME",
        help=f"{', '.join(DATASETS)}, or a name for data of your own",
    )
    what.add_argument(
        "--data-root",
        type=Path,
        metavar="DIR",
        help="DIR/CATEGORY/train/good/… (default: the synthetic stand-in's, drawn when needed)",
    )
    _add_grid(what)
    what.add_argument("--setting", choices=SETTINGS, default="general", help="what may be known")
    what.add_argument(
        "--controls",
        choices=CONTROLS,
        nargs="+",
        default=CONTROLS,
        metavar="NAME",
        help="what --setting control spoils, one after the other",
    )
    what.add_argument(
        "--vary",
        choices=("split", "train", "augment"),
        help="let --seeds vary this seed alone, the others stay the first of them (default: all)",
    )
    where = run.add_argument_group("where")
    where.add_argument(
        "--results",
        type=Path,
        metavar="DIR",
        help=f"where results go (default: {RUNS}/PROFILE)",
    )
    where.add_argument(
        "--readme",
        metavar="FILE",
        help=f"whose tables are rewritten, - for none (default: {README} for the synthetic "
        "stand-in and published data sets, else -)",
    )
    where.add_argument(
        "--report", metavar="DIR", help="- for none (default: report/ in the results)"
    )
    where.add_argument(
        "--jobs",
        type=positive,
        metavar="N",
        help="workers at a time (default: one for each core, as far as memory allows)",
    )
    where.add_argument(
        "--cluster", metavar="ADDRESS|slurm", help="a Dask scheduler (default: this machine)"
    )
    where.add_argument(
        "--slurm-config",
        type=Path,
        default=SLURM_CONFIG,
        metavar="FILE.yaml",
        help="what to ask Slurm for",
    )
    where.add_argument("--device", default="cpu", help="torch device, such as cuda")
    where.add_argument(
        "--memory-limit",
        type=_size,
        metavar="SIZE",
        help="of a job, such as 4GB (default: the machine's memory divided among the jobs)",
    )
    where.add_argument(
        "--notebook",
        type=Path,
        default=NOTEBOOK,
        metavar="FILE.ipynb",
        help="executed for each group of cells",
    )
    how = run.add_argument_group("how")
    how.add_argument("--dry-run", action="store_true", help="show what would run, and how long")
    how.add_argument("--rerun", action="store_true", help="compute anew what is there")
    how.add_argument(
        "--keep-maps", action="store_true", help="let cells keep their maps, in 8 bits a pixel"
    )
    how.add_argument("--tables-only", action="store_true", help="run nothing, show what is there")
    how.add_argument("--publish", action="store_true", help=f"copy results to {PUBLISHED}")


def _add_documents(commands: argparse._SubParsersAction) -> None:
    tables = commands.add_parser("tables", help="print the tables of stored results")
    tables.add_argument(
        "--dataset", nargs="+", metavar="NAME", help="data sets (default: all there are)"
    )
    _add_stored(tables, RUNS)

    report = commands.add_parser("report", help="write the HTML report of stored results")
    _add_stored(report, RUNS)
    report.add_argument(
        "--out", type=Path, default=RUNS / "report", metavar="DIR", help="folder of its pages"
    )

    readme = commands.add_parser("readme", help="write the README's blocks from published results")
    readme.add_argument(
        "--readme", type=Path, default=README, metavar="FILE", help="whose blocks to write"
    )
    _add_stored(readme)
    readme.add_argument("--check", action="store_true", help="only say whether it would change")

    lab = commands.add_parser("lab", help="open copies of the notebooks in JupyterLab")
    lab.add_argument(
        "--out", type=Path, default=RUNS / "lab", metavar="DIR", help="folder of the copies"
    )
    lab.add_argument("--copy-only", action="store_true", help="only copy them")


def _add_results(commands: argparse._SubParsersAction) -> None:
    rescore = commands.add_parser("rescore", help="compute metrics anew from what was kept")
    rescore.add_argument(
        "--results",
        type=_folder,
        required=True,
        metavar="DIR",
        help="folder of one profile's results",
    )
    rescore.add_argument(
        "--aupro-limit",
        type=float,
        default=0.3,
        metavar="FPR",
        help="false-positive rate up to which an additional AUPRO integrates",
    )
    rescore.add_argument("--write", action="store_true", help="store metrics that came out other")

    export = commands.add_parser("export", help="write stored results as CSV files")
    _add_stored(export, RUNS)
    export.add_argument(
        "--csv", type=Path, default=RUNS / "csv", metavar="DIR", help="folder of the files"
    )

    merge = commands.add_parser("merge", help="take over the results of another machine")
    merge.add_argument("source", type=Path, metavar="DIR", help="its folder of results")
    merge.add_argument(
        "--results",
        type=Path,
        default=RUNS,
        metavar="DIR",
        help="where they go, into a folder for each profile",
    )


def _add_splits(commands: argparse._SubParsersAction) -> None:
    splits = commands.add_parser("splits", help="write the splits as text files")
    splits.add_argument(
        "--dataset", required=True, metavar="NAME", help="its name, on which the splits depend"
    )
    splits.add_argument(
        "--data-root", type=Path, required=True, metavar="DIR", help="DIR/CATEGORY/train/good/…"
    )
    splits.add_argument(
        "--out", type=Path, default=SPLITS, metavar="DIR", help="where the files go"
    )
    _add_grid(splits, shots=[0, 1, 5, 10], seeds=[0, 1, 2])
    splits.add_argument(
        "--setting", choices=("general", "hard"), default="general", help="what may be known"
    )
    splits.add_argument("--check", action="store_true", help="only say which files would change")


def _add_cache(commands: argparse._SubParsersAction) -> None:
    cache = commands.add_parser(
        "cache", help="show the size of the cache of features and unfinished trainings"
    )
    cache.add_argument("--clear", action="store_true", help="delete it")


def _add_measurements(commands: argparse._SubParsersAction) -> None:
    speed = commands.add_parser(
        "speed", help="measure speed against what one would use otherwise (minutes)"
    )
    _add_output(speed, "speed.json", "where the figures go")

    demo = commands.add_parser(
        "demo", help="train a 10-shot model for each synthetic category, and draw its maps"
    )
    names = list(DATASETS["synthetic"].categories)
    demo.add_argument(
        "--categories", nargs="+", default=names, metavar="NAME", help="which (default: all)"
    )
    demo.add_argument(
        "--profile", default="quick", metavar="NAME|FILE.yaml", help="hyper-parameters"
    )
    demo.add_argument(
        "--out", type=Path, default=DEMOS, metavar="DIR", help="where CATEGORY.webp goes"
    )

    measure = commands.add_parser("measure", help="measure what documents say beside results")
    what = measure.add_subparsers(dest="what", required=True, metavar="WHAT", parser_class=_Command)
    what.add_parser("load", help="what scheduler, notebooks, store and tables cost (minutes)")
    latency = what.add_parser("latency", help="how long a verdict on an image takes (minutes)")
    _add_output(latency, "latency.json", "where the figures go")
    gpu = what.add_parser("gpu", help="steps, encoding and two whole cells on a GPU (minutes)")
    gpu.add_argument("--device", default="cuda", metavar="DEVICE", help="torch device")
    gpu.add_argument("--dataset", default="mvtec_ad", choices=DATASETS, help="whose category")
    gpu.add_argument("--category", default="pill", metavar="NAME", help="of the cells")
    gpu.add_argument(
        "--data-root", type=Path, required=True, metavar="DIR", help="DIR/CATEGORY/train/good/…"
    )
    gpu.add_argument(
        "--results", type=Path, default=RUNS, metavar="DIR", help="where the cells' results go"
    )
    _add_output(gpu, "gpu.json", "where the figures go")
    data = what.add_parser(
        "data",
        help="photo sessions, and what is left of masks at a model's size (minutes a category)",
    )
    data.add_argument("dataset", choices=DATASETS, metavar="DATASET", help="whose categories")
    data.add_argument(
        "--data-root", type=Path, required=True, metavar="DIR", help="DIR/CATEGORY/train/good/…"
    )
    data.add_argument(
        "--categories", nargs="+", default=[], metavar="NAME", help="which (default: all)"
    )
    _add_output(data, "data.json", "where the figures go, beside those of other categories")


def _add_output(parser: argparse.ArgumentParser, name: str, text: str) -> None:
    parser.add_argument(
        "--out", type=Path, default=PUBLISHED / name, metavar="FILE.json", help=text
    )


def _add_grid(
    parser: argparse._ActionsContainer,
    shots: Sequence[int] = (0, 10),
    seeds: Sequence[int] | None = None,
) -> None:
    parser.add_argument(
        "--categories", nargs="+", default=[], metavar="NAME", help="which (default: all)"
    )
    parser.add_argument(
        "--shots", nargs="+", type=int, default=shots, metavar="K", help="known anomalies"
    )
    parser.add_argument(
        "--seeds",
        nargs="+",
        type=int,
        default=seeds,
        metavar="S",
        help="of split, training and augmentation"
        + ("" if seeds else " (default: 0; on your own data, as many as test each of few defects)"),
    )


def _add_stored(parser: argparse.ArgumentParser, *default: Path) -> None:
    parser.add_argument(
        "--results",
        type=_folder,
        nargs="*",
        default=list(default),
        metavar="DIR",
        help="beside the published ones" + ("" if default else " (default: none)"),
    )


def _size(text: str) -> int:
    from dask.utils import parse_bytes

    try:
        return parse_bytes(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"must be a size such as 4GB, not {text!r}") from error


def _folder(text: str) -> Path:
    if not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"{text}: no such folder")
    return Path(text)


if __name__ == "__main__":  # also imported by each worker
    sys.exit(main())
