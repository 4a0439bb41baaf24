"""Command line for everything but running cells: ``python -m benchmark COMMAND``."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tabulate import tabulate

from benchmark.paths import PUBLISHED, README, RUNS, SPLITS, cache_dir
from benchmark.protocol.cells import grid
from benchmark.protocol.splits import manifest
from benchmark.results.store import Store, write_atomically
from bgad.data.folder import list_categories, load_category
from bgad.errors import InputError

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 if it succeeded, 1 if a check did not, 2 if it cannot be served."""
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except (InputError, OSError) as error:
        print(f"benchmark {options.command}: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmark", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    readme = commands.add_parser("readme", help="write the README's blocks from published results")
    readme.add_argument("--readme", type=Path, default=README, metavar="FILE")
    readme.add_argument("--results", type=Path, nargs="*", default=[], metavar="DIR", help="more")
    readme.add_argument("--check", action="store_true", help="only say whether it would change")
    readme.set_defaults(run=_readme)

    report = commands.add_parser("report", help="write the HTML report of stored results")
    report.add_argument("--results", type=Path, nargs="*", default=[RUNS], metavar="DIR")
    report.add_argument("--out", type=Path, default=RUNS / "report", metavar="DIR")
    report.set_defaults(run=_report)

    splits = commands.add_parser("splits", help="write the splits as text files")
    splits.add_argument("--dataset", required=True, metavar="NAME")
    splits.add_argument("--data-root", type=Path, required=True, metavar="DIR")
    splits.add_argument("--out", type=Path, default=SPLITS, metavar="DIR")
    splits.add_argument("--categories", nargs="+", metavar="NAME", help="default: all")
    splits.add_argument("--shots", nargs="+", type=int, default=[0, 1, 5, 10], metavar="K")
    splits.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], metavar="S")
    splits.add_argument("--setting", choices=("general", "hard"), default="general")
    splits.add_argument("--check", action="store_true", help="only say which files would change")
    splits.set_defaults(run=_splits)

    rescore = commands.add_parser("rescore", help="compute pixel metrics anew from saved curves")
    rescore.add_argument("--results", type=Path, required=True, metavar="DIR")
    rescore.add_argument("--aupro-limit", type=float, default=0.3, metavar="FPR")
    rescore.add_argument("--write", action="store_true", help="store metrics that came out other")
    rescore.set_defaults(run=_rescore)

    cache = commands.add_parser("cache", help="show the size of the feature cache")
    cache.add_argument("--clear", action="store_true", help="delete it")
    cache.set_defaults(run=_cache)
    return parser


def _readme(options: argparse.Namespace) -> int:
    from benchmark.show.readme import check, update

    roots = [PUBLISHED, *options.results]
    if not options.check:
        update(options.readme, roots)
        return 0
    if check(options.readme, roots):
        return 0
    print(f"{options.readme} is not what {PUBLISHED} gives: run python -m benchmark readme")
    return 1


def _report(options: argparse.Namespace) -> int:
    from benchmark.show.report import write_report

    print(write_report(options.out, PUBLISHED, options.results))
    return 0


def _splits(options: argparse.Namespace) -> int:
    changed = 0
    for path, text in _manifests(options):
        if path.is_file() and path.read_bytes() == text.encode():
            continue
        changed += 1
        if options.check:
            print(f"{path} would change")
        else:
            write_atomically(path, text.encode())
    return 1 if options.check and changed else 0


def _manifests(options: argparse.Namespace) -> Iterator[tuple[Path, str]]:
    names = options.categories or list_categories(options.data_root)
    categories = {name: load_category(options.data_root, name) for name in names}
    types = {name: category.types for name, category in categories.items()}
    for cell in grid(options.dataset, types, [0], options.seeds, "any", options.setting):
        setting = f"hard-{cell.known_type}" if cell.known_type else cell.setting
        yield (
            options.out / cell.dataset / cell.category / f"{setting}_seed-{cell.seed}.txt",
            manifest(
                categories[cell.category],
                cell.dataset,
                cell.setting,
                options.shots,
                cell.seed,
                cell.known_type,
            ),
        )


def _rescore(options: argparse.Namespace) -> int:
    from benchmark.results.rescore import curves, rescore

    store = Store(options.results)
    rows, problems, changed = [], [], []
    for result in store.results():
        try:
            anew = rescore(store, result)
        except InputError as error:
            problems.append(str(error))
            continue
        if anew != result:
            changed.append(str(store.path(result.cell)))
            if options.write:
                store.write(anew)
        for test_set, curve in curves(store, result).items():
            figures = anew.metrics[test_set].model_dump()
            pixel = {name: value for name, value in figures.items() if name.startswith("pixel")}
            limit = {f"aupro {options.aupro_limit:g}": curve.aupro(options.aupro_limit)}
            rows.append({"cell": str(result.cell), "test set": test_set} | pixel | limit)
    print(tabulate(rows, "keys", floatfmt=".4f", missingval="n/d"))
    for path in changed:
        print(f"{path}: metrics {'changed' if options.write else 'differ: --write stores them'}")
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def _cache(options: argparse.Namespace) -> int:
    from bgad.features import FeatureCache

    cache = FeatureCache(cache_dir() / "features")
    size = cache.size() / 1e9
    if options.clear:
        cache.clear()
        print(f"{cache.root}: {size:.2f} GB deleted")
    else:
        print(f"{cache.root}: {size:.2f} GB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
