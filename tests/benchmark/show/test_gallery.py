"""Galleries: which images they show, and how."""

import io
from dataclasses import replace

import numpy as np
import pytest
from cell_runs import make_run
from PIL import Image

from benchmark.show.gallery import (
    best,
    gallery,
    known_anomalies,
    random,
    ranking_errors,
    to_jpeg,
    worst,
)


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


def test_worst_are_the_largest_errors_of_the_test_set(run):
    errors = ranking_errors(run)
    chosen = worst(run, 4)
    assert list(errors[chosen]) == sorted(errors[run.common], reverse=True)[:4]
    assert run.common[chosen].all()


def test_best_are_anomalies_with_the_smallest_errors(run):
    errors, candidates = ranking_errors(run), run.common & run.labels
    chosen = best(run, 3)
    assert list(errors[chosen]) == sorted(errors[candidates])[:3]
    assert candidates[chosen].all()
    assert chosen[0] == 1, "among equals, the farthest from the normal images comes first"


def test_random_are_distinct_and_the_same_each_time(run):
    chosen = random(run, 5)
    assert len(set(chosen)) == 5
    assert run.common[chosen].all()
    assert chosen == random(run, 5)
    assert len(random(run, 99)) == run.common.sum()


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


def test_jpeg_has_the_figures_size(run):
    figure = gallery(run, [0], "One")
    image = Image.open(io.BytesIO(to_jpeg(figure)))
    assert image.format == "JPEG"
    np.testing.assert_allclose(image.size, figure.get_size_inches() * figure.dpi, atol=1)
