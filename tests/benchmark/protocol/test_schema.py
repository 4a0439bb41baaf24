"""Results validate strictly."""

import math

import pytest
from instant import make_result
from pydantic import ValidationError

from benchmark.protocol.cells import Cell
from benchmark.protocol.metrics import METRICS
from benchmark.protocol.schema import Result

CELL = Cell("d", "widget", "hard", 1, 0, "p", "crack", train_seed=4)


def test_a_result_survives_json():
    result = make_result(CELL, value=1 / 3, training={"loss": [0.1, 2.5]})
    assert Result.model_validate_json(result.model_dump_json()) == result


def test_metrics_may_be_undefined():
    result = make_result(CELL, value=None)
    assert result.metrics["paper"].aupro_30 is None
    assert result.lacking == ()
    with pytest.raises(ValidationError, match="at least 2"):
        make_result(CELL, metrics={"common": dict.fromkeys(METRICS, 0.5)})


def test_a_result_that_is_older_than_a_metric_stays_readable_and_says_so():
    old = dict.fromkeys(METRICS, 0.5)
    del old["aupimo"]
    result = make_result(CELL, metrics={"common": old, "paper": old})
    assert result.lacking == ("aupimo",)
    again = Result.model_validate_json(result.model_dump_json())
    assert again == result and again.lacking == ("aupimo",)


@pytest.mark.parametrize("value", [math.nan, math.inf, -0.1, 1.1, "good"])
def test_figures_that_are_none_are_refused(value):
    with pytest.raises(ValidationError):
        make_result(CELL, value=value)


def test_unknown_keys_and_impossible_cells_are_refused():
    content = make_result(CELL).model_dump(mode="json")
    with pytest.raises(ValidationError, match="extra"):
        Result.model_validate(content | {"extra": 1})
    content["cell"]["category"] = "../escape"
    with pytest.raises(ValidationError, match="name of a folder"):
        Result.model_validate(content)
