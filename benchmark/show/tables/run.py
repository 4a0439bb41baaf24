"""A run's figures on one screen."""

import pandas as pd

from benchmark.results.frame import AVERAGE, summarise
from benchmark.show.document import Score, Section, Table
from benchmark.show.labels import HEADLINE, SHORT_TITLES, dataset_label, display_name
from benchmark.show.tables import advice
from benchmark.show.tables.caveats import caveats
from benchmark.show.tables.scores import images
from bgad.data.registry import DATASETS, find_dataset

__all__ = ["section"]

_KEYS = ["setting", "shots", "profile", "category"]


def section(frame: pd.DataFrame, dataset: str) -> Section:
    """Headline metrics, and on a user's own data advice.

    Parameters
    ----------
    frame
        Of the run, whatever study its profile belongs to; see
        `benchmark.results.frame.results_frame`.
    dataset
        Take only this one's.
    """
    title = f"{dataset_label(dataset)}, test set common"
    cells = frame[(frame["dataset"] == dataset) & frame["control"].isna() & ~frame["apart"]]
    if cells.empty:
        return Section(title)
    summaries = [summarise(cells, metric).set_index(_KEYS) for metric in HEADLINE]
    order = [AVERAGE, *find_dataset(dataset).ordered(cells["category"])]
    keys = sorted(summaries[0].index, key=lambda key: (*key[:3], order.index(key[3])))
    oracles = set(cells.loc[cells["oracle"], "profile"])
    rows = []
    for setting, shots, profile, category in keys:
        entries = [summary.loc[(setting, shots, profile, category)] for summary in summaries]
        scores = [Score(entry["mean"], entry["std"], entry["n"]) for entry in entries]
        name = f"{profile} (oracle)" if profile in oracles else profile
        category = display_name(category) or "Average"
        rows.append([setting, shots, name, category, *scores, entries[0]["n"]])
    columns = ["Setting", "Shots", "Profile", "Category"]
    columns += [*(SHORT_TITLES[metric] for metric in HEADLINE), "Seeds"]
    own = () if dataset in DATASETS else advice.section(frame, dataset).blocks
    notes = [*images(cells, dataset), *caveats(cells)]
    return Section(title, (Table(columns, rows), *notes, *own))
