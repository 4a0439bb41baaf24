"""One self-contained page of verdicts, the most anomalous image first."""

import base64
import io
import os
import tempfile
from collections.abc import Iterator, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from urllib.parse import quote

import numpy as np
from PIL import Image

from bgad.parts.verdict import Verdict

__all__ = ["Thumbnails", "write_page"]

_SIDE = 320  # pixels
_CARD = Template(
    """<article class="$kind">
$picture<h2>$name</h2>
<p><span class="$verdict">$verdict</span>$mark</p>
<p>$figures</p>
</article>
"""
)


class Thumbnails:
    """Small JPEGs of any number of images, on disk until the page is written."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - it ends with this object
        self._places: list[tuple[int, int]] = []

    def add(self, image: np.ndarray) -> int:
        """Keep an image of uint8, (H, W, 3), and return its number."""
        small = Image.fromarray(image)
        small.thumbnail((_SIDE, _SIDE))
        buffer = io.BytesIO()
        small.save(buffer, "JPEG", quality=80)
        self._places.append((self._file.seek(0, io.SEEK_END), buffer.tell()))
        self._file.write(buffer.getvalue())
        return len(self._places) - 1

    def data_url(self, number: int) -> str:
        """An image as the source of an HTML element."""
        start, length = self._places[number]
        self._file.seek(start)
        return f"data:image/jpeg;base64,{base64.b64encode(self._file.read(length)).decode()}"


def write_page(
    path: Path,
    title: str,
    summary: str,
    explanation: str,
    verdicts: Sequence[Verdict],
    thumbnails: Thumbnails,
) -> None:
    """Write the page.

    Parameters
    ----------
    path : Path
    title, summary, explanation : str
        Plain text above the images.
    verdicts : sequence of Verdict
        In any order; unreadable images come first, then the most anomalous.
    thumbnails : Thumbnails
        Their `Verdict.thumbnail`.
    """
    texts = {"title": title, "summary": summary, "explanation": explanation}
    page = files(__package__).joinpath("page.html").read_text("utf-8")
    before, after = (
        Template(part).substitute({key: escape(text) for key, text in texts.items()})
        for part in page.split("$cards\n")
    )
    with path.open("w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(before)
        file.writelines(_cards(verdicts, thumbnails))
        file.write(after)


def _cards(verdicts: Sequence[Verdict], thumbnails: Thumbnails) -> Iterator[str]:
    ranked = sorted(verdicts, key=lambda v: np.inf if v.score is None else v.score, reverse=True)
    for verdict in ranked:
        picture, figures = "", verdict.note
        if verdict.score is not None:
            source = thumbnails.data_url(verdict.thumbnail)
            target = quote(os.fsencode(verdict.overlay))
            picture = (
                f'<a href="{target}"><img src="{source}" loading="lazy" '
                f'alt="{escape(verdict.name)} with heat and outlines"></a>\n'
            )
            regions = f"{verdict.regions.count} region" + "s" * (verdict.regions.count != 1)
            figures = f"score {verdict.score:.4g}, p {verdict.p_value:.3g}, {regions}"
        truth = f", truth: {verdict.truth}" if verdict.truth else ""
        mark = f' <span class="mark">({escape(verdict.mark)})</span>' if verdict.mark else ""
        yield _CARD.substitute(
            kind="wrong" if verdict.mark else "",
            picture=picture,
            name=escape(verdict.name),
            verdict=verdict.verdict,
            mark=mark,
            figures=escape(figures + truth),
        )
