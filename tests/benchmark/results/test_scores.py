"""Scores of images come back as they were written."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark.results.scores import from_csv, scores_frame, to_csv
from bgad.data.folder import Sample
from bgad.errors import InputError


def test_scores_survive_csv_to_the_last_bit():
    generator = np.random.default_rng(0)
    types = ["crack", "good", "nan", 'a "b", c']
    samples = [Sample(Path("x"), f"test/{type_}/0.png", "test", type_) for type_ in types]
    labels = np.array([sample.is_anomalous for sample in samples])
    scores, maxima, calibration = generator.normal(0, 1e3, (3, 4)).astype(np.float32)
    overlaps = np.array([1 / 3, np.nan, 0.0, 1.0])
    frame = scores_frame(samples, labels, ~labels, scores, maxima, overlaps, calibration)
    again = from_csv(to_csv(frame))
    pd.testing.assert_frame_equal(again, frame, check_exact=True, check_dtype=False)
    assert again["score"].to_numpy(np.float32).tobytes() == frame["score"].to_numpy().tobytes()
    assert (again["role"] == "calibration").sum() == 4


def test_what_is_no_table_of_scores_is_refused():
    for content in (b"", b"a,b\n1,2\n", b"\xff\xfe\x00"):
        with pytest.raises(InputError, match="no table of scores"):
            from_csv(content)
