"""What must be said wherever the figures of some profiles are shown."""

import pandas as pd

from benchmark.show.document import Code, Note

__all__ = ["caveats"]


def caveats(cells: pd.DataFrame) -> list[Note]:
    """What profiles say of themselves, in one note; none where there is nothing.

    Parameters
    ----------
    cells
        Those that are shown, or more; see `benchmark.results.frame.results_frame`.
    """
    said = cells.dropna(subset="caveat").drop_duplicates(["profile", "caveat"])
    said = said.sort_values(["profile", "caveat"])
    parts = [
        part for row in said.itertuples() for part in (" ", Code(row.profile), f": {row.caveat}")
    ]
    return [Note(*parts[1:])] if parts else []
