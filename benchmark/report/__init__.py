"""The report: results as static pages that need no network."""

from benchmark.report.site import write_report

__all__ = ["write_report"]
