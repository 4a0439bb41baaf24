"""Results whose figures a test chooses."""

from instant import make_result

from benchmark.protocol.cells import Cell
from benchmark.protocol.metrics import METRICS
from benchmark.protocol.profiles import Profile
from benchmark.protocol.schema import Result

__all__ = ["result_of"]


def result_of(
    cell: Cell,
    value: float | None,
    paper: float | None = None,
    study: str | None = None,
    **changes,
) -> Result:
    """Make a result of BGAD that has `value` for each metric, on the paper's test set `paper`."""
    common = dict.fromkeys(METRICS, value)
    figures = {
        "common": common,
        "paper": common if paper is None else dict.fromkeys(METRICS, paper),
    }
    profile = Profile(cell.profile, study=study)
    return make_result(cell, profile=profile, **{"metrics": figures} | changes)
