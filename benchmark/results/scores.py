"""Each image's scores, as a cell keeps them beside its result."""

import io
from collections.abc import Sequence

import numpy as np
import pandas as pd

from benchmark.protocol.schema import TEST_SETS
from bgad.data.folder import Sample
from bgad.errors import InputError

__all__ = ["from_csv", "scores_frame", "tested", "to_csv"]

_COLUMNS = ["role", "name", "type", "label", *TEST_SETS, "score", "maximum", "aupimo"]


def scores_frame(
    samples: Sequence[Sample],
    labels: np.ndarray,
    common: np.ndarray,
    scores: np.ndarray,
    maxima: np.ndarray,
    overlaps: np.ndarray,
    calibration: np.ndarray | None,
) -> pd.DataFrame:
    """Put the scores of a cell's images into a data frame, one row an image.

    Parameters
    ----------
    samples
        The N test images.
    labels, common
        Whether they are anomalous, and in the test set ``common``, (N,).
    scores, maxima, overlaps
        Their scores, the maxima of their maps, and their AUPIMO, (N,).
    calibration
        Scores of normal images that fix verdicts, None without them.

    Returns
    -------
    DataFrame
        ``role`` ("test" or "calibration"), ``name`` and ``type`` of the image; ``label, common,
        paper`` (bool); ``score, maximum, aupimo``, NaN where undefined. Of calibration images,
        which need not be images of the data set one by one, the score alone is known.
    """
    tested = pd.DataFrame(
        {
            "role": "test",
            "name": [sample.name for sample in samples],
            "type": [sample.type for sample in samples],
            "label": labels,
            "common": common,
            "paper": True,
            "score": scores,
            "maximum": maxima,
            "aupimo": overlaps,
        }
    )
    if calibration is None or not len(calibration):
        return tested
    others = pd.DataFrame({"score": np.asarray(calibration, np.float32)})
    others = others.assign(role="calibration", name="", type="good")
    others = others.assign(label=False, common=False, paper=False, maximum=np.nan, aupimo=np.nan)
    return pd.concat([tested, others[_COLUMNS]], ignore_index=True).astype({"maximum": np.float32})


def tested(scores: pd.DataFrame) -> pd.DataFrame:
    """Rows of a `scores_frame` that are images of the test set ``common``."""
    return scores[(scores["role"] == "test") & scores["common"]]


def to_csv(frame: pd.DataFrame) -> bytes:
    """Write a `scores_frame`, such that `from_csv` gives an equal one."""
    flags = frame.select_dtypes("bool").astype(int)
    texts = frame.assign(
        **flags, **{name: frame[name].to_numpy().astype(str) for name in _COLUMNS[-3:]}
    )
    return texts.to_csv(index=False, lineterminator="\n").encode()


def from_csv(content: bytes) -> pd.DataFrame:
    """Read a `scores_frame`.

    Raises
    ------
    InputError
        If it is none.
    """
    types = dict.fromkeys(_COLUMNS[:3], str) | dict.fromkeys(_COLUMNS[3:-3], int)
    numbers = {"score": np.float32, "maximum": np.float32, "aupimo": np.float64}
    try:
        frame = pd.read_csv(
            io.BytesIO(content),
            dtype=types | numbers,
            keep_default_na=False,
            na_values={name: ["nan"] for name in numbers},
            float_precision="round_trip",
        )
        return frame[_COLUMNS].astype(dict.fromkeys(_COLUMNS[3:-3], bool))
    except (ValueError, KeyError) as error:
        raise InputError(f"is no table of scores: {error}") from error
