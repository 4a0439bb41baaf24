"""What must be said wherever the figures of some profiles are shown."""

import pandas as pd

from benchmark.show.document import Code, Note

__all__ = ["caveats"]


def caveats(cells: pd.DataFrame) -> list[Note]:
    """A note for each profile that carries a caveat.

    Parameters
    ----------
    cells
        Those that are shown, or more; see `benchmark.results.frame.results_frame`.
    """
    said = cells.dropna(subset="caveat").drop_duplicates(["profile", "caveat"])
    said = said.sort_values(["profile", "caveat"])
    return [Note(Code(row.profile), f": {row.caveat}") for row in said.itertuples()]
