"""``python -m bgad fit``: learn from folders of images."""

import argparse
import ast
import math
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from bgad.conformal import check_calibration
from bgad.data.folder import Sample, known_anomalies
from bgad.data.images import folder_images, image_size
from bgad.data.truth import check_truth
from bgad.detectors import resolve
from bgad.errors import InputError
from bgad.parts.files import check_output
from bgad.profile import read_profile

__all__ = ["run"]


def run(options: argparse.Namespace) -> int:
    """Fit a detector, save it, and say what it learnt."""
    started = time.monotonic()
    normal = folder_images(options.normal)
    print(f"{_described(normal)} of good parts in {options.normal}")
    held_out = round(options.held_out * len(normal))
    try:
        check_calibration(held_out, options.false_alarms)
    except InputError as error:
        kept = f"--held-out {options.held_out} keeps {held_out} of {len(normal)} good parts aside"
        raise InputError(f"{error} ({kept})") from error
    check_output(options.out)
    method, parameters = options.method, {}
    if options.profile is not None:
        method, parameters = read_profile(options.profile)
    detector = resolve(method)(**parameters | dict(map(_parameter, options.set)))
    known = _known(options)
    masks = None
    if options.masks is not None:
        check_truth(known, detector.image_size)
        masks = [sample.truth() for sample in known]
    elif known and detector.needs_masks:
        raise InputError(
            f"{method} learns from masks, which are missing: give --masks; or --method "
            "devnet, which does without; or leave --anomalous out, learn from good parts alone, "
            "and judge the defective ones to see what is found"
        )
    print(f"Reading, and training {method} on {len(normal) - held_out} of them …", flush=True)
    detector.fit(
        normal,
        [sample.path for sample in known] or None,
        masks,
        held_out=options.held_out,
        pixel_false_alarms=options.pixel_false_alarms,
    )
    detector.save(options.out)
    print(
        f"{options.out} written in {timedelta(seconds=round(time.monotonic() - started))}.\n"
        f"Calibrated on {held_out} good parts that it has not seen: of new ones like these, "
        f"predict --false-alarms {options.false_alarms:g} rejects at most "
        f"{options.false_alarms:.1%} (the least that {held_out} can promise is "
        f"{1 / (held_out + 1):.1%}; 5 % takes 19, 1 % takes 99)."
    )
    if known:
        print(f"{len(known)} known anomalies were learnt: judge others to see what it finds.")
    return 0


def _known(options: argparse.Namespace) -> list[Sample]:
    """Known anomalies, with their masks if these are given."""
    if options.anomalous is None:
        if options.masks is not None:
            raise InputError("--masks: are of known anomalies: give --anomalous, too")
        return []
    anomalous = folder_images(options.anomalous)
    print(f"{_described(anomalous)} of defective parts in {options.anomalous}")
    samples = known_anomalies(anomalous, options.masks)
    if options.masks is not None:
        print(f"{sum(len(sample.mask_paths) for sample in samples)} masks in {options.masks}")
    return samples


def _described(paths: list[Path]) -> str:
    """How many images of which sizes."""
    sizes = sorted({image_size(path) for path in paths})
    names = [f"{width} x {height}" for height, width in sizes]
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
