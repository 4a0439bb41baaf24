"""Markdown: what a reader of Markdown makes of it is what was to be said."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from benchmark.show import markdown
from benchmark.show.document import Code, Emphasis, Items, Link, Note, Score, Section, Strong, Table

READ = MarkdownIt("gfm-like", {"linkify": False})
NAMES = st.text("ab_*`|<>&[]()!\\~$#-. \n", min_size=1).filter(lambda text: text.strip())


def texts(source: str, kinds: tuple[str, ...]) -> list[str]:
    """Texts of the inline tokens, as a reader sees them, and the kinds of what they are made of."""
    found = []
    for token in READ.parse(source):
        if token.type == "inline":
            assert {child.type for child in token.children} <= {"text", "text_special", *kinds}
            found.append("".join(child.content for child in token.children))
    return found


@settings(max_examples=60)
@given(NAMES)
@example("a_b_c _d_ *e* `f` <g> |h| [i](j) ~~k~~ ![l](m) &amp; \\n")
def test_names_are_shown_and_not_obeyed(name):
    table = Table(["x", name], [["y", name]], title=f"t {name} t")
    source = markdown.section(Section(f"t {name} t", (table, Note("n ", name, " n"))))
    shown = " ".join(name.split())
    found = [
        " ".join(text.split())
        for text in texts(source, ("softbreak", "strong_open", "strong_close"))
    ]
    heading = " ".join(f"t {name} t".split())
    assert found == [heading, heading, "x", shown, "y", shown, " ".join(f"n {name} n".split())]


@settings(max_examples=60)
@given(st.text("ab`|<& \\*", min_size=1).filter(lambda text: text.strip()))
def test_code_is_shown_as_it_is(name):
    for block, skipped in ((Note("n ", Code(name)), 0), (Table(["x"], [[Code(name)]]), 1)):
        source = markdown.blocks(Section("t", (block,)))
        (token,) = [token for token in READ.parse(source) if token.type == "inline"][skipped:]
        (code,) = (child for child in token.children if child.type == "code_inline")
        assert code.content.split() == name.split()


def test_blocks_become_what_they_are():
    blocks = (
        Note("a ", Strong("b"), " ", Emphasis("c"), " ", Link("d", "e.md")),
        Items([Note("f"), Note("g")]),
        Table(["h"], [[Score(0.5)], [None], [3]], title="i"),
        Table(["j"], [["k"]], title="l", is_folded=True),
    )
    html = READ.render(markdown.section(Section("T", blocks), level=3))
    assert html.startswith("<h3>T</h3>")
    assert '<p>a <strong>b</strong> <em>c</em> <a href="e.md">d</a></p>' in html
    assert "<li>f</li>\n<li>g</li>" in html
    assert [
        f"<td>{text}</td>" in html.replace(' style="text-align:left"', "")
        for text in ("0.500", "\N{EN DASH}", "3", "k")
    ] == [True] * 4
    assert "<summary>l</summary>" in html


@pytest.mark.parametrize("is_compact", [False, True])
def test_compact_tables_say_the_same(is_compact):
    table = Table(["a", "b"], [["long text", Score(0.5, 0.1, 2)], ["", None]])
    source = markdown.blocks(Section("t", (table,)), is_compact)
    assert texts(source, ()) == ["a", "b", "long text", "0.500 ± 0.100", "", "\N{EN DASH}"]
    assert ("  " in source) != is_compact


def test_without_blocks_nothing_has_run():
    assert markdown.blocks(Section("t")) == "No runs yet."
