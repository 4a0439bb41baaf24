"""README and docs: their blocks are what results give, and every figure in them has its cells."""

import json
import re
import statistics
from datetime import timedelta
from pathlib import Path

import pytest
from cell_results import result_of

from benchmark.__main__ import main as benchmark
from benchmark.paths import DOCS, PUBLISHED, README, REPOSITORY, RUNS
from benchmark.protocol.cells import Cell
from benchmark.results.frame import results_frame
from benchmark.results.store import Store
from benchmark.show import markdown
from benchmark.show.documents import DOCUMENTS, block_names, check, render, update
from benchmark.show.labels import display_name
from benchmark.show.markdown import escape
from benchmark.show.tables import SECTIONS, Source, make_section
from bgad.__main__ import main as parts
from bgad.data.__main__ import main as data
from bgad.data.registry import DATASETS
from bgad.errors import InputError

TEXT = """# Title

<!-- begin:results-d -->
old
<!-- end:results-d -->
between
<!-- begin:references -->
<!-- end:references -->
"""
CELLS = {
    Cell("d", category, "general", shots, seed, "cpu"): 0.1 + 0.3 * seed + 0.01 * shots + 0.05 * i
    for i, category in enumerate(("pill", "metal_nut"))
    for shots in (0, 10)
    for seed in (0, 1)
} | {Cell("d", "pill", "hard", 10, 0, "cpu", name): 0.5 for name in ("crack", "hole")}


@pytest.fixture
def published(tmp_path: Path) -> Path:
    root = tmp_path / "published"
    for cell, value in CELLS.items():
        Store(root / cell.profile).write(result_of(cell, value))
    return root


@pytest.fixture
def readme(tmp_path: Path) -> Path:
    path = tmp_path / "README.md"
    path.write_text(TEXT, encoding="utf-8")
    return path


def assert_figures_have_cells(text: str, *roots: Path) -> int:
    """Work out each figure of the tables from the JSON files alone, and return their number."""
    stored = [
        json.loads(path.read_bytes()) for root in roots for path in root.rglob("shots-*.json")
    ]
    results = {json.dumps(entry["cell"]): entry for entry in stored if entry["status"] == "ok"}
    metrics = {"image-AUC": "image_auroc", "pixel-AUC": "pixel_auroc", "pixel-F1": "pixel_f1_max"}
    checked = 0
    for name in block_names(text):
        block = text.split(f"<!-- begin:{name} -->")[1].split(f"<!-- end:{name} -->")[0]
        if not name.startswith("results-"):
            continue
        for title, table in re.findall(r"\*\*([\w-]+) .*?\n\n(\|.*?)\n\n", block, re.DOTALL):
            lines = [[text.strip() for text in line.split("|")[1:-1]] for line in table.split("\n")]
            for row in lines[2:]:
                expected = expected_row(results.values(), name[8:], *row[:3], metrics[title])
                for column, figure in zip(lines[0][4:], row[4:], strict=True):
                    if figure not in ("\N{EN DASH}", "n/d"):
                        column = column.split(" (")[0]
                        assert column in expected, f"{title} of {column} {row[:4]} has no cell"
                        assert figure.split(" (")[0] == expected[column], f"{title} of {column}"
                        checked += 1
    return checked


def expected_row(results, dataset, setting, shots, profile, metric) -> dict[str, str]:
    """The figures of one row, by the heading of their column."""
    values: dict[str, dict[int, list[float]]] = {}
    for result in results:
        cell = result["cell"]
        if any(cell[f"{name}_seed"] != cell["seed"] for name in ("split", "train", "augment")):
            continue
        where = (cell["dataset"], cell["setting"], str(cell["shots"]), cell["profile"])
        if where == (dataset, setting, shots, profile):
            by_seed = values.setdefault(display_name(cell["category"]), {})
            by_seed.setdefault(cell["seed"], []).append(result["metrics"]["common"][metric])
    means = {}
    for column, by_seed in values.items():
        parts = max(map(len, by_seed.values()))
        means[column] = {s: statistics.mean(v) for s, v in by_seed.items() if len(v) == parts}
    shared = set.intersection(*map(set, means.values())) if means else set()
    average = {s: statistics.mean(m[s] for m in means.values()) for s in shared}
    return {
        column: f"{statistics.mean(by_seed.values()):.3f}"
        + (f" ± {statistics.stdev(by_seed.values()):.3f}" if len(by_seed) > 1 else "")
        for column, by_seed in (means | {"Average": average}).items()
        if by_seed
    }


