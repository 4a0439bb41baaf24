"""The report: complete, self-contained, readable by machines, and never obeying a name."""

import base64
import os
import re
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
from cell_results import result_of
from report_results import JPEG, write_executed, write_results

from benchmark.protocol.cells import Cell
from benchmark.results.store import Store
from benchmark.show.layers import MEDIA_TYPE
from benchmark.show.report import write_report
from benchmark.show.report.notebooks import find_notebooks

EVIL = "<script>alert(1)<|script>&'\""


class Page(HTMLParser):
    """Tags with their attributes, texts, and the ids that links may name."""

    def __init__(self, path):
        super().__init__()
        self.path, self.tags, self.texts = path, [], []
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.texts.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Folder of a report of a published category, and of a run with ill-named ones."""
    folder = tmp_path_factory.mktemp("report")
    write_results(folder / "published", ("mvtec_ad", "pill"), ("synthetic", "tile"))
    write_results(folder / "runs", ("mvtec_ad", "pill"), ("own", EVIL))
    write_executed(folder / "runs", "mvtec_ad", "pill")
    write_executed(folder / "runs", "own", EVIL)
    broken = folder / "runs" / "cpu" / "notebooks" / "own" / "broken.ipynb"
    broken.write_text("{")
    with pytest.warns(UserWarning, match=r"broken\.ipynb: left out"):
        write_report(folder / "out", folder / "published", [folder / "runs"])
    return folder / "out"


@pytest.fixture(scope="module")
def pages(site):
    return {str(path.relative_to(site)): Page(path) for path in site.rglob("*.html")}


def test_there_is_a_page_for_the_whole_and_for_each_category(pages):
    names = {"index.html", "mvtec_ad/pill.html", "synthetic/tile.html", f"own/{EVIL}.html"}
    notebooks = {"mvtec_ad/pill-cpu-notebook.html", f"own/{EVIL}-cpu-notebook.html"}
    assert set(pages) == names | notebooks


def test_every_run_says_what_sets_it_apart(tmp_path):
    cells = {
        "general": Cell("d", "pill", "general", 10, 0, "cpu"),
        "hard, crack": Cell("d", "pill", "hard", 10, 0, "cpu", "crack"),
        "control, swapped_labels": Cell(
            "d", "pill", "control", 10, 0, "cpu", control="swapped_labels"
        ),
        "0, train 2": Cell("d", "pill", "general", 10, 0, "cpu", train_seed=2),
        "no-focal (ablation)": Cell("d", "pill", "general", 10, 0, "no-focal"),
    }
    for cell in cells.values():
        result = result_of(cell, 0.5)
        if cell.profile != "cpu":
            config = result.config.model_copy(update={"study": "ablation"})
            result = result.model_copy(update={"config": config})
        Store(tmp_path / "published" / cell.profile).write(result)
    write_report(tmp_path / "out", tmp_path / "published", [])
    texts = {text.strip() for text in Page(tmp_path / "out/d/pill.html").texts}
    assert cells.keys() <= texts
    assert not [text for text in texts if "nan" in text.split()]


def test_pages_need_nothing_from_elsewhere(pages):
    for page in pages.values():
        for tag, attributes in page.tags:
            assert tag not in ("link", "iframe", "object", "base")
            assert not attributes.get("src", "data:").startswith(("http", "//", "file:"))
            if tag in ("img", "script"):
                source = attributes.get("src", "data:")
                assert source.startswith("data:") or (page.path.parent / unquote(source)).is_file()
        assert not re.search(r"@import|url\((?!data:)", page.source)


def test_every_link_between_pages_leads_somewhere(pages, site):
    checked = 0
    for page in pages.values():
        ids = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
        for link in (attributes["href"] for attributes in page.all("a")):
            parts = urlsplit(link)
            if parts.scheme == "https":
                continue
            if not parts.path:
                assert parts.fragment in ids, link
            else:
                assert (page.path.parent / unquote(parts.path)).is_file(), link
            checked += 1
    assert checked > 10


def test_a_name_is_shown_and_never_runs(pages):
    for name, page in pages.items():
        assert len(page.all("script")) == 1, f"{name} has a script that is not the page's own"
        assert not [a for _, a in page.tags for key in a if key.startswith("on")]
        assert "alert(1)<" not in page.source
    evil = pages[f"own/{EVIL}.html"]
    assert EVIL in "".join(evil.texts)


def test_tables_can_be_read_without_seeing_them(pages):
    for name, page in pages.items():
        if "notebook" in name:
            continue
        tables = page.all("table")
        assert tables and len(page.all("caption")) == len(tables)
        assert all("scope" in attributes for attributes in page.all("th"))
        assert all(attributes.get("alt") for attributes in page.all("img"))
        assert all("aria-label" in attributes for attributes in page.all("button"))


def test_the_index_shows_figures_verdict_and_provenance(pages):
    page = pages["index.html"]
    text = " ".join(page.texts)
    for said in ("What was learnt", "Beside published figures", "synthetic stand-in", "Versions"):
        assert said in text
    assert "reproduced" in text
    shown = [float(a["data-value"]) for a in page.all("td") + page.all("th") if "data-value" in a]
    assert {0.55, 0.65} <= set(shown), "the means over seeds"
    assert len(page.source) < 2_000_000


def test_curves_and_galleries_come_from_a_run_alone(pages):
    pill, tile = pages["mvtec_ad/pill.html"], pages["synthetic/tile.html"]
    sources = [attributes["src"] for attributes in pill.all("img")]
    assert [source.split(";")[0] for source in sources] == ["data:image/webp", "data:image/jpeg"]
    assert [a["alt"] for a in pill.all("img")][1] == "Worst images"
    assert {"0.9", "crack"} & set(pill.texts)
    (demo,) = (a for a in tile.all("img") if "ground truth" in a["alt"])
    assert demo["src"].startswith("data:image/webp"), "published synthetic images may be shown"


def test_a_notebook_keeps_its_text_and_tables(tmp_path):
    write_executed(tmp_path, "d", "pill")
    (executed,) = find_notebooks([tmp_path])
    html = executed.html(tmp_path / "the pictures")
    assert "<h2>pill, general, 10 shots, seed 0</h2>" in html
    assert "<b>pill</b>" in html and 'src="the%20pictures/000.jpeg"' in html
    assert (tmp_path / "the pictures/000.jpeg").read_bytes() == base64.b64decode(JPEG)


def test_of_notebooks_with_the_same_cells_the_newest_is_shown(tmp_path):
    old = write_executed(tmp_path, "d", "pill")
    (executed,) = find_notebooks([tmp_path])
    (cell,) = executed.cells
    new = old.with_name("another.ipynb")
    new.write_bytes(old.read_bytes())
    os.utime(old, (1, 1))
    assert [found.path for found in find_notebooks([tmp_path])] == [new]
    notebook = nbformat.read(old, as_version=4)
    extra = nbformat.v4.new_output("display_data", {"text/markdown": f"## {cell} more"})
    notebook.cells[0].outputs.append(extra)
    nbformat.write(notebook, old)
    os.utime(old, (1, 1))
    assert {found.path for found in find_notebooks([tmp_path])} == {old, new}


def test_layers_that_could_run_something_are_left_out(tmp_path):
    path = write_executed(tmp_path, "d", "pill", with_layers=True)
    (executed,) = find_notebooks([tmp_path])
    ((picture,),) = executed.galleries.values()
    assert len(picture.layers) == 2
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[0].outputs[1].data[MEDIA_TYPE][0]["truth"] = '"/><script>'
    nbformat.write(notebook, path)
    (executed,) = find_notebooks([tmp_path])
    with pytest.warns(UserWarning, match="left out of the report"):
        ((picture,),) = executed.galleries.values()
    assert picture.layers == () and picture.uri


def test_a_page_without_pictures_says_why(tmp_path):
    write_results(tmp_path / "published", ("mvtec_ad", "pill"))
    write_report(tmp_path / "out", tmp_path / "published")
    text = " ".join(Page(tmp_path / "out/mvtec_ad/pill.html").texts)
    assert "No pictures: results hold figures alone" in text


def test_without_results_there_is_a_page_that_says_so(tmp_path):
    page = Page(write_report(tmp_path / "out", tmp_path / "published"))
    assert "No runs yet." in " ".join(page.texts)


def test_the_best_is_set_apart_and_numbers_sort(pages):
    page = pages["mvtec_ad/pill.html"]
    row = re.search(r"<tr>\s*<th scope=\"row\">general</th>.*?</tr>", page.source, re.DOTALL)[0]
    assert row.count("<b>") == 0, "0 shots are never the best here"
    assert '<b>0.650</b><span class="rest"> ± 0.071</span>' in page.source
    assert '<td class="num" data-value="0.65"><b>' in page.source


def test_a_run_on_own_data_has_an_index_about_these_alone(tmp_path):
    write_results(tmp_path / "published", ("mvtec_ad", "pill"))
    write_results(tmp_path / "runs", ("castings", "caps"))
    lost = Cell("castings", "nuts", "general", 0, 0, "cpu")
    Store(tmp_path / "runs/cpu").record_failure(lost, "key", "InputError: it diverged")
    page = Page(write_report(tmp_path / "out", tmp_path / "published", [tmp_path / "runs"]))
    text = " ".join(page.texts)
    assert "Does it work on these parts?" in text and "InputError: it diverged" in text
    assert not any(word in text for word in ("What was learnt", "MVTec", "What a cell costs"))
    published = " ".join(Page(tmp_path / "out/published.html").texts)
    assert "MVTec AD" in published and "it diverged" not in published


def test_where_all_failed_the_index_says_why(tmp_path):
    write_results(tmp_path / "published", ("mvtec_ad", "pill"))
    lost = Cell("castings", "nuts", "general", 0, 0, "cpu")
    Store(tmp_path / "runs").record_failure(lost, "key", "InputError: it diverged")
    page = Page(write_report(tmp_path / "out", tmp_path / "published", [tmp_path / "runs"]))
    text = " ".join(page.texts)
    assert "InputError: it diverged" in text and "No runs yet." in text
