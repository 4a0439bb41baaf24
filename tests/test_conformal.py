"""The promise about false alarms, by simulation."""

import numpy as np
import pytest

from bgad.conformal import check_calibration, p_values
from bgad.errors import InputError


def test_p_values_count_what_is_as_anomalous():
    calibration = np.array([3.0, 1.0, 2.0, 2.0])
    assert p_values(calibration, np.array([0.0, 2.0, 2.5, 9.0])).tolist() == [1, 0.8, 0.4, 0.2]


@pytest.mark.parametrize(("m", "false_alarms"), [(19, 0.05), (39, 0.05), (50, 0.1), (99, 0.01)])
def test_false_alarms_are_as_many_as_promised(m, false_alarms):
    rng = np.random.default_rng(m)
    draws = rng.exponential(size=(20_000, m + 1)) ** 3  # any distribution will do
    alarms = [p_values(row[:m], row[m:])[0] <= false_alarms for row in draws]
    expected = np.floor(false_alarms * (m + 1) + 1e-9) / (m + 1)  # of continuous scores, exactly
    error = np.sqrt(expected * (1 - expected) / len(draws))
    assert expected <= false_alarms
    assert abs(np.mean(alarms) - expected) < 4 * error


def test_ties_raise_no_alarm_too_many():
    rng = np.random.default_rng(0)
    draws = rng.integers(0, 4, (5000, 20))
    assert np.mean([p_values(row[:19], row[19:])[0] <= 0.05 for row in draws]) <= 0.06


@pytest.mark.parametrize(
    ("count", "false_alarms", "message"),
    [(18, 0.05, "take 19"), (98, 0.01, "take 99"), (5, 0.0, "between"), (5, 1.5, "between")],
)
def test_too_few_scores_are_refused_with_the_number_needed(count, false_alarms, message):
    with pytest.raises(InputError, match=message):
        check_calibration(count, false_alarms)
    if "take" in message:
        check_calibration(count + 1, false_alarms)
