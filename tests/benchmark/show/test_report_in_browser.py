"""The report in a real browser: accessible, filtered, sorted, enlarged, compared, printed."""

import pytest
from browser import chromium
from cell_results import result_of
from conftest import draw_category
from report_results import write_executed, write_results
from stored_cells import keep

from benchmark.protocol.cells import Cell
from benchmark.results.pairs import differences
from benchmark.results.store import Store
from benchmark.show.report import write_report

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A report of published cells, and of a run on one's own data with an executed notebook."""
    folder = tmp_path_factory.mktemp("report")
    write_results(folder / "published", ("mvtec_ad", "pill"), ("synthetic", "tile"))
    draw_category(folder / "data", "widget")
    for shots in (0, 10):
        keep(folder / "runs", folder / "data", shots)
        executed = {"with_layers": True, "profile": "quick", "shots": shots}
        write_executed(folder / "runs", "own", "widget", **executed, name="test/crack/000.png")
    for profile in ("cpu", "plus"):
        cell = Cell("own", "widget", "general", 10, 0, profile)
        Store(folder / "runs" / profile).write(result_of(cell, 0.8))
    write_executed(folder / "runs", "own", "widget", with_layers=True)
    write_report(folder / "out", folder / "published", [folder / "runs"])
    return folder / "out"


@pytest.fixture
def visit(browser, site):
    """Open a page of the report at a width; no script may fail."""
    failures, pages = [], []

    def opened(name, query="", width=1200):
        page = browser.new_page(viewport={"width": width, "height": 900})
        page.on("pageerror", lambda error: failures.append(f"{name}: {error}"))
        page.goto(f"{(site / name).as_uri()}{query}")
        pages.append(page)
        return page

    yield opened
    for page in pages:
        page.close()
    assert not failures


def test_axe_finds_nothing_serious(visit, site):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    for path in sorted(site.rglob("*.html")):
        for width in (400, 1200):
            page = visit(str(path.relative_to(site)), width=width)
            found = axe.run(page).response["violations"]
            serious = [
                f"{v['id']}: {v['nodes'][0]['html']}"
                for v in found
                if v["impact"] in ("serious", "critical")
            ]
            assert not serious, f"{path.name} at {width}: {serious}"
            assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_filters_hide_the_rest_and_stay_in_the_address(visit):
    page = visit("index.html")
    page.locator("#filters select[name=profile]").select_option("plus")
    page.locator("#filters select[name=metric]").select_option("pixel_auroc")
    assert "profile=plus" in page.url and "metric=pixel_auroc" in page.url
    again = visit("index.html", page.url[page.url.index("?") :])
    for shown in (page, again):
        tables = shown.locator("[data-metric] table:visible")
        assert tables.count() == 1 and "pixel-AUC" in tables.inner_text()
        rows = tables.locator("tbody tr:visible")
        assert rows.count() == 1 and "plus" in rows.inner_text()
    page.locator("#filters button").click()
    page.wait_for_timeout(100)
    assert "profile" not in page.url and page.locator("tbody tr:visible").count() > 3


def test_ones_own_data_stand_alone_with_the_published_behind_a_link(visit, site):
    page = visit("index.html")
    assert "MVTec AD (" not in page.locator("header").inner_text()
    assert page.locator("section[data-dataset]").count() == 1
    page.get_by_role("link", name="Published results").click()
    assert page.url.endswith("published.html")
    assert "MVTec AD (1)" in page.locator("header").inner_text()


def test_the_map_lies_over_the_image_as_far_as_the_slider_says(visit):
    page = visit("own/widget.html")
    page.locator("details summary").first.click()
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true })")
    layer = page.locator(".overlay svg .map").first
    assert layer.evaluate("(e) => getComputedStyle(e).opacity") == "0"
    page.locator(".controls input[name=map]").first.fill("60")
    assert layer.evaluate("(e) => getComputedStyle(e).opacity") == "0.6"
    page.locator(".controls input[name=truth]").first.uncheck()
    assert not page.locator(".overlay svg .truth").first.is_visible()


def test_a_picture_is_enlarged_and_scrolls(visit):
    page = visit("own/widget.html")
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true })")
    page.locator(".layers .enlarge").first.click()
    dialog = page.locator("dialog.zoom")
    assert dialog.is_visible()
    dialog.locator("input").fill("400")
    pane = dialog.locator(".pane")
    assert pane.evaluate("(e) => e.scrollWidth > 3 * e.clientWidth")
    page.keyboard.press("Escape")
    assert not dialog.is_visible()


def test_the_comparison_is_that_of_the_function(visit, site):
    store = Store(site.parent / "runs" / "quick")
    tables = [
        store.read_scores(store.read(Cell("own", "widget", "general", shots, 0, "quick")))
        for shots in (0, 10)
    ]
    expected = differences(*tables)
    page = visit("compare.html", "?dataset=own&a=quick, 0 shots, seed 0&b=quick, 10 shots, seed 0")
    rows = page.locator("#compare section").first.locator("tbody tr")
    assert rows.count() == len(expected)
    for shown, row in zip(rows.all(), expected.itertuples(), strict=True):
        cells = [
            text.replace("\N{MINUS SIGN}", "-") for text in shown.locator("td").all_inner_texts()
        ]
        assert cells[0] == row.type and cells[1] == str(row.n)
        assert cells[4] == f"{row.difference:+.3f} [{row.low:+.3f}, {row.high:+.3f}]"
    pair = page.locator("#pairs > .plots figure")
    assert pair.count() == 2 and "0 shots" in pair.first.inner_text()
    page.locator("#pairs input[name=map]").fill("40")
    assert pair.nth(1).locator(".map").evaluate("(e) => e.style.opacity") == "0.4"
    pair.first.locator(".enlarge").click()
    assert page.locator("dialog.zoom svg").is_visible()


def test_folded_parts_are_printed(visit):
    page = visit("own/widget.html")
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = false })")
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details figure").first.is_visible()


def test_pages_are_light(site):
    for path in site.rglob("*.html"):
        limit = 600_000 if path.name == "index.html" else 2_000_000
        assert path.stat().st_size < limit, path.name
