"""``python -m bgad fit``: learn from folders of images."""

import argparse
import ast
import math
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from bgad.conformal import check_calibration
from bgad.data.folder import match_masks
from bgad.data.images import IMAGE_SUFFIXES, image_size
from bgad.data.masks import read_mask
from bgad.detectors import resolve
from bgad.errors import InputError

__all__ = ["find_images", "run"]


def run(options: argparse.Namespace) -> int:
    """Fit a detector, save it, and say what it learnt."""
    started = time.monotonic()
    normal = find_images(options.normal)
    print(f"{_described(normal)} of good parts in {options.normal}")
    held_out = round(options.held_out * len(normal))
    check_calibration(held_out, options.false_alarms)
    anomalous, masks = _known(options)
    if options.out.is_dir() or not options.out.absolute().parent.is_dir():
        raise InputError(f"{options.out}: give a file in a folder that exists")
    detector = resolve(options.method)(**dict(map(_parameter, options.set)))
    if anomalous and masks is None and detector.needs_masks:
        raise InputError(
            f"{options.method} learns where defects are: give their --masks, or --method devnet, "
            "which learns without, or leave --anomalous out"
        )
    print(
        f"Reading, and training {options.method} on {len(normal) - held_out} of them …", flush=True
    )
    detector.fit(
        normal,
        anomalous or None,
        masks,
        held_out=options.held_out,
        pixel_false_alarms=options.pixel_false_alarms,
    )
    detector.save(options.out)
    smallest = 1 / (held_out + 1)
    print(
        f"{options.out} written in {timedelta(seconds=round(time.monotonic() - started))}.\n"
        f"Calibrated on {held_out} good parts that it has not seen: of new ones like these, at most "
        f"{options.false_alarms:.1%} will be rejected (the least that {held_out} can promise is "
        f"{smallest:.1%}; 5 % takes 19, 1 % takes 99)."
    )
    if anomalous:
        print(f"{len(anomalous)} known anomalies were learnt: judge others to see what it finds.")
    return 0


def find_images(folder: Path) -> list[Path]:
    """Image files in a folder, sorted by name.

    Raises
    ------
    InputError
        There is no such folder, or it holds no image.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    found = sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")
    )
    if not found:
        raise InputError(f"{folder}: holds no image ({', '.join(IMAGE_SUFFIXES)})")
    return found


def _known(options: argparse.Namespace) -> tuple[list[Path], np.ndarray | list | None]:
    """Known anomalies, and the mask of each."""
    if options.anomalous is None:
        if options.masks is not None:
            raise InputError("--masks: are of known anomalies: give --anomalous, too")
        return [], None
    anomalous = find_images(options.anomalous)
    print(f"{_described(anomalous)} of defective parts in {options.anomalous}")
    if options.masks is None:
        return anomalous, None
    found = match_masks(anomalous, find_images(options.masks))
    if missing := [path.name for path in anomalous if path not in found]:
        raise InputError(
            f"{options.masks}: no mask for {len(missing)} of {len(anomalous)} defective parts, such "
            f"as {missing[0]}: name it {Path(missing[0]).stem}_mask.png"
        )
    print(f"{sum(map(len, found.values()))} masks in {options.masks}")
    return anomalous, [np.any([read_mask(p) for p in found[path]], axis=0) for path in anomalous]


def _described(paths: list[Path]) -> str:
    """How many images of which sizes."""
    sizes = sorted({image_size(path) for path in paths})
    names = [f"{width} × {height}" for height, width in sizes]
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} other sizes" if len(names) > 3 else "")
    return f"{len(paths)} images ({shown} pixels)"


def _parameter(text: str) -> tuple[str, Any]:
    """NAME=VALUE; a value that is no Python literal is a word."""
    name, separator, value = text.partition("=")
    if not separator or not name.isidentifier():
        raise InputError(f"--set: expected NAME=VALUE, got {text!r}")
    try:
        number = ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value
    if isinstance(number, float) and not math.isfinite(number):
        raise InputError(f"--set: {name} must be finite, got {value}")
    return name, number
