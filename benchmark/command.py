"""The command line of run_all.py."""

import argparse
import signal
import sys
import time
import warnings
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pandas as pd
from dask.utils import parse_bytes

from benchmark.paths import NOTEBOOK, PUBLISHED, README, RUNS, cache_dir
from benchmark.protocol.cells import SETTINGS
from benchmark.protocol.profiles import (
    STUDIES,
    Profile,
    load_profile,
    profile_names,
    study_profiles,
)
from benchmark.results.store import Store, load_all
from benchmark.results.summary import summary_text
from benchmark.results.tables import results_frame
from benchmark.results.verdict import judge
from benchmark.run.cluster import SLURM_CONFIG, connect, default_jobs
from benchmark.run.plan import PlannedCell, Request, check_weights, estimate, plan
from benchmark.run.progress import Display
from benchmark.run.runner import Runner, hold
from benchmark.show import readme
from benchmark.show.studies import control_tables, seed_tables, study_tables
from bgad.data.synthetic import ensure
from bgad.device import find_device
from bgad.errors import InputError

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve one request; see DESIGN in the README's section on the command line.

    Returns
    -------
    int
        0 if all asked cells are there, 1 if some failed, 2 if the request cannot be served, 130 if
        it was interrupted.
    """
    options = _parser().parse_args(arguments)
    warnings.showwarning = lambda message, *_: print(f"warning: {message}", file=sys.stderr)
    previous = signal.signal(signal.SIGTERM, _interrupt)
    try:
        return _serve(options)
    except (InputError, OSError) as error:
        print(f"run_all.py: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(
            "\nInterrupted. Cells that were finished are kept: the same command continues.",
            file=sys.stderr,
        )
        return 130
    finally:
        signal.signal(signal.SIGTERM, previous)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt  # not by SIGINT, which a background job of a shell ignores


def _serve(options: argparse.Namespace) -> int:
    if options.readme != "-":
        readme.check(options.readme, [])  # say now if it can't be written later
    if options.study and options.profile:
        raise InputError("--study and --profile: give one of the two")
    default = "quick" if options.dataset == "synthetic" else "cpu"
    names = study_profiles(options.study) if options.study else [options.profile or default]
    stores, failed = [], []
    for profile in map(load_profile, names):
        store = _store(profile, options)
        stores.append(store)
        if options.study:
            print(f"profile {profile.name}")
        if not options.tables_only:
            request = Request(
                profile,
                options.dataset,
                _data_root(options),
                options.categories,
                options.shots,
                options.seeds,
                options.setting,
                options.vary,
                options.device,
            )
            if options.dry_run:
                _dry_run(plan(request, store), request, store, options)
                continue
            failed += _run(request, store, options)
        if options.publish:
            _publish(store, profile.hash)
    if options.dry_run:
        return 0
    _report(options, stores)
    for failure in failed:
        print(f"FAILED {failure}", file=sys.stderr)
    return 1 if failed else 0


def _store(profile: Profile, options: argparse.Namespace) -> Store:
    """Where a profile's results go; those of a study, each into a folder of its own."""
    if options.results is None:
        return Store(RUNS / profile.name)
    return Store(options.results / profile.name if options.study else options.results)


def _run(request: Request, store: Store, options: argparse.Namespace) -> list[str]:
    """Run what is missing; return which cells failed, and why."""
    started = time.monotonic()
    with hold(store.root) as token:
        store.remove_leftovers()
        planned = plan(request, store)
        todo = _todo(planned, options)
        if todo:
            check_weights(request.profile)
            if options.cluster is None:
                find_device(request.device)
        failed = {
            str(cell.cell): f"{cell.failure.error} (given up after {cell.failure.attempts} "
            "attempts: --rerun tries again)"
            for cell in planned
            if cell.given_up and not options.rerun
        }
        if todo:
            jobs = options.jobs or default_jobs()
            seconds = estimate(todo, request.profile, store)
            display = Display(len(todo), None if seconds is None else seconds / jobs)
            connection = connect(options.cluster, jobs, options.memory_limit, options.slurm_config)
            display.tell(f"{len(todo)} of {len(planned)} cells to run: starting workers")
            with connection as client, display:
                if options.rerun:
                    for cell in todo:
                        store.forget(cell.cell)
                    todo = [PlannedCell(cell.cell, cell.key, False, None) for cell in todo]
                runner = Runner(client, request, store, options.notebook, token)
                is_elsewhere = options.cluster not in (None, "slurm")
                runner.run(todo, display, 0 if is_elsewhere else jobs)
            failed |= {str(cell): cause for cell, cause in runner.failed.items()}
    there = sum(cell.done for cell in planned) if not options.rerun else 0
    print(
        f"{len(planned)} cells: {there} were there, {len(planned) - there - len(failed)} computed, "
        f"{len(failed)} failed, in {timedelta(seconds=round(time.monotonic() - started))}."
    )
    return [f"{cell}: {cause}" for cell, cause in failed.items()]


def _todo(planned: Sequence[PlannedCell], options: argparse.Namespace) -> list[PlannedCell]:
    if options.rerun:
        return list(planned)
    return [cell for cell in planned if not cell.done and not cell.given_up]


