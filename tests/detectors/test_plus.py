"""A weighted sum of detectors."""

import copy

import numpy as np
import pytest

from bgad import BGAD, InputError, PatchCore, Plus, SegmentationHead

SIZE = 64
FLOWS = {
    "n_blocks": 2,
    "condition_dim": 8,
    "cut_paste": 2,
    "steps": (5, 5, 5),
    "batch_images": 8,
    "anomalous_images": 2,
    "batch_positions": 8,
}
COMMON = {"backbone": "tf_efficientnet_lite0", "image_size": SIZE}
HEADS = {"steps": 30, "hidden": 128, "ensemble": 2, "turned": True}
SMALL = {**COMMON, "flows": FLOWS, "memory": {"coreset": 0.1}, "heads": {"steps": 30}}
RNG = np.random.default_rng(0)
NORMAL = RNG.integers(100, 130, (10, SIZE, SIZE, 3), dtype=np.uint8)
TEST = RNG.integers(100, 130, (6, SIZE, SIZE, 3), dtype=np.uint8)
MASKS = np.zeros((2, SIZE, SIZE), bool)
MASKS[:, 8:40, 16:48] = True
ANOMALOUS = np.where(MASKS[..., None], np.uint8([250, 30, 30]), NORMAL[:2])
TEST[0, 20:52, 20:52] = (250, 30, 30)


@pytest.fixture(scope="module")
def model() -> Plus:
    return Plus(**SMALL).fit(NORMAL, ANOMALOUS, MASKS)


def test_maps_are_weighted_sums_of_flows_memory_and_the_heads_surprise(model):
    members = [
        BGAD(**COMMON, **FLOWS),
        PatchCore(**COMMON, coreset=0.1),
        SegmentationHead(**COMMON, **HEADS),
    ]
    maps = [
        member.fit(NORMAL, ANOMALOUS, MASKS).anomaly_maps(TEST).astype(np.float64)
        for member in members
    ]
    maps[2] = -np.log(1 / (1 + np.exp(maps[2] / 2)))  # of two heads
    columns = np.stack([np.ones(maps[0].size), *(m.ravel() for m in maps)], 1)
    weights, residual, *_ = np.linalg.lstsq(columns, model.anomaly_maps(TEST).ravel(), rcond=None)
    assert residual[0] / maps[0].size < 1e-6
    assert (weights[1:] > 0).all()
    assert weights[3] == pytest.approx(2, rel=1e-3)


def test_heads_never_lower_a_score(model):
    unaided = copy.copy(model)
    for name in ("members_", "scales_"):
        rest = {key: value for key, value in getattr(model, name).items() if key != "heads"}
        setattr(unaided, name, rest)
    assert (model.anomaly_maps(TEST) >= unaided.anomaly_maps(TEST)).all()


def test_the_boundary_leaves_a_share_of_normal_pixels_above(model):
    above = model.anomaly_maps(NORMAL) > model.boundary_threshold_
    assert above.mean() <= 0.011


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"memory": {"coreset": 0.0}}, "coreset"),
        ({"heads": {"hidden": -1}}, "hidden"),
        ({"flows": {"stesp": 1}}, "no parameter stesp"),
        ({"flows": {"image_size": 64}}, "flows: image_size is for all members together"),
    ],
)
def test_impossible_parameters_of_members_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        Plus(**SMALL | change)
