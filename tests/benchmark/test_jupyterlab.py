"""The notebooks, unedited, in a real JupyterLab in a real browser."""

import os
from pathlib import Path

import pytest
from browser import chromium, copy_checkout, jupyterlab, run_notebook
from stored_cells import keep

from benchmark.paths import cache_dir
from bgad.data.synthetic import ensure

pytestmark = pytest.mark.slow

SCREENSHOTS = os.environ.get("BGAD_SCREENSHOTS")
"""Folder that receives a picture of each notebook."""


def look(page, name):
    if SCREENSHOTS:
        page.screenshot(path=Path(SCREENSHOTS) / f"{name}.png")


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    folder = copy_checkout(tmp_path_factory.mktemp("checkout"))
    for shots in (0, 10):
        runs = folder / "results" / "runs"
        # of a category that no other notebook here computes
        keep(runs, ensure(cache_dir()), shots, category="carpet", dataset="synthetic")
    with jupyterlab(folder) as address:
        yield address


@pytest.fixture
def page():
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1400, "height": 1600})
        yield page
        page.close()


@pytest.mark.parametrize("name", ["overview", "quickstart", "category"])
def test_a_notebook_runs_unedited(lab, page, name):
    cells = run_notebook(page, lab, name, 1800)
    look(page, name)
    assert any(cell.get("outputs") for cell in cells)


def test_explore_moves_the_threshold(lab, page):
    cells = run_notebook(page, lab, "explore", 300)
    look(page, "explore")
    assert any("application/vnd.jupyter.widget-view+json" in str(c.get("outputs")) for c in cells)
    page.keyboard.press("Control+End")
    slider = page.locator(".widget-slider", has_text="Threshold").first
    slider.scroll_into_view_if_needed()
    counts = page.locator(".widget-html", has_text="called defective").first
    before = counts.inner_text()
    handle = slider.locator(".noUi-handle")
    handle.focus()
    for _ in range(40):
        handle.press("ArrowRight")
    page.wait_for_timeout(1500)
    look(page, "explore-widgets")
    assert counts.inner_text() != before
    assert page.locator(".widget-html svg .truth").count() == 2, "one image, two cells"
