"""What is said of one image."""

from dataclasses import dataclass

from bgad.parts.overlay import Regions

__all__ = ["COLUMNS", "Verdict"]

COLUMNS = (
    "file",
    "score",
    "p_value",
    "verdict",
    "regions",
    "left",
    "top",
    "width",
    "height",
    "truth",
    "note",
)
"""Of ``scores.csv``; the box is that of the largest region, in pixels of the original image."""


@dataclass(frozen=True)
class Verdict:
    """Verdict on one image.

    Attributes
    ----------
    file
        Its path as given.
    name
        Its path below the folder that all images have in common.
    truth
        The name of its folder, where that tells; else empty.
    note
        Why it is unreadable.
    verdict
        good, defective or unreadable.
    score, p_value, regions
        None of an unreadable image.
    overlay
        Its picture's path below the page's folder.
    thumbnail
        Number of its picture on the page.
    """

    file: str
    name: str
    truth: str = ""
    note: str = ""
    verdict: str = "unreadable"
    score: float | None = None
    p_value: float | None = None
    regions: Regions | None = None
    overlay: str = ""
    thumbnail: int = -1

    @property
    def mark(self) -> str:
        """What is wrong with the verdict, where the truth is known."""
        if self.verdict == "unreadable" or not self.truth:
            return ""
        if self.truth == "good":
            return "false alarm" if self.verdict == "defective" else ""
        return "miss" if self.verdict == "good" else ""

    def row(self) -> tuple[str | int, ...]:
        """Its values of `COLUMNS`."""
        if self.score is None or self.p_value is None or self.regions is None:
            return (self.file, "", "", self.verdict, "", "", "", "", "", self.truth, self.note)
        box = self.regions.box or ("",) * 4
        figures = f"{self.score:.7g}", f"{self.p_value:.6g}", self.verdict, self.regions.count
        return (self.file, *figures, *box, self.truth, self.mark)
