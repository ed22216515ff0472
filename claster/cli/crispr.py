"""`claster crispr`: a run's effects against a CRISPR interference screen."""

from typing import Annotated

import typer

from claster.analysis.settings import CrisprSettings
from claster.cli.complaint import echo
from claster.cli.options import takes


@takes(CrisprSettings)
def crispr(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN",
            help="A run folder; several are folds, each scoring the genes that it held out.",
        ),
    ],
    *,
    settings: CrisprSettings,
) -> None:
    """Silence the elements of a CRISPR table, and compare with what was measured."""
    from claster.analysis.crispr.crispr import score_crispr
    from claster.cli.console import console_progress
    from claster.plot.measured import draw_crispr

    summary, files = score_crispr(runs, settings, progress=console_progress())
    draw_crispr(files)
    for reason, rows in summary.left_out.items():
        echo(f"{rows:,} of {summary.rows:,} rows not scored: {reason}")
    echo(summary.verdict)
    echo(f"comparison: {files.folder} (docs/validation.md says what it holds)")
