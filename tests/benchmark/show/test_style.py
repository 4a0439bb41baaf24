"""The look: colours that print, headings that fit, axes that exaggerate nothing."""

from itertools import combinations

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from benchmark.show import style
from benchmark.show.style import fit_shares, new_figure

# Machado et al. 2009, severity 1, in linear RGB.
PROTANOPIA = [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]]
DEUTERANOPIA = [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]]


def linear(colour):
    rgb = np.array(to_rgb(colour))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    scaled = np.clip(xyz @ rgb, 1e-6, None) / [0.9505, 1, 1.089]
    x, y, z = np.where(scaled > 0.008856, np.cbrt(scaled), 7.787 * scaled + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


TOGETHER = [
    (style.NORMAL, style.ANOMALOUS),
    (style.KNOWN, style.TESTED, style.ASIDE),
    style.CYCLE[:3],
]


@pytest.mark.parametrize("colours", TOGETHER)
def test_what_stands_together_differs_in_grey(colours):
    for a, b in combinations(colours, 2):
        assert abs(lab(linear(a))[0] - lab(linear(b))[0]) > 12


@pytest.mark.parametrize("vision", [PROTANOPIA, DEUTERANOPIA])
@pytest.mark.parametrize("colours", [*TOGETHER, (style.GROUND_TRUTH, style.CONTOUR)])
def test_what_stands_together_differs_with_common_colour_blindness(colours, vision):
    for a, b in combinations(colours, 2):
        seen = [lab(np.clip(np.array(vision) @ linear(colour), 0, 1)) for colour in (a, b)]
        assert np.linalg.norm(seen[0] - seen[1]) > 20


def test_a_figure_is_as_wide_as_its_heading():
    figure = new_figure("A long heading " * 8, "of something", 2, 2)
    width = figure.get_figwidth() * figure.dpi
    assert all(text.get_window_extent().x1 <= width for text in figure.texts)
    assert new_figure("Short", "", 5, 2).get_figwidth() == 5


@pytest.mark.parametrize(
    ("values", "limits"),
    [
        ([1.0, 1.0], (0.95, 1.0)),
        ([0.0, 0.001], (0.0, 0.05)),
        ([0.333, 0.334], (0.3085, 0.3585)),
        ([0.0, 1.0], (0.0, 1.0)),
        ([float("nan")], (0.0, 1.0)),
    ],
)
def test_an_axis_of_shares_has_a_floor_and_ends_at_them(values, limits):
    ax = new_figure("", "", 3, 2).subplots()
    ax.plot(range(len(values)), values)
    if np.isnan(values).all():
        ax.set_ylim(0, 1)
    fit_shares([ax], "y")
    assert ax.get_ylim() == pytest.approx(limits, abs=1e-3)
