"""Command line for data sets: ``python -m bgad.data verify|download|convert|synthetic``."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bgad.console import positive, serve
from bgad.data.convert import LAYOUTS, convert
from bgad.data.download import SHA256, URL, download, license_notice
from bgad.data.folder import list_categories, load_category
from bgad.data.registry import DATASETS
from bgad.data.verify import Verification, verify_category
from bgad.errors import InputError

__all__ = ["main"]

_SIGNIFICANT = 0.05
_COUNTED = [name for name, dataset in DATASETS.items() if dataset.counts]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 if it succeeded, 1 if `verify` found problems, 2 if it cannot be served.

    Parameters
    ----------
    arguments
        Command line arguments; by default those of the process.
    """
    options = _parser().parse_args(arguments)
    return serve(f"bgad.data {options.command}", lambda: options.run(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bgad.data", description="Data sets for BGAD.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    verify = commands.add_parser("verify", help="check a folder of categories, file by file")
    verify.add_argument("--root", type=Path, required=True, metavar="DIR")
    verify.add_argument("--categories", nargs="+", metavar="NAME", help="default: all")
    verify.add_argument(
        "--dataset",
        default="mvtec_ad",
        metavar="NAME",
        help=f"whose official counts to expect ({', '.join(_COUNTED)}); any other name: none",
    )
    verify.add_argument(
        "--image-size", type=positive, default=256, metavar="PX", help="the model's; default: 256"
    )
    verify.add_argument(
        "--session",
        action="store_true",
        help="also ask whether a probe tells training from test normals (a minute a category)",
    )
    verify.set_defaults(run=_verify)

    fetch = commands.add_parser("download", help="fetch MVTec AD (5.3 GB, 10.6 GB of disk space)")
    fetch.add_argument("--root", type=Path, required=True, metavar="DIR", help="folder to create")
    fetch.add_argument("--url", default=URL, help="where the archive is now, if it has moved")
    fetch.add_argument("--sha256", default=SHA256, help="for another archive than the complete one")
    fetch.add_argument("--accept-license", action="store_true", help="do not ask")
    fetch.set_defaults(run=_download)

    layout = commands.add_parser("convert", help="bring another data set into the MVTec layout")
    layout.add_argument("layout", choices=LAYOUTS, help="the data set's")
    layout.add_argument("--source", type=Path, required=True, metavar="DIR", help="as unpacked")
    layout.add_argument("--root", type=Path, required=True, metavar="DIR", help="folder to create")
    layout.set_defaults(run=_convert)

    synthetic = commands.add_parser("synthetic", help="write the synthetic stand-in as a folder")
    synthetic.add_argument("--root", type=Path, required=True, metavar="DIR", help="where to write")
    synthetic.add_argument("--categories", nargs="+", metavar="NAME", help="default: all fifteen")
    synthetic.set_defaults(run=_synthetic)
    return parser


def _verify(options: argparse.Namespace) -> int:
    known = list_categories(options.root)
    unknown = sorted(set(options.categories or ()) - set(known))
    if unknown:
        raise InputError(
            f"unknown category {', '.join(unknown)}: {options.root} holds {', '.join(known)}"
        )
    names = options.categories or known
    width = max(len("category"), *map(len, names))
    print(f"{'category':<{width}}  {'folder':<28}{'images':>8}{'official':>10}{'masks':>8}")
    results = []
    for name in names:
        results.append(verify_category(options.root, name, options.dataset, options.image_size))
        _print_counts(results[-1], width)
    for kind in ("notes", "problems"):
        lines = [line for result in results for line in getattr(result, kind)]
        print(f"\n{kind}: {len(lines) or 'none'}")
        print(*(f"- {line}" for line in lines), sep="\n", end="\n" if lines else "")
    if options.session:
        print("\nsessions:", flush=True)
        for name in names:
            print(f"- {options.root / name}: {_session(options, name)}", flush=True)
    return 1 if any(result.problems for result in results) else 0


def _session(options: argparse.Namespace, category: str) -> str:
    # Encoding needs packages that reading does not: imported where they are used.
    from bgad.backbone import Backbone
    from bgad.features import encode
    from bgad.inputs import as_images
    from bgad.session import session_control

    backbone = Backbone("tf_efficientnet_lite2", options.image_size)
    try:
        normals = load_category(options.root, category)
        sets = [
            encode(backbone, as_images([s.path for s in samples], options.image_size))
            for samples in (normals.train, normals.test_normals)
        ]
        control = session_control(*sets)
    except InputError as error:
        return str(error)
    low, high = np.quantile(control.null, [0.025, 0.975])
    return (
        f"a probe tells test from training normals with AUROC {control.auroc:.3f} "
        f"(by chance {low:.2f} to {high:.2f}, p = {control.p_value:.3f})"
        + "; thresholds fixed on training normals may not hold"
        * (control.p_value <= _SIGNIFICANT)
    )


def _print_counts(result: Verification, width: int) -> None:
    for count in result.counts:
        official = "-" if count.official is None else count.official
        masks = "-" if count.masks is None else count.masks
        wrong = "  !" if count.official not in (None, count.images) else ""
        print(
            f"{result.category:<{width}}  {count.folder:<28}"
            f"{count.images:>8}{official:>10}{masks:>8}{wrong}",
            flush=True,
        )


def _download(options: argparse.Namespace) -> int:
    print(license_notice())
    if not options.accept_license:
        try:
            answer = input("Do you accept this license? [yes/no] ")
        except EOFError:
            answer = ""
        if answer.strip().lower() not in ("y", "yes"):
            raise InputError("the license was not accepted (--accept-license accepts it)")
    try:
        root = download(options.root, options.url, options.sha256, _Progress())
    finally:
        print(file=sys.stderr)  # ends the line of progress
    names = list_categories(root)
    print(f"{root} holds {len(names)} categories; check them with")
    print(f"python -m bgad.data verify --root {root}")
    return 0


def _convert(options: argparse.Namespace) -> int:
    (dataset,) = (known for known in DATASETS.values() if known.layout == options.layout)
    print(f"{dataset.label}: {dataset.licence}, {dataset.url}. Please cite:\n{dataset.citation}")
    root = convert(options.layout, options.source, options.root)
    print(f"{root} holds {len(list_categories(root))} categories; check them with")
    print(f"python -m bgad.data verify --root {root} --dataset {dataset.name}")
    return 0


class _Progress:
    """Prints each step's progress on standard error whenever it moved by a percent (or 50 MB)."""

    def __init__(self) -> None:
        self.last: tuple[str, int] = ("", 0)

    def __call__(self, step: str, done: int, total: int | None) -> None:
        mark = 100 * done // total if total else done // 50_000_000
        if (step, mark) == self.last:
            return
        start = "" if step == self.last[0] else "\n"
        self.last = (step, mark)
        amount = f"{mark:3d} % of {total / 1e6:,.0f} MB" if total else f"{done / 1e6:,.0f} MB"
        print(f"{start}\r{step}: {amount}", end="", file=sys.stderr, flush=True)


def _synthetic(options: argparse.Namespace) -> int:
    # Drawing needs packages that reading does not: imported where they are used.
    from bgad.data.synthetic import generate

    print(generate(options.root, options.categories))
    return 0


if __name__ == "__main__":
    sys.exit(main())
