"""One self-contained HTML page: what a run is, how good it is, how to repeat it."""

from claster.report.write import write_report

__all__ = ["write_report"]
