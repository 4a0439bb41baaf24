"""Results that others have superseded: of a profile as it was, or of images that were replaced."""

import warnings
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable

from benchmark.protocol.schema import Result

__all__ = ["describe", "split_stale", "warn_of"]

_NAMED = 3  # of each profile


def split_stale(results: Iterable[Result]) -> tuple[list[Result], list[Result]]:
    """Tell results that belong together from those that no mean may hold beside them.

    What finished last says how a profile is now: the hash of its hyper-parameters, and how many
    anomalies its test set ``common`` lacks; and, for each category, the images' fingerprint.

    Returns
    -------
    current, stale : list of Result
        In the order given.
    """
    results = list(results)
    profile = _newest(results, _profile, lambda r: (r.config.profile_hash, r.cell.pool))
    of_profile = [r for r in results if profile(r)]
    images = _newest(of_profile, lambda r: (*_profile(r), r.cell.category), _fingerprint)
    current = [result for result in of_profile if images(result)]
    kept = set(map(id, current))
    return current, [result for result in results if id(result) not in kept]


def warn_of(stale: Iterable[Result]) -> None:
    """Count and name stale results, in one warning for each profile."""
    for (dataset, profile), text in describe(stale).items():
        warnings.warn(
            f"left out of profile {profile} on {dataset}: {text}: --rerun brings them in",
            stacklevel=3,
        )


def describe(stale: Iterable[Result]) -> dict[tuple[str, str], str]:
    """Count and name the stale results of each data set and profile."""
    groups = defaultdict(list)
    for result in stale:
        groups[_profile(result)].append(str(result.cell))
    return {group: _describe(sorted(cells)) for group, cells in sorted(groups.items())}


def _describe(cells: list[str]) -> str:
    number = "1 result" if len(cells) == 1 else f"{len(cells)} results"
    others = f"; {len(cells) - _NAMED} more" if len(cells) > _NAMED else ""
    return (
        f"{number}, as newer ones are of other hyper-parameters, images or pool "
        f"({'; '.join(cells[:_NAMED])}{others})"
    )


def _profile(result: Result) -> tuple[str, str]:
    return result.cell.dataset, result.cell.profile


def _fingerprint(result: Result) -> str:
    return result.data.fingerprint


def _newest(
    results: Iterable[Result],
    group: Callable[[Result], Hashable],
    identity: Callable[[Result], Hashable],
) -> Callable[[Result], bool]:
    """Whether a result's identity is that of the last one of its group."""
    ordered = sorted(results, key=lambda result: result.provenance.finished)
    newest = {group(result): identity(result) for result in ordered}
    return lambda result: newest[group(result)] == identity(result)
