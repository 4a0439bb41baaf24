"""Executed notebooks: their galleries, and themselves as HTML."""

import base64
import re
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

import nbformat
import nh3
from markupsafe import Markup
from pydantic import TypeAdapter, ValidationError

from benchmark.show.layers import MEDIA_TYPE, Layers
from benchmark.show.report.pictures import Picture

__all__ = ["Executed", "find_notebooks"]

_PICTURE = re.compile(r'src="data:image/(png|jpeg);base64,([^"]*)"')

_TAGS = {
    *("a", "abbr", "acronym", "b", "blockquote", "code", "em", "i", "li", "ol", "strong", "ul"),
    *("br", "caption", "del", "div", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "p", "pre", "span"),
    *("sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr"),
}

_FOLDED = """
{%- extends 'basic/index.html.j2' -%}
{%- block input_group -%}
<details class="code"><summary>Code</summary>{{ super() }}</details>
{%- endblock input_group -%}
"""
_LAYERS = TypeAdapter(list[Layers])


@dataclass(frozen=True)
class Executed:
    """A notebook that a run has executed for a category.

    Attributes
    ----------
    path, dataset, category, profile
        Where it is, and what it was executed for.
    """

    path: Path
    dataset: str
    category: str
    profile: str

    @cached_property
    def content(self) -> nbformat.NotebookNode:
        """The notebook."""
        return nbformat.read(self.path, as_version=4)

    @property
    def cells(self) -> set[str]:
        """Cells that it shows, as text."""
        headings = (str(o.get("data", {}).get("text/markdown", "")) for o in _outputs(self.content))
        return {text.removeprefix("## ").strip() for text in headings if text.startswith("## ")}

    @property
    def galleries(self) -> dict[str, list[Picture]]:
        """Galleries by cell, as text."""
        galleries: dict[str, list[Picture]] = {}
        cell = ""
        for output in _outputs(self.content):
            data = output.get("data", {})
            heading = str(data.get("text/markdown", ""))
            if heading.startswith("## "):
                cell = heading.removeprefix("## ").strip()
            if "image/jpeg" in data:
                encoded = "".join(data["image/jpeg"].split())
                alt = output.get("metadata", {}).get("image/jpeg", {}).get("alt", "Test images")
                uri = f"data:image/jpeg;base64,{encoded}"
                picture = Picture(uri, alt, layers=_layers(data.get(MEDIA_TYPE, [])))
                galleries.setdefault(cell, []).append(picture)
        return galleries

    def html(self, folder: Path) -> Markup:
        """The notebook as HTML, without anything that could run or be fetched from elsewhere.

        Parameters
        ----------
        folder : Path
            Receives its pictures, which a browser reads when they come into view; the page lies
            beside it.
        """
        from nbconvert import HTMLExporter

        def write(found: re.Match[str]) -> str:
            kind, content = found.groups()
            folder.mkdir(parents=True, exist_ok=True)
            picture = folder / f"{len(list(folder.iterdir())):03d}.{kind}"
            picture.write_bytes(base64.b64decode(content))
            return f'loading="lazy" src="{quote(folder.name)}/{picture.name}"'

        exporter = HTMLExporter(raw_template=_FOLDED, sanitize_html=True, exclude_anchor_links=True)
        exporter.register_filter("clean_html", _clean)  # its own knows neither p nor h1
        return Markup(_PICTURE.sub(write, exporter.from_notebook_node(self.content)[0]))


def find_notebooks(roots: Iterable[Path]) -> list[Executed]:
    """Find the executed notebooks below folders of results; unusable ones give a warning."""
    found = []
    for root in roots:
        for path in sorted(root.rglob("notebooks/*/*.ipynb")):
            if path.name.startswith(".") or path.name.endswith(".failed.ipynb"):
                continue
            try:
                parameters = nbformat.read(path, as_version=4).metadata.papermill.parameters
                profile = Path(parameters.profile).name.removesuffix(".yaml").removesuffix(".yml")
                found.append(Executed(path, parameters.dataset, parameters.category, profile))
            except Exception as error:  # whatever a file may hold, it spoils no report
                warnings.warn(f"{path}: left out of the report: {error!r}", stacklevel=2)
    return _without_superseded(found)


def _without_superseded(notebooks: Iterable[Executed]) -> list[Executed]:
    """Leave out notebooks all of whose cells newer ones show: their figures are others by now."""
    shown: dict[tuple[str, str, str], set[str]] = {}
    kept = []
    for notebook in sorted(notebooks, key=lambda n: n.path.stat().st_mtime, reverse=True):
        known = shown.setdefault((notebook.dataset, notebook.category, notebook.profile), set())
        if not notebook.cells or not notebook.cells <= known:
            kept.append(notebook)
            known |= notebook.cells
    return sorted(kept, key=lambda notebook: notebook.path)


def _layers(stored: object) -> tuple[Layers, ...]:
    """Those of a picture; none if they are not what this project writes."""
    try:
        return tuple(_LAYERS.validate_python(stored))
    except ValidationError as error:
        warnings.warn(f"layers of a picture: left out of the report: {error}", stacklevel=2)
        return ()


def _clean(html: str) -> str:
    """Keep text and tables of HTML, without what could run, be fetched, or restyle the page."""
    return nh3.clean(
        str(html),
        tags=_TAGS,
        attributes={"*": {"scope"}, "a": {"href"}},
        url_schemes={"http", "https", "mailto"},
    )


def _outputs(notebook: nbformat.NotebookNode) -> Iterator[nbformat.NotebookNode]:
    for cell in notebook.cells:
        yield from cell.get("outputs", [])