@pytest.fixture(scope="module")
def roots() -> list[Path]:
    """What the documents are made from: the published cells, or those and a run's made here."""
    possible = ([PUBLISHED], [PUBLISHED, RUNS])
    return next((r for r in possible if not check(README, Source.read(*r[:1], r[1:]))), [PUBLISHED])


def test_the_documents_show_what_the_stored_cells_give(roots):
    outdated = check(README, Source.read(PUBLISHED, roots[1:]))
    assert not outdated, f"{outdated}: out of date: run `python -m benchmark readme`"


def test_no_figure_of_the_documents_lacks_its_cell(roots):
    texts = (path.read_text(encoding="utf-8") for path in DOCUMENTS)
    figures = sum(assert_figures_have_cells(text, *roots) for text in texts)
    assert (figures > 0) == any(file for root in roots for file in root.rglob("shots-*.json"))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_each_document_carries_its_blocks(document):
    assert block_names(document.read_text(encoding="utf-8")) == DOCUMENTS[document]


def test_every_section_is_in_one_document():
    carried = [name for names in DOCUMENTS.values() for name in names]
    assert {*SECTIONS} <= {*carried} and len(carried) == len({*carried})


def test_the_readme_fits_two_screens():
    text = README.read_bytes()
    assert text.count(b"\n") <= 200 and len(text) <= 14_000


def test_links_between_documents_lead_somewhere():
    for document in [*REPOSITORY.glob("*.md"), *DOCS.glob("*.md")]:
        text = document.read_text(encoding="utf-8")
        for target in re.findall(r"\]\((?!https?:)(.+?)\)", re.sub(r"```.*?```", "", text)):
            path, _, anchor = target.partition("#")
            linked = (document.parent / path).resolve() if path else document
            assert linked.exists(), f"{document.name}: {target}"
            if anchor:
                headings = re.findall(r"^#+ (.+)$", linked.read_text(encoding="utf-8"), re.M)
                anchors = [re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings]
                assert anchor in anchors, f"{document.name}: {target}"


@pytest.mark.parametrize(
    ("command", "main", "arguments"),
    [
        ("run_all.py", benchmark, ["run"]),
        ("-m bgad.data download", data, ["download"]),
        ("-m bgad.data verify", data, ["verify"]),
        ("-m bgad fit", parts, ["fit"]),
        ("-m bgad predict", parts, ["predict"]),
    ],
)
def test_the_documents_commands_exist_with_their_options(capsys, command, main, arguments):
    with pytest.raises(SystemExit) as end:
        main([*arguments, "--help"])
    assert end.value.code == 0
    known = set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
    text = "\n".join(p.read_text(encoding="utf-8") for p in (README, DOCS / "running.md"))
    lines = re.findall(rf"(?:^|`)python {re.escape(command)}(.*?)(?:`|$)", text, re.MULTILINE)
    if command == "run_all.py":
        # One section is about other commands.
        ours = re.sub(r"## From parts to verdicts.*?(?=\n## )", "", text, flags=re.DOTALL)
        lines += re.findall(r"`(--.*?)`", ours)
    used = set(re.findall(r"--[a-z-]+", " ".join(lines)))
    assert lines and used <= known


def test_figures_are_checked_against_their_cells(published, readme):
    update(readme, Source.read(published))
    text = readme.read_text(encoding="utf-8")
    assert assert_figures_have_cells(text, published) == 3 * (2 * 3 + 2)
    figure = f"{0.1 + 0.15:.3f} ± "
    assert figure in text
    with pytest.raises(AssertionError, match="Pill"):
        assert_figures_have_cells(text.replace(figure, "0.999 ± "), published)
    (published / "cpu/d/metal_nut/general/shots-0_seed-1.json").unlink()
    with pytest.raises(AssertionError, match=r"Average|Metal Nut"):
        assert_figures_have_cells(text, published)


def test_blocks_are_written_and_the_rest_is_left_alone(published, readme):
    source = Source.read(published)
    assert check(readme, source) == [readme]
    assert update(readme, source) == ("results-d", "references")
    assert not check(readme, source)
    text = readme.read_text(encoding="utf-8")
    assert text.startswith("# Title\n\n<!-- begin:results-d -->\n\n## Results on d\n\n10 cells")
    assert "<!-- end:results-d -->\nbetween\n<!-- begin:references -->" in text
    assert "\nold\n" not in text
    before = readme.stat().st_mtime_ns
    update(readme, source)
    assert readme.stat().st_mtime_ns == before


