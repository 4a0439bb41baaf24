"""What made the results: commits, machines, times, versions of packages."""

from collections.abc import Sequence

from benchmark.protocol.schema import Result
from benchmark.show.document import Quantity, Section, Table
from benchmark.show.labels import dataset_label

__all__ = ["section"]


def section(results: Sequence[Result]) -> Section:
    """Tables of runs by data set and profile, and of the packages that they used."""
    groups: dict[tuple[str, str, str], list[Result]] = {}
    versions: dict[str, set[str]] = {}
    for result in results:
        key = (dataset_label(result.cell.dataset), result.cell.profile, result.config.study or "")
        groups.setdefault(key, []).append(result)
        for package, version in result.provenance.versions.items():
            versions.setdefault(package, set()).add(version)
    runs = [_runs(*key, groups[key]) for key in sorted(groups)]
    packages = [(package, ", ".join(sorted(found))) for package, found in sorted(versions.items())]
    tables = (
        Table.of(runs, "What made these results"),
        Table(["Package", "Versions"], packages, "Versions of packages"),
    )
    return Section("Provenance", tables if results else ())


def _runs(data: str, profile: str, study: str, results: Sequence[Result]) -> dict:
    stamps = [result.provenance for result in results]
    commits = {
        (stamp.commit or "unknown")[:10] + " (with uncommitted changes)" * bool(stamp.dirty)
        for stamp in stamps
    }
    hours = sum(result.timings_s.total for result in results) / 3600
    return {
        "Data": data,
        "Profile": profile,
        "Study": study,
        "Runs": len(results),
        "Hours in all": Quantity(hours, spec=".2f"),
        "Commit": ", ".join(sorted(commits)),
        "Machine": "; ".join(sorted({f"{s.cpu or 'unknown'}, {s.device}" for s in stamps})),
        "First started, UTC": min(_minute(stamp.started) for stamp in stamps),
        "Last finished, UTC": max(_minute(stamp.finished) for stamp in stamps),
    }


def _minute(time: object) -> str:
    return str(time)[:16].replace("T", " ")
