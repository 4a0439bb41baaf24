"""The report: results as static pages that need no network."""

from benchmark.show.report.site import write_report

__all__ = ["write_report"]