def test_own_runs_win_over_published_ones(published, readme, tmp_path):
    cell = next(iter(CELLS))
    Store(tmp_path / "runs").write(result_of(cell, 0.987))
    update(readme, Source.read(published, [tmp_path / "runs"]))
    assert "10 cells" in readme.read_text(encoding="utf-8")
    frame = results_frame([result_of(c, 0.987 if c == cell else v) for c, v in CELLS.items()])
    assert readme.read_text(encoding="utf-8") == render(TEXT, Source.of(frame), is_compact=True)


def test_what_others_superseded_is_counted_and_named(published, readme):
    cell = Cell("d", "pill", "general", 0, 7, "cpu")
    old = result_of(cell, 0.987)
    config = old.config.model_copy(update={"profile_hash": "as it was"})
    began = old.provenance.finished - timedelta(days=1)
    stamp = old.provenance.model_copy(update={"finished": began})
    Store(published / "cpu").write(old.model_copy(update={"config": config, "provenance": stamp}))
    with pytest.warns(UserWarning, match="left out of profile cpu on d: 1 result"):
        source = Source.read(published)
    update(readme, source)
    text = readme.read_text(encoding="utf-8")
    assert "\n10 cells" in text and "987" not in text
    said = f"Left out of all tables, d, `cpu`: 1 result, .*\\({re.escape(escape(str(cell)))}\\)\\."
    assert re.search(said, text)
    assert re.search(said, markdown.section(make_section("left-out", source)))
    assert "Nothing" in markdown.section(make_section("left-out", Source.of(source.frame)))


def test_synthetic_tables_say_so_and_stay_apart():
    text = "".join(
        f"<!-- begin:results-{name} -->\n<!-- end:results-{name} -->\n"
        for name in ("mvtec_ad", "synthetic")
    )
    cells = [
        Cell("synthetic", name, "general", 0, 0, "quick")
        for name in DATASETS["synthetic"].categories
    ]
    rendered = render(text, Source.of(results_frame(result_of(cell, 0.5) for cell in cells)))
    real, synthetic = rendered.split("<!-- begin:results-synthetic -->")
    assert "No runs yet." in real and "0.500" not in real
    assert synthetic.count("synthetic stand-in") == 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<!-- begin:references -->\n", "'references' never ends"),
        ("\n<!-- end:references -->\n", "line 2: block 'references' ends without"),
        ("<!-- begin:references -->\n<!-- begin:speed -->\n", "line 2: block 'speed' begins"),
        (2 * "<!-- begin:speed -->\n<!-- end:speed -->\n", "line 3: block 'speed' is there twice"),
        ("<!-- begin:reference -->\n<!-- end:reference -->\n", "unknown block 'reference'"),
        ("# nothing marked, but `<!-- begin:speed -->` named\n", "holds no block"),
    ],
)
def test_unusable_markers_are_refused_with_their_place(readme, text, message):
    readme.write_text(text)
    with pytest.raises(InputError, match=re.escape(str(readme))) as error:
        update(readme, Source.of(results_frame([])))
    assert message in str(error.value)
    assert readme.read_text() == text


def test_a_missing_readme_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"README\.md: cannot be read"):
        update(tmp_path / "README.md", Source.of(results_frame([])))


def test_speed_comes_from_the_last_folder_that_has_it(tmp_path):
    roots = [tmp_path / "published", tmp_path / "runs"]
    assert Source.read(roots[0], roots[1:]).measured == {}
    for number, root in enumerate(roots):
        root.mkdir()
        (root / "speed.json").write_text(json.dumps({"number": number}))
    assert Source.read(roots[0], roots[1:]).measured == {"speed": {"number": 1}}
    (roots[1] / "speed.json").write_text("{")
    with pytest.raises(InputError, match=r"speed\.json: is no JSON"):
        Source.read(roots[0], roots[1:])


def test_what_a_run_here_cost_is_not_written_down(published, readme, tmp_path):
    readme.write_text("<!-- begin:costs -->\n<!-- end:costs -->\n")
    cell = Cell("d", "pill", "general", 0, 7, "cpu")
    Store(tmp_path / "runs").write(result_of(cell, 0.5))
    update(readme, Source.read(published))
    before = readme.read_text()
    update(readme, Source.read(published, [tmp_path / "runs"]))
    assert readme.read_text() == before and "|cpu|10|" in before
