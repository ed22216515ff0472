"""One self-contained HTML page that says what a run is, how good it is, and how to repeat it."""

from claster.report.write import write_report

__all__ = ["write_report"]
