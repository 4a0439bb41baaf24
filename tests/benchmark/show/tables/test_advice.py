"""Advice: each sentence where, and only where, the cells give reason for it."""

import pytest
from cell_results import result_of

from benchmark.protocol.cells import Cell
from benchmark.results.frame import results_frame
from benchmark.show import markdown
from benchmark.show.tables import advice

PLENTY = {"train_normal": 300, "test_normal_common": 50, "test_anomalous_common": 40}


def judged(shots=5, seed=0, value=0.9, false_alarms=2, misses=3, counts=PLENTY, **changes):
    verdicts = {"rate": 0.05, "calibration": 40, "normal": 50, "anomalous": 40}
    verdicts |= {"false_alarms": false_alarms, "misses": misses}
    changes = {"verdicts": {"common": verdicts, "paper": None}, "counts": counts} | changes
    return result_of(Cell("castings", "caps", "general", shots, seed, "cpu"), value, **changes)


def text_of(*results) -> str:
    return markdown.blocks(advice.section(results_frame(results), "castings"))


def test_what_an_inspector_meets_is_counted_over_all_splits():
    text = text_of(judged(0, 0), judged(seed=0), judged(seed=1, false_alarms=4, misses=1))
    assert "With 5 known anomalies, image-AUC is 0.900." in text
    assert "Of 100 good images it rejects 6, where 5% were promised" in text
    assert "of 80 defective ones it passes 4 (2 splits" in text


@pytest.mark.parametrize(("false_alarms", "is_said"), [(5, False), (20, True)])
def test_other_good_images_are_suspected_beyond_chance(false_alarms, is_said):
    assert ("more than chance allows" in text_of(judged(false_alarms=false_alarms))) is is_said


def test_known_anomalies_are_held_against_none_on_the_same_seeds():
    none = [judged(0, seed, 0.8) for seed in (0, 1, 2)]
    better = [judged(5, 0, 0.85), judged(5, 1, 0.82)]
    text = text_of(*none, *better)
    assert "change image-AUC by +3.5 points (+2.0 to +5.0), so that more of them may help." in text
    assert "change image-AUC by \N{MINUS SIGN}10.0 points." in text_of(none[0], judged(5, 0, 0.7))
    assert "--shots 0 5 tells" in text_of(none[0])


@pytest.mark.parametrize(
    ("size", "sentence"),
    [
        ((1000, 400), "Images of 1000 x 400 pixels are seen at 256, out of shape"),
        ((1024, 1024), "Images of 1024 x 1024 pixels are seen at 256: if what is missed is small"),
        ((300, 300), None),
    ],
)
def test_image_sizes_are_questioned(size, sentence):
    counts = PLENTY | dict(zip(("image_height", "image_width"), size, strict=True))
    result = judged(counts=counts)
    parameters = {**result.config.parameters, "image_size": 256}
    config = result.config.model_copy(update={"parameters": parameters})
    text = text_of(result.model_copy(update={"config": config}))
    assert sentence in text if sentence else "pixels are seen" not in text


def test_what_is_lacking_is_asked_for():
    text = text_of(judged(counts=PLENTY | {"train_normal": 60, "test_without_truth_common": 2}))
    assert "It learnt from 60 good images" in text
    assert "smaller than a pixel" in text
    text = text_of(judged(verdicts={"common": None, "paper": None}))
    assert "no false-alarm rate is promised. That takes 19 good training images" in text
    plain = text_of(judged())
    assert not any(word in plain for word in ("learnt from", "smaller than", "no masks"))
    assert not advice.section(results_frame([]), "castings").blocks
