"""Plans: what a request means, and whether it can be served."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from conftest import draw_category
from instant import make_result
from PIL import Image

from benchmark.protocol.profiles import Profile
from benchmark.results.store import Store
from benchmark.run import plan as planning
from benchmark.run.plan import Request, estimate, group, plan
from bgad.errors import InputError

PROFILE = Profile("p", "instant", {"seconds": 0.0}, seconds_per_cell=7.0)

pytestmark = pytest.mark.filterwarnings("ignore:.*lacks the first")


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setattr(planning, "PUBLISHED", tmp_path / "published")
    return Store(tmp_path / "runs")


def request(data_root: Path, **changes) -> Request:
    fields = {"categories": [], "shots": [0, 1], "seeds": [0]} | changes
    fields = {"profile": PROFILE, "dataset": "toy", "data_root": data_root} | fields
    return Request(**fields)


def test_all_categories_are_planned_in_the_order_of_the_tables(data_root, store):
    draw_category(data_root, "carpet")
    cells = plan(request(data_root), store)
    assert [(c.cell.category, c.cell.shots) for c in cells] == [
        (category, shots) for category in ("carpet", "gadget", "widget") for shots in (0, 1)
    ]
    assert not any(c.done or c.failure for c in cells)


def test_the_hard_setting_plans_a_cell_for_each_type(data_root, store):
    cells = plan(request(data_root, setting="hard", categories=["widget"], shots=[9]), store)
    assert [c.cell.known_type for c in cells] == ["crack", "hole"]


def test_what_is_known_of_a_cell_is_found(data_root, store):
    first, second = plan(request(data_root, categories=["widget"]), store)
    store.write(make_result(first.cell, first.key))
    for _ in range(3):
        store.record_failure(second.cell, second.key, "broke")
    first, second = plan(request(data_root, categories=["widget"]), store)
    assert (first.done, second.done) == (True, False)
    assert second.given_up


def test_a_result_of_other_data_split_or_profile_is_not_reused(data_root, store):
    asked = request(data_root, categories=["widget"], shots=[1])
    (planned,) = plan(asked, store)
    store.write(make_result(planned.cell, planned.key))
    assert plan(asked, store)[0].done
    other = Profile("p", "instant", {"seconds": 1.0})
    other_profile = Request(other, "toy", data_root, ["widget"], [1], [0])
    assert not plan(other_profile, store)[0].done
    (data_root / "widget/train/good/000.png").unlink()
    assert not plan(asked, store)[0].done


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"categories": ["dent"]}, "unknown category 'dent'"),
        ({"shots": [6]}, "6 shots are more than its 5 anomalies"),
        ({"shots": [-1]}, "shots must be an integer >= 0"),
        ({"seeds": []}, "the request is empty"),
        ({"setting": "soft"}, "setting must be one of"),
    ],
)
def test_requests_that_cannot_be_served_are_refused(data_root, store, changes, message):
    with pytest.raises(InputError, match=message):
        plan(request(data_root, **changes), store)


def test_shots_that_a_method_can_not_serve_are_refused(data_root, store):
    supervised = Profile("mine", "segmentation_head")
    with pytest.raises(InputError, match="ask for --shots 1 or more, not 0"):
        plan(request(data_root, profile=supervised), store)


def test_few_anomalies_are_warned_about(data_root, store):
    with pytest.warns(UserWarning, match="lacks the first 10 and holds none"):
        plan(request(data_root, dataset="mvtec_ad"), store)


def test_missing_weights_are_found_before_any_work(data_root, store, tmp_path):
    model = {"image_size": 64, "weights": str(tmp_path / "absent.pth")}
    with pytest.raises(InputError, match=r"profile mine: .*absent\.pth"):
        plan(request(data_root, profile=Profile("mine", "bgad", model)), store)


def test_other_content_of_a_weights_file_is_another_key(data_root, store, tmp_path):
    path = tmp_path / "weights.pth"
    profile = Profile(
        "mine",
        "bgad",
        {"backbone": "tf_efficientnet_lite0", "image_size": 64, "weights": str(path)},
    )

    def key(seed: int) -> str:
        torch.manual_seed(seed)
        torch.save(timm.create_model("tf_efficientnet_lite0").state_dict(), path)
        return plan(request(data_root, profile=profile), store)[0].key

    first = key(0)
    assert key(1) != first
    assert key(0) == first


def test_the_pool_of_own_data_is_the_largest_number_of_shots(data_root, store):
    own = plan(request(data_root, shots=[0, 3]), store)
    assert {planned.cell.pool for planned in own} == {3}
    known = plan(request(data_root, shots=[0, 3], dataset="mvtec_ad"), store)
    assert {planned.cell.pool for planned in known} == {10}


def test_few_defects_of_own_data_are_tested_in_turn(data_root, store):
    own = request(data_root, categories=["widget"], shots=[0, 3], seeds=None)
    planned = plan(own, store)
    assert len({p.cell.seed for p in planned}) > 1
    assert len(plan(request(data_root, shots=[0, 3], categories=["widget"]), store)) == 2
    for changes in ({"dataset": "mvtec_ad"}, {"setting": "hard"}, {"vary": "train"}):
        one = plan(request(data_root, shots=[3], seeds=None, **changes), store)
        assert {p.cell.seed for p in one} == {0}


def test_groups_are_categories_or_finer_for_more_workers(data_root, store):
    cells = plan(request(data_root, seeds=[0, 1]), store)
    for n in range(1, 12):
        groups = group(cells, n)
        assert sorted(str(c.cell) for part in groups for c in part) == sorted(
            str(c.cell) for c in cells
        )
        assert all(len({c.cell.category for c in part}) == 1 for part in groups)
        assert len(groups) == min(max(n, 2), len(cells))
        assert max(map(len, groups)) - min(map(len, groups)) <= 2
    assert group([], 3) == []


def test_estimates_use_what_ran_then_the_profile(data_root, store):
    cells = plan(request(data_root, categories=["widget"]), store)
    assert estimate(cells, PROFILE, store) == 14.0
    nothing_known = Profile("p", "instant", {"seconds": 0.0})
    assert estimate(cells, nothing_known, store) is None
    timings = dict.fromkeys(("features", "train", "score", "metrics"), 0.0)
    for planned, seconds in zip(cells, (10.0, 30.0), strict=True):
        result = make_result(
            planned.cell, planned.key, profile=PROFILE, timings_s=timings | {"total": seconds}
        )
        store.write(result)
    assert estimate(cells, PROFILE, store) == 40.0
    many = plan(request(data_root, categories=["widget"], shots=[2]), store)
    assert estimate(many, PROFILE, store) == 20.0
    assert estimate(many, PROFILE, store, "cuda:1") == 7.0 * len(many)


def test_more_shots_than_the_pool_are_said_to_be_tested_on_other_images(data_root, store):
    asked = request(data_root, dataset="mvtec_ad", categories=["widget"], shots=[11])
    with (
        pytest.warns(UserWarning, match="lacks 11 anomalies instead of 10"),
        pytest.raises(InputError, match="11 shots are more than"),
    ):
        plan(asked, store)


def test_an_anomaly_whose_truth_vanishes_is_refused_as_known(data_root, store):
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(
        data_root / "gadget/ground_truth/hole/000_mask.png"
    )
    profile = Profile("mine", "bgad", {"image_size": 64})
    asked = {"profile": profile, "categories": ["gadget"]}
    plan(request(data_root, shots=[0], **asked), store)
    with pytest.raises(InputError, match=r"000_mask\.png: marks no pixel at 64 x 64 px"):
        plan(request(data_root, shots=[5], **asked), store)


def test_damage_behind_a_header_is_found_before_any_work(data_root, store):
    path = data_root / "widget/train/good/001.png"
    path.write_bytes(path.read_bytes()[:-60])
    with pytest.raises(InputError, match=r"widget/train/good/001\.png: cannot be read"):
        plan(request(data_root), store)


def test_images_that_are_trained_on_and_tested_are_refused(data_root, store):
    copy = data_root / "gadget/test/good/copy.bmp"
    Image.open(data_root / "gadget/train/good/000.png").save(copy)
    with pytest.raises(InputError, match=r"also in the test set, as test/good/copy\.bmp"):
        plan(request(data_root, shots=[0]), store)


def test_methods_that_learn_from_masks_are_refused_without(data_root, store):
    shutil.rmtree(data_root / "gadget/ground_truth")
    asked = {"profile": Profile("mine", "segmentation_head", {"image_size": 64}), "shots": [1]}
    with pytest.raises(InputError, match="gadget: has no masks"):
        plan(request(data_root, **asked), store)
