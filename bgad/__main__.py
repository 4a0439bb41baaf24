"""Command line for one's own parts: ``python -m bgad fit|predict|export``."""

import argparse
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from bgad.console import serve
from bgad.detectors import METHODS

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns
    -------
    int
        0, but 1 if `predict` finds defective images, and 2 if the request, or one of the images,
        cannot be served.
    """
    options = _parser().parse_args(arguments)
    # Only now: torch takes seconds to import.
    return serve(
        f"bgad {options.command}",
        lambda: importlib.import_module(f"bgad.parts.{options.command}").run(options),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bgad", description="Learn what good parts look like, and judge new ones."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    fit = commands.add_parser(
        "fit",
        help="learn from folders of images",
        description="Learn from a folder of good parts, and perhaps one of defective parts.",
    )
    fit.add_argument("--normal", type=Path, required=True, metavar="DIR", help="good parts")
    fit.add_argument("--anomalous", type=Path, metavar="DIR", help="defective parts, if any")
    fit.add_argument(
        "--masks",
        type=Path,
        metavar="DIR",
        help="their defects' masks: NAME, NAME_mask, NAME_* or a folder NAME",
    )
    fit.add_argument("--out", type=Path, required=True, metavar="FILE.bgad", help="model to write")
    what = fit.add_mutually_exclusive_group()
    what.add_argument(
        "--method", choices=METHODS, default="bgad", help="detector (default: %(default)s)"
    )
    what.add_argument(
        "--profile", type=Path, metavar="FILE.yaml", help="method and parameters (default: none)"
    )
    fit.add_argument(
        "--set",
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME=VALUE",
        help="parameters of the detector, such as image_size=384 (default: those of its class)",
    )
    _add_share(fit, "--false-alarms", 0.05, "share that predict will be asked for, to check")
    _add_share(fit, "--held-out", 0.2, "share of the good parts kept aside to calibrate")
    _add_share(fit, "--pixel-false-alarms", 0.001, "share of a good part's area that is outlined")

    predict = commands.add_parser(
        "predict",
        help="judge images",
        description="Judge images. Writes scores.csv, overlays and index.html. Exit status: 0 all "
        "are good, 1 some are defective, 2 the request or an image cannot be served.",
    )
    predict.add_argument("model", type=Path, metavar="FILE", help="what fit or export wrote")
    predict.add_argument(
        "images", nargs="+", metavar="IMAGE", help="files, folders with all below, or patterns"
    )
    predict.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write")
    _add_weights(predict)
    predict.add_argument(
        "--device", default="cpu", help="torch device, such as cuda (default: %(default)s)"
    )
    _add_share(predict, "--false-alarms", 0.05, "share of good parts that may be rejected")

    export = commands.add_parser(
        "export",
        help="write a model as an ONNX file",
        description="Write backbone, method and maps as one ONNX file, with the thresholds in its "
        "metadata, and compare its scores with the model's.",
    )
    export.add_argument("model", type=Path, metavar="FILE.bgad", help="not of padim or devnet")
    export.add_argument(
        "--out", type=Path, required=True, metavar="FILE.onnx", help="file to write"
    )
    _add_weights(export)
    _add_share(export, "--false-alarms", 0.05, "rate behind the score threshold in the file")
    return parser


def _add_weights(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--weights",
        type=Path,
        metavar="FILE",
        help="the backbone's, where they are not found as they were in fit",
    )


def _add_share(parser: argparse.ArgumentParser, name: str, default: float, text: str) -> None:
    parser.add_argument(
        name,
        type=_share,
        default=default,
        metavar="SHARE",
        help=f"{text} (default: %(default)s)",
    )


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"must lie between 0 and 1, not {text!r}")
    return value


if __name__ == "__main__":
    sys.exit(main())
