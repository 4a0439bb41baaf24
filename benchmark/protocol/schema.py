"""What a cell's JSON holds, and nothing else."""

from datetime import datetime, timezone
from typing import Annotated, Any, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    SerializerFunctionWrapHandler,
    create_model,
    model_serializer,
)

from benchmark.protocol.cells import Cell
from benchmark.protocol.metrics import METRICS

__all__ = [
    "SCHEMA_VERSION",
    "TEST_SETS",
    "Config",
    "DataRecord",
    "Failure",
    "Metrics",
    "Provenance",
    "Result",
    "SplitRecord",
    "Timings",
    "TypeMetrics",
    "Verdicts",
]

SCHEMA_VERSION = 1
"""Raised whenever a key changes its meaning: results of other versions are computed anew."""

TEST_SETS = ("common", "paper")
"""See `benchmark.protocol.splits.Split`."""

_Count = Annotated[int, Field(ge=0, lt=2**53)]
_Seconds = Annotated[float, Field(ge=0)]
_Share = Annotated[float, Field(ge=0, le=1, strict=True)]
_Time = Annotated[
    AwareDatetime,
    Field(
        ge=datetime(2000, 1, 1, tzinfo=timezone.utc), lt=datetime(2200, 1, 1, tzinfo=timezone.utc)
    ),
]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class _Figures(_Model):
    """Figures on one test set, each between 0 and 1.

    None where undefined; what an older result lacks is None too, is not in `model_fields_set`, and
    is not written.
    """

    @model_serializer(mode="wrap")
    def _without_what_lacks(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {k: v for k, v in serialise(self).items() if k in self.model_fields_set}


Metrics = create_model(
    "Metrics", __base__=_Figures, **dict.fromkeys(METRICS, (_Share | None, None))
)


class TypeMetrics(_Model):
    """Figures of one anomaly type against all normal test images."""

    n: _Count
    image_auroc: _Share | None
    recall: _Share | None  # share of its images with a pixel beyond the explicit boundary


class Verdicts(_Model):
    """How images fare if those are called anomalous that split-conformal calibration rejects.

    Attributes
    ----------
    rate
        Nominal rate of false alarms.
    calibration
        Normal images whose scores fix the verdict, see `bgad.conformal.p_values`.
    normal, false_alarms
        Normal test images, and those of them that are called anomalous.
    anomalous, misses
        Anomalous test images, and those of them that are not.
    """

    rate: _Share
    calibration: _Count
    normal: _Count
    false_alarms: _Count
    anomalous: _Count
    misses: _Count


class SplitRecord(_Model):
    """The known anomalies, in order, and `Split.sha256`."""

    known: list[str]
    sha256: str


class DataRecord(_Model):
    """`Category.fingerprint`."""

    fingerprint: str


class Config(_Model):
    """The full profile.

    Attributes
    ----------
    caveat
        What must be said wherever its figures are shown; None for nothing.
    evaluation
        In what it departs from the protocol, see `benchmark.protocol.profiles.Evaluation`: with any
        entry, the figures are an oracle's.
    """

    profile_hash: str
    method: str
    description: str
    study: str | None
    caveat: str | None = None
    parameters: dict[str, JsonValue]
    evaluation: dict[str, JsonValue] = {}


class Timings(_Model):
    """Wall-clock seconds of the process that ended the cell.

    `features` is what it waited for them, cached or not. Of a training that was interrupted,
    `train` lacks what came before.
    """

    features: _Seconds
    train: _Seconds
    score: _Seconds
    metrics: _Seconds
    total: _Seconds


class Provenance(_Model):
    """Code, machine and time behind a result; None where it could not be found out.

    Attributes
    ----------
    weights_sha256
        Of the backbone's parameters, see `bgad.backbone.Backbone`; None in older results.
    """

    commit: str | None
    dirty: bool | None
    versions: dict[str, str]
    cpu: str | None
    device: str
    threads: int
    started: _Time
    finished: _Time
    weights_sha256: str | None = None


class Result(_Model):
    """A finished cell.

    Attributes
    ----------
    key
        See `benchmark.results.store.result_key`.
    metrics
        By test set, `TEST_SETS`.
    intervals
        Confidence intervals over test images (95 %), by test set and metric.
    per_type
        By test set and anomaly type.
    false_alarms
        By test set, the share of normal images with a pixel beyond the explicit boundary; None
        without one, and nothing in older results.
    verdicts
        By test set; None for a method without calibration scores, or with too few, and nothing in
        older results.
    training
        Curves and other facts for a person; nothing is computed from them.
    boundary_threshold
        Map value above which a pixel is called anomalous, from training normals alone; None for a
        method without one.
    peak_memory_mb, private_memory_mb
        Peak of the process so far, memory-mapped files included, and of the cell alone without them
        (`benchmark.run.memory`); the latter is None in older results.
    curves_sha256, scores_sha256, maps_sha256
        Of the files with the state behind the pixel metrics, with each image's scores, and with the
        maps if they were to be kept; None without them.
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    status: Literal["ok"] = "ok"
    key: str
    cell: Cell
    metrics: Annotated[dict[Literal["common", "paper"], Metrics], Field(min_length=2)]
    counts: dict[str, _Count]
    split: SplitRecord
    data: DataRecord
    config: Config
    timings_s: Timings
    peak_memory_mb: float
    private_memory_mb: float | None = None
    provenance: Provenance
    intervals: dict[str, dict[str, tuple[float, float] | None]] = {}
    per_type: dict[str, dict[str, TypeMetrics]] = {}
    false_alarms: dict[str, _Share | None] = {}
    verdicts: dict[str, Verdicts | None] = {}
    training: dict[str, JsonValue] = {}
    boundary_threshold: float | None = None
    curves_sha256: str | None = None
    scores_sha256: str | None = None
    maps_sha256: str | None = None

    @property
    def lacking(self) -> tuple[str, ...]:
        """Metrics that it has no figure of, as it is older than they are."""
        known = set.intersection(*(figures.model_fields_set for figures in self.metrics.values()))
        return tuple(name for name in METRICS if name not in known)


class Failure(_Model):
    """A cell that failed: why, how often, and where its log is."""

    schema_version: Literal[1] = SCHEMA_VERSION
    status: Literal["failed"] = "failed"
    key: str
    cell: Cell
    error: str
    log: str | None
    attempts: _Count
    finished: _Time
