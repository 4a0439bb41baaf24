"""Galleries: which images they show, and how."""

import base64
import io
from dataclasses import replace

import numpy as np
import pytest
from cell_runs import make_run
from PIL import Image
from pydantic import ValidationError

from benchmark.show.gallery import (
    Shown,
    all_by_score,
    best,
    gallery,
    hardest,
    known_anomalies,
    ranking_errors,
    strip,
    wrong,
)
from benchmark.show.layers import MEDIA_TYPE, Layers, svg


@pytest.fixture
def run(tmp_path):
    """With ties, a missed anomaly and a false alarm."""
    scores = np.array([1.0, 3.0, 0.5, 2.0, 0.2, 1.0, 0.1, 2.5, 0.3])
    return replace(make_run(tmp_path), scores=scores)


def test_ranking_errors_equal_counting_pairs(run):
    expected = []
    for score, label in zip(run.scores, run.labels, strict=True):
        others = run.scores[run.common & (run.labels != label)]
        wrong = [(other >= score) if label else (other <= score) for other in others]
        tied = [other == score for other in others]
        expected.append((sum(wrong) - 0.5 * sum(tied)) / len(others))
    np.testing.assert_allclose(ranking_errors(run), expected)
    assert max(expected) > 0


def test_ranking_errors_are_undefined_without_the_other_class(run):
    errors = ranking_errors(replace(run, common=run.labels))
    assert np.isnan(errors[run.labels]).all()


def test_wrong_and_hardest_part_the_test_set(run):
    errors = ranking_errors(run)
    bad, hard = wrong(run, 99), hardest(run, 99)
    assert sorted(bad + hard) == np.flatnonzero(run.common).tolist()
    assert list(errors[bad]) == sorted(errors[bad], reverse=True) and (errors[bad] > 0).all()
    assert (errors[hard] == 0).all()
    assert wrong(replace(run, scores=run.labels.astype(float)), 99) == []


def test_best_are_anomalies_with_the_smallest_errors(run):
    errors, candidates = ranking_errors(run), run.common & run.labels
    chosen = best(run, 3)
    assert list(errors[chosen]) == sorted(errors[candidates])[:3]
    assert candidates[chosen].all()
    assert chosen[0] == 1, "among equals, the farthest from the normal images comes first"


def test_gallery_has_four_pictures_an_image_and_outlines_what_exceeds_the_boundary(run):
    maps = np.zeros_like(run.maps)
    maps[1, :5, :5] = 2  # at the picture's edge
    axes = gallery(replace(run, maps=maps, threshold=1.0), [1, 3], "Two").axes
    assert len(axes) == 2 * 4 + 1  # and a colour bar
    outlined = [bool(ax.collections) for ax in axes[:8]]
    assert outlined == [False, True, False, True, False, False, False, False]
    path = axes[3].collections[0].get_paths()[0]
    xy = path.vertices
    assert xy.min() == pytest.approx(-0.5), "the line closes along the edge"
    assert xy.max() == pytest.approx(4.5)
    np.testing.assert_array_equal(axes[0].images[0].get_array(), run.images[1])


def test_all_maps_share_a_scale_with_the_boundary_in_its_middle(run):
    pictures = [ax.images[0] for ax in gallery(run, [0, 3], "Two").axes[2:8:4]]
    assert len({picture.get_clim() for picture in pictures}) == 1
    assert pictures[0].get_clim()[1] == pytest.approx(run.maps.max())
    assert pictures[0].norm(run.threshold) == pytest.approx(0.5)


def test_known_anomalies_are_all_shown_with_ground_truth(run):
    axes = known_anomalies(replace(run, known=run.known * 3)).axes
    assert len(axes) == 9
    assert all(ax.collections for ax in axes)
    bottoms = {round(ax.get_position().y0, 3) for ax in axes}
    assert len(bottoms) == 2, "six a row"


def test_known_anomalies_without_masks_are_shown(run):
    known = tuple(replace(sample, mask_paths=()) for sample in run.known)
    axes = known_anomalies(replace(run, known=known)).axes
    assert len(axes) == 3
    assert not any(ax.collections for ax in axes)


class Calibrated:
    calibration_scores_ = np.linspace(0, 1.9, 40, dtype=np.float32)


def test_all_images_stand_in_the_order_of_their_scores(run):
    run = replace(run, detector=Calibrated())  # which rejects beyond 1.8
    axes = all_by_score(run).axes
    labels = [ax.get_xlabel().split("\n") for ax in axes]
    scores = [float(score) for score, _ in labels]
    assert len(axes) == run.common.sum() and scores == sorted(scores, reverse=True)
    assert [said for _, said in labels].count("missed") == 2
    assert [said for _, said in labels].count("false alarm") == 1


def test_a_strip_rings_nothing_on_what_is_called_good(run):
    run = replace(run, detector=Calibrated(), maps=np.full_like(run.maps, 1.75))
    run.maps[1, :5, :5] = 2.5
    run = replace(run, threshold=run.score_threshold)
    axes = strip([(run, 1), (run, 4)]).axes
    assert [bool(axes[place].collections) for place in (3, 7)] == [True, False]
    assert "called defective" in axes[0].texts[0].get_text()
    assert "called good" in axes[4].texts[0].get_text()


def test_a_shown_figure_has_its_size_and_the_layers_of_its_images(run):
    figure = gallery(run, [0, 3], "Two")
    data, metadata = Shown(figure, "Two", run, [0, 3])._repr_mimebundle_()
    image = Image.open(io.BytesIO(base64.b64decode(data["image/jpeg"])))
    assert image.format == "JPEG"
    np.testing.assert_allclose(image.size, figure.get_size_inches() * figure.dpi, atol=1)
    assert metadata == {"image/jpeg": {"alt": "Two"}}
    assert len(data[MEDIA_TYPE]) == 2
    (first, normal) = map(Layers.model_validate, data[MEDIA_TYPE])
    assert first.truth.startswith("M6.0,") or "6.0,4" in first.truth, "the mask's corner"
    assert not normal.truth


@pytest.mark.parametrize(
    "change", [{"truth": 'M0"/><script>'}, {"image": "x' onload='"}, {"height": 0}, {"more": 1}]
)
def test_layers_hold_nothing_that_could_run(run, change):
    good = Shown(gallery(run, [0], "One"), "One", run, [0]).layers[0]
    with pytest.raises(ValidationError):
        Layers.model_validate(good | change)
    assert "<script>" not in svg(Layers.model_validate(good | {"heading": "<script>"}))