def _dry_run(
    planned: Sequence[PlannedCell], request: Request, store: Store, options: argparse.Namespace
) -> None:
    todo = _todo(planned, options)
    if todo:
        check_weights(request.profile)
    for cell in planned:
        state = "given up" if cell.given_up else "there"
        print(f"{'to run' if cell in todo else state:9}{cell.cell}")
    jobs = options.jobs or default_jobs()
    seconds = estimate(todo, request.profile, store)
    if not todo:
        time_needed = "nothing to do"
    elif seconds is None:
        time_needed = f"nothing of profile {request.profile.name} has run yet to tell how long"
    else:
        time_needed = f"about {timedelta(seconds=round(seconds / jobs))} with {jobs} jobs"
    print(f"{len(planned)} cells, {len(todo)} to run: {time_needed}.")


def _publish(store: Store, profile_hash: str) -> None:
    results = [result for result in store.results() if result.config.profile_hash == profile_hash]
    for result in results:
        Store(PUBLISHED / result.cell.profile).write(result)
    print(f"{len(results)} cells published in {PUBLISHED}.")


def _report(options: argparse.Namespace, stores: Sequence[Store]) -> None:
    """Show this run's figures, and whether they are the published ones; rewrite README, report."""
    own = results_frame(load_all([store.root for store in stores]))
    print(_summary(own, options))
    if not options.publish:
        published = results_frame(load_all([PUBLISHED]))
        verdict = judge(published, own)
        if verdict.compared:
            print(verdict.markdown())
    if options.readme != "-":
        blocks = readme.update(options.readme, [PUBLISHED, options.results or RUNS])
        if f"results-{options.dataset}" not in blocks:
            print(
                f"{options.readme} has no tables of {options.dataset}: to have them, add the lines "
                f"<!-- begin:results-{options.dataset} --> and "
                f"<!-- end:results-{options.dataset} -->.",
                file=sys.stderr,
            )
    if options.report != "-":
        from benchmark.show.report import write_report  # needs matplotlib

        own = [store.root for store in stores]
        folder = own[0] if len(own) == 1 else own[0].parent
        print(f"Report: {write_report(options.report or folder / 'report', PUBLISHED, own)}")


def _summary(own: pd.DataFrame, options: argparse.Namespace) -> str:
    """This run's figures: those of the main tables, or else of the tables that they belong to."""
    everything = results_frame(load_all([PUBLISHED, options.results or RUNS]))
    if options.study:
        return study_tables(everything, options.study)
    if options.setting == "control":
        return control_tables(everything)
    if options.vary:
        return seed_tables(everything)
    return summary_text(own, options.dataset)


def _data_root(options: argparse.Namespace) -> Path:
    if options.data_root:
        return options.data_root
    if options.dataset == "synthetic":
        return ensure(cache_dir())
    raise InputError(
        f"--data-root: where is {options.dataset}? give DIR of DIR/CATEGORY/train/good"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="run_all.py",
        description="Train and evaluate a grid of cells, and rewrite the README's tables. Without "
        "options: the quick profile on the synthetic stand-in, all fifteen categories.",
    )
    what = parser.add_argument_group("what")
    what.add_argument(
        "--profile",
        metavar="NAME|FILE.yaml",
        help=f"hyper-parameters, such as {', '.join(profile_names())} (default: quick on "
        "synthetic, else cpu)",
    )
    what.add_argument(
        "--study",
        choices=STUDIES,
        help="all profiles of a study, one after the other, in place of --profile",
    )
    what.add_argument("--dataset", default="synthetic", metavar="synthetic|mvtec_ad|NAME")
    what.add_argument("--data-root", type=Path, metavar="DIR", help="DIR/CATEGORY/train/good/…")
    what.add_argument("--categories", nargs="+", default=[], metavar="NAME", help="default: all")
    what.add_argument("--shots", nargs="+", type=int, default=[0, 10], metavar="K")
    what.add_argument("--seeds", nargs="+", type=int, default=[0], metavar="S")
    what.add_argument("--setting", choices=SETTINGS, default="general")
    what.add_argument(
        "--vary",
        choices=("split", "train", "augment"),
        help="let --seeds vary this seed alone; the others stay the first of them",
    )
    where = parser.add_argument_group("where")
    where.add_argument("--results", type=Path, metavar="DIR", help="default: results/runs/PROFILE")
    where.add_argument("--readme", default=str(README), metavar="FILE", help="- for none")
    where.add_argument(
        "--report", metavar="DIR", help="- for none (default: report/ in the results)"
    )
    where.add_argument("--jobs", type=_positive, metavar="N", help="default: one for each core")
    where.add_argument(
        "--cluster", metavar="ADDRESS|slurm", help="a Dask scheduler; default: this machine"
    )
    where.add_argument("--slurm-config", type=Path, default=SLURM_CONFIG, metavar="FILE.yaml")
    where.add_argument("--device", default="cpu", help="such as cuda (default: %(default)s)")
    where.add_argument("--memory-limit", type=_size, metavar="SIZE", help="of a job, such as 4GB")
    where.add_argument("--notebook", type=Path, default=NOTEBOOK, metavar="FILE.ipynb")
    how = parser.add_argument_group("how")
    how.add_argument("--dry-run", action="store_true", help="show what would run, and how long")
    how.add_argument("--rerun", action="store_true", help="compute anew what is there")
    how.add_argument("--tables-only", action="store_true", help="run nothing")
    how.add_argument("--publish", action="store_true", help="copy results to results/published")
    return parser


def _size(text: str) -> int:
    try:
        return parse_bytes(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"must be a size such as 4GB, not {text!r}") from error


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1, not {text!r}")
    return int(text)
