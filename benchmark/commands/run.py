"""Train and evaluate a grid of cells, and rewrite the README's tables."""

import os
import shutil
import signal
import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pandas as pd

from benchmark.paths import IS_CHECKOUT, PUBLISHED, README, RUNS, cache_dir
from benchmark.protocol.catalogue import study_profiles
from benchmark.protocol.cells import CONTROLS
from benchmark.protocol.profiles import Profile, load_profile
from benchmark.results.frame import results_frame
from benchmark.results.store import Store, load_all
from benchmark.results.verdict import judge
from benchmark.run.cluster import connect, default_jobs
from benchmark.run.plan import PlannedCell, Request, estimate, group, plan
from benchmark.run.progress import Display
from benchmark.run.runner import Runner, hold
from benchmark.show import documents, markdown, tables
from benchmark.show.document import Section
from bgad.data.registry import DATASETS, find_dataset
from bgad.data.synthetic import ensure
from bgad.device import find_device
from bgad.errors import InputError, did_you_mean

__all__ = ["main"]


def main(options: Namespace) -> int:
    """Serve one request.

    Returns
    -------
    int
        0 if all asked cells are there, 1 if some failed, 130 if it was interrupted.
    """
    previous = signal.signal(signal.SIGTERM, _interrupt)
    try:
        return _serve(options)
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


def _serve(options: Namespace) -> int:
    os.environ["BGAD_CACHE"] = str(cache_dir())  # workers and notebooks have other folders
    options.readme = options.readme or _default_readme(options.dataset)
    if options.readme != "-":
        documents.check(options.readme, tables.Source.of(results_frame([])))  # unusable: say it now
    if options.study and options.profile:
        raise InputError("--study and --profile: give one of the two")
    if options.controls != CONTROLS and options.setting != "control":
        raise InputError("--controls belongs to --setting control")
    if options.memory_limit and options.cluster:
        raise InputError("--memory-limit is of this machine: a cluster has its own")
    default = find_dataset(options.dataset).profile
    names = study_profiles(options.study) if options.study else [options.profile or default]
    profiles = list(map(load_profile, names))
    stores = [_store(profile, options) for profile in profiles]
    requests = [] if options.tables_only else [_request(profile, options) for profile in profiles]
    if not options.dry_run:
        for request, store in zip(requests[1:], stores[1:], strict=False):
            plan(request, store)  # unusable: say it before hours of those before it
    failed = []
    for number, (profile, store) in enumerate(zip(profiles, stores, strict=True)):
        if options.study:
            print(f"profile {profile.name}")
        if not options.tables_only:
            request = requests[number]
            if options.dry_run:
                _dry_run(plan(request, store), request, store, options)
                continue
            failed += _run(request, store, options)
        if options.publish and not options.dry_run:
            _publish(store, profile.hash)
    if options.dry_run:
        return 0
    _report(options, stores)
    for failure in failed:
        print(f"FAILED {failure}", file=sys.stderr)
    return 1 if failed else 0


def _request(profile: Profile, options: Namespace) -> Request:
    return Request(
        profile,
        options.dataset,
        _data_root(options),
        options.categories,
        options.shots,
        options.seeds,
        options.setting,
        options.vary,
        options.controls,
        options.device,
        options.keep_maps,
    )


def _default_readme(dataset: str) -> str:
    """The project's README for data sets that it shows; none for a user's own."""
    is_shown = find_dataset(dataset).is_synthetic or any(PUBLISHED.glob(f"*/{dataset}"))
    return str(README) if is_shown and IS_CHECKOUT else "-"


def _store(profile: Profile, options: Namespace) -> Store:
    """Where a profile's results go; those of a study, each into a folder of its own."""
    if options.results is None:
        return Store(RUNS / profile.name)
    return Store(options.results / profile.name if options.study else options.results)


def _run(request: Request, store: Store, options: Namespace) -> list[str]:
    """Run what is missing; return which cells failed, and why."""
    started = time.monotonic()
    with hold(store.root) as token:
        store.remove_leftovers()
        planned = plan(request, store)
        todo = _todo(planned, options)
        if todo and options.cluster is None:
            find_device(request.device)
        failed = {
            str(cell.cell): f"{cell.failure.error} (given up after {cell.failure.attempts} "
            "attempts: --rerun tries again)"
            for cell in planned
            if cell.failure and cell.given_up and not options.rerun
        }
        if todo:
            jobs = options.jobs or default_jobs()
            jobs = min(jobs, len(group(todo, jobs)))
            seconds = estimate(todo, request.profile, store, request.device)
            display = Display(len(todo), None if seconds is None else seconds / jobs)
            connection = connect(options.cluster, jobs, options.memory_limit, options.slurm_config)
            display.tell(f"{len(todo)} of {len(planned)} cells to run: starting workers")
            with connection as client, display:
                if options.rerun:  # with the attempts of a cell that was never tried
                    for cell in todo:
                        store.forget_failure(cell.cell)
                        shutil.rmtree(cache_dir() / "training" / cell.key, ignore_errors=True)
                    todo = [replace(cell, failure=None) for cell in todo]
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


def _todo(planned: Sequence[PlannedCell], options: Namespace) -> list[PlannedCell]:
    if options.rerun:
        return list(planned)
    return [cell for cell in planned if not cell.done and not cell.given_up]


def _dry_run(
    planned: Sequence[PlannedCell], request: Request, store: Store, options: Namespace
) -> None:
    todo = _todo(planned, options)
    for cell in planned:
        state = "given up" if cell.given_up else "there"
        print(f"{'to run' if cell in todo else state:9}{cell.cell}")
    jobs = min(options.jobs or default_jobs(), max(1, len(todo)))
    seconds = estimate(todo, request.profile, store, request.device)
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
        Store(PUBLISHED / result.cell.profile).copy(result, store, curves=False)
    print(f"{len(results)} cells published in {PUBLISHED}.")


def _report(options: Namespace, stores: Sequence[Store]) -> None:
    """Show this run's figures, and whether they are the published ones; rewrite README, report."""
    own = results_frame(load_all([store.root for store in stores]))
    print(markdown.section(_summary(own, options)))
    if not options.publish:
        published = results_frame(load_all([PUBLISHED]))
        verdict = judge(published, own)
        if verdict.compared:
            print(markdown.section(tables.verdict.section(verdict)))
    if options.readme != "-":
        blocks = documents.update(options.readme, _source(options))
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


def _source(options: Namespace) -> tables.Source:
    return tables.Source.read(PUBLISHED, [options.results or RUNS])


def _summary(own: pd.DataFrame, options: Namespace) -> Section:
    """Figures of the run: those of the main tables, or else of the tables that they belong to."""
    belongs_to = options.study or {"control": "controls"}.get(options.setting)
    name = belongs_to or ("seeds" if options.vary else None)
    if name in tables.SECTIONS:
        return tables.make_section(name, _source(options))
    return tables.run.section(own, options.dataset)


def _data_root(options: Namespace) -> Path:
    if options.data_root:
        return options.data_root
    if find_dataset(options.dataset).is_synthetic:
        return ensure(cache_dir())
    raise InputError(
        f"--data-root: where is {options.dataset!r}{did_you_mean(options.dataset, DATASETS)}? give "
        "DIR of DIR/CATEGORY/train/good"
    )
