"""Read-only views of a run: a self-contained HTML page."""

from ray_promptopt.report.page import render_report, write_report

__all__ = ["render_report", "write_report"]
