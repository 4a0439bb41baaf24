"""Every section that is made from results, by name, and the documents that carry it."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.protocol.catalogue import STUDIES
from benchmark.protocol.schema import Result
from benchmark.results.frame import results_frame
from benchmark.results.references import load_references
from benchmark.results.stale import split_stale
from benchmark.results.store import load_all
from benchmark.show.document import Section
from benchmark.show.tables import (
    advice,
    controls,
    costs,
    datasets,
    findings,
    headline,
    latency,
    left_out,
    metric_card,
    others,
    peers,
    power,
    profiles,
    references,
    replication,
    run,
    scores,
    seeds,
    sessions,
    speed,
    study,
    truth,
    verdict,
    verdicts,
)
from bgad.errors import InputError

__all__ = ["OF_DATASET", "OF_RUN", "SECTIONS", "Source", "make_section", "run", "verdict"]

_MEASURED = ("data", "latency", "speed")


@dataclass(frozen=True)
class Source:
    """What sections are made from.

    Attributes
    ----------
    frame
        All results (see `benchmark.results.frame.results_frame`); one's own win over published.
    published
        The published ones alone: what a run here took is no business of the documents.
    measured
        Content of ``NAME.json`` (see `benchmark.measure`) by name; lacks what was not measured.
    stale
        Results that the frame lacks, as others have superseded them.
    """

    frame: pd.DataFrame
    published: pd.DataFrame
    measured: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    stale: Sequence[Result] = ()

    @classmethod
    def of(cls, frame: pd.DataFrame) -> "Source":
        """Take a frame's results as the published ones, and the only ones."""
        return cls(frame, frame)

    @classmethod
    def read(cls, published: str | Path, own: Sequence[str | Path] = ()) -> "Source":
        """Read the folder of published results, and those of one's own, the later ones winning.

        Raises
        ------
        InputError
            If what was measured is no JSON.
        """
        roots = [Path(published), *map(Path, own)]
        results = load_all(roots)
        frame = results_frame(results)
        alone = results_frame(load_all(roots[:1])) if own else frame
        return cls(frame, alone, _measured(roots), split_stale(results)[1])


SECTIONS: dict[str, Callable[[Source], Section]] = {
    "findings": lambda source: findings.section(source.frame, most=5),
    "all-findings": lambda source: findings.section(source.frame),
    "all-findings-plus": lambda source: findings.section(source.frame, profile="plus"),
    "others": lambda source: others.section(source.frame, "mvtec_ad"),
    "references": lambda source: references.section(source.frame, load_references()),
    "ablation": lambda source: study.section(source.frame, "ablation"),
    "backbones": lambda source: study.section(source.frame, "backbones"),
    "fidelity": lambda source: study.section(source.frame, "fidelity"),
    "resolution": lambda source: study.section(source.frame, "resolution"),
    "replication": lambda source: replication.section(source.frame),
    "controls": lambda source: controls.section(source.frame),
    "seeds": lambda source: seeds.section(source.frame),
    "power": lambda source: power.section(source.frame),
    "peers": lambda source: peers.section(source.frame),
    "inspector": lambda source: verdicts.section(source.frame),
    "costs": lambda source: costs.section(source.published),
    "speed": lambda source: speed.section(source.measured.get("speed")),
    "latency": lambda source: latency.section(source.measured.get("latency")),
    "sessions": lambda source: sessions.section(source.measured.get("data")),
    "truth": lambda source: truth.section(source.measured.get("data")),
    "left-out": lambda source: left_out.section(source.stale),
    "datasets": lambda source: datasets.section(),
    "profiles": lambda source: profiles.section(),
    "metrics": lambda source: metric_card.section(),
}
"""Name of a section -> what makes it."""

OF_RUN = ("inspector", *STUDIES, "controls", "seeds", "metrics")
"""Sections that say something of a run on data of which nothing is published."""

OF_DATASET: dict[str, Callable[[Source, str], Section]] = {
    "advice": lambda source, dataset: advice.section(source.frame, dataset),
    "headline": lambda source, dataset: headline.section(source.frame, dataset),
    "results": lambda source, dataset: scores.section(source.frame, dataset),
}
"""Name of a section that each data set has one of -> what makes it: ``results-mvtec_ad``."""


def make_section(name: str, source: Source) -> Section:
    """Make the section of a name, such as ``findings`` or ``results-mvtec_ad``.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    if name in SECTIONS:
        return SECTIONS[name](source)
    kind, _, dataset = name.partition("-")
    if kind in OF_DATASET and dataset:
        section = OF_DATASET[kind](source, dataset)
        stale = [result for result in source.stale if result.cell.dataset == dataset]
        return replace(section, blocks=(*section.blocks, *left_out.notes(stale)))
    known = ", ".join([*(f"{kind}-DATASET" for kind in OF_DATASET), *SECTIONS])
    raise InputError(f"unknown block {name!r}: it may be one of {known}")


def _measured(roots: Sequence[Path]) -> dict[str, Any]:
    paths = {
        name: path
        for root in roots
        for name in _MEASURED
        if (path := root / f"{name}.json").is_file()
    }
    content = {}
    for name, path in paths.items():
        try:
            content[name] = json.loads(path.read_bytes())
        except ValueError as error:
            raise InputError(f"{path}: is no JSON: measure anew or delete it") from error
    return content
