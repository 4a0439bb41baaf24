"""What a cell's JSON holds, and nothing else."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from benchmark.protocol.cells import Cell

__all__ = [
    "METRICS",
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
]

SCHEMA_VERSION = 1
"""Raised whenever a key changes its meaning: results of other versions are computed anew."""

TEST_SETS = ("common", "paper")
"""See `benchmark.protocol.splits.Split`."""

_Count = Annotated[int, Field(ge=0)]
_Seconds = Annotated[float, Field(ge=0)]
_Share = Annotated[float, Field(ge=0, le=1)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Metrics(_Model):
    """Figures on one test set, each between 0 and 1; None where undefined."""

    image_auroc: _Share | None
    image_ap: _Share | None
    pixel_auroc: _Share | None
    pixel_ap: _Share | None
    pixel_f1_max: _Share | None
    pixel_f1_boundary: _Share | None
    aupro_30: _Share | None


METRICS = tuple(Metrics.model_fields)


class TypeMetrics(_Model):
    """Figures of one anomaly type against all normal test images."""

    n: _Count
    image_auroc: _Share | None
    recall: _Share | None  # share of its images with a pixel beyond the explicit boundary


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
    evaluation
        In what it departs from the protocol, see `benchmark.protocol.profiles.Evaluation`: with any
        entry, the figures are an oracle's.
    """

    profile_hash: str
    method: str
    description: str
    study: str | None
    parameters: dict[str, JsonValue]
    evaluation: dict[str, JsonValue] = {}


class Timings(_Model):
    """Wall-clock seconds; `features` is what this cell waited for them, cached or not."""

    features: _Seconds
    train: _Seconds
    score: _Seconds
    metrics: _Seconds
    total: _Seconds


class Provenance(_Model):
    """Code, machine and time behind a result; None where it could not be found out."""

    commit: str | None
    dirty: bool | None
    versions: dict[str, str]
    cpu: str | None
    device: str
    threads: int
    started: str  # ISO 8601, UTC
    finished: str


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
    training
        Curves and other facts for a person; nothing is computed from them.
    boundary_threshold
        Map value above which a pixel is called anomalous, from training normals alone; None for a
        method without one.
    peak_memory_mb, private_memory_mb
        Peak of the process so far, memory-mapped files included, and of the cell alone without them
        (`benchmark.run.memory`); the latter is None in older results.
    curves_sha256
        Of the file with the state from which every pixel metric can be computed again.
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
    training: dict[str, JsonValue] = {}
    boundary_threshold: float | None = None
    curves_sha256: str | None = None


class Failure(_Model):
    """A cell that failed: why, how often, and where its log is."""

    schema_version: Literal[1] = SCHEMA_VERSION
    status: Literal["failed"] = "failed"
    key: str
    cell: Cell
    error: str
    log: str | None
    attempts: _Count
    finished: str
