"""Figures that others have published, ours beside them, and how far reports of a method differ."""

import pandas as pd

from benchmark.results.frame import AVERAGE, grid_cells
from benchmark.results.references import MEAN, NEAR, PROTOCOL, compare, reproductions
from benchmark.show.document import Entry, Note, Quantity, Score, Section, Strong, Table, count
from benchmark.show.labels import SHORT_TITLES, display_name
from benchmark.show.tables.caveats import caveats
from bgad.data.registry import find_dataset

__all__ = ["section"]

_BLOCK = ["dataset", "setting", "shots", "metric", "test_set"]


def section(frame: pd.DataFrame, references: pd.DataFrame) -> Section:
    """Ours beside the references, the references of a method beside each other, and their sources.

    Parameters
    ----------
    frame
        See `benchmark.results.frame.results_frame`.
    references
        See `benchmark.results.references.load_references`.
    """
    compared = compare(frame, references)
    beside = [
        table
        for key, block in compared.groupby(_BLOCK, sort=False)
        for table in _beside(dict(zip(_BLOCK, key, strict=True)), block)
    ]
    note = Note(
        "Ours, and published figures of the same setting and number of known anomalies on the same "
        "test set; in what a published one differs from ours, beside code and choice of anomalies, "
        f"is said. Those that differ in more than {NEAR} of these respects are folded."
    )
    ours = [note, *beside] if beside else [Note("No runs to put beside them yet.")]
    cells = grid_cells(frame)
    said = caveats(cells[cells["profile"].isin(compared["profile"])])
    return Section(
        "Beside published figures", (*ours, *said, *_gaps(references), *_sources(references))
    )


def _beside(block: dict, rows: pd.DataFrame) -> list[Table]:
    """Ours and the near references of a block, then the others."""
    dataset = find_dataset(block["dataset"])
    categories = dataset.ordered(set(rows["category"]) - {AVERAGE})
    full, parts = len(dataset.categories), len(categories)
    columns = {parts: f"Average (mean of {parts})"} if 1 < parts < full else {}
    columns[full] = f"Average (mean of {full})"
    known = count(block["shots"], "known anomaly")
    title = f"{SHORT_TITLES[block['metric']]}, {block['setting']}, {known}"

    def entries(figures: pd.DataFrame, of: str) -> dict[str, Entry]:
        averages = figures[figures["category"] == AVERAGE].drop_duplicates("parts")
        named = figures[figures["category"] != AVERAGE].drop_duplicates("category")
        return {
            **{
                columns[row["parts"]]: _score(row, of)
                for _, row in averages.iterrows()
                if row["parts"] in columns
            },
            **{display_name(row["category"]): _score(row, of) for _, row in named.iterrows()},
        }

    holes = dict.fromkeys([*columns.values(), *map(display_name, categories)])
    ours = [
        {"Method": f"ours, {profile}", "Reported by": "", **holes, **entries(figures, "ours")}
        | {"Differs in": ""}
        for profile, figures in rows.groupby("profile")
    ]
    near, far = [], []
    for (method, by), figures in rows.groupby(["method", "by"], sort=False):
        differs = min(figures["differs"], key=len)
        row = {"Method": method, "Reported by": by, **holes, **entries(figures, "reference")}
        row["Differs in"] = ", ".join(name for name in differs if name != "categories")
        (far if figures["is_far"].all() else near).append(row)
    tables = [Table.of([*ours, *near], title)] if near else []
    if far:
        more = ", further" if near else ""
        tables.append(Table.of([*([] if near else ours), *far], f"{title}{more}", is_folded=True))
    return tables


def _gaps(references: pd.DataFrame) -> list[Note | Table]:
    """How far the figures of a method lie apart, by who reports them."""
    rows = [
        {
            "Method": gap.method,
            "Known anomalies": gap.shots,
            "Setting": gap.setting,
            "Metric": SHORT_TITLES[gap.metric],
            "Reported by": gap.by,
            "": Score(gap.first),
            "and by": gap.other,
            " ": Score(gap.second),
            "Difference": Quantity(100 * (gap.second - gap.first), spec="+.1f"),
            "Categories": gap.parts or "means alone",
            "Widest on": ""
            if gap.category == MEAN
            else f"{display_name(gap.category)} ({Quantity(100 * gap.widest, spec='+.1f')})",
        }
        for gap in reproductions(references).itertuples()
    ]
    if not rows:
        return []
    note = Note(
        Strong("The same method in different papers"),
        ": averages over the categories that both state, and their difference in points (0.01). "
        "What a method is said to reach depends on who ran it; differences between methods that "
        "are smaller than these say little.",
    )
    return [note, Table.of(rows)]


def _sources(references: pd.DataFrame) -> list[Table]:
    made = references.drop_duplicates(["method", "by", "setting", *PROTOCOL])
    protocols = [
        {
            "Method": row.method,
            "Reported by": row.by,
            "Setting": row.setting,
            "Supervision": row.supervision,
            "Masks used": row.masks,
            "Model selected": row.selection,
            "Image size": row.image_size,
            "Backbone": row.backbone,
            "Source": f"{row.source}, {row.place}",
        }
        for row in made.itertuples()
    ]
    return [Table.of(protocols, "How the published figures were made", is_folded=True)]


def _score(row: pd.Series, of: str) -> Score | None:
    n = row[f"{of}_n"]
    if n == 0:
        return None
    return Score(row[of], row[f"{of}_std"], remark="" if pd.isna(n) else f"n = {n:.0f}")
