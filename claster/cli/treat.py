"""`claster treat`: a run's answer to treated marks against the measured change."""

from claster.analysis.settings import TreatSettings
from claster.cli.arguments import RunFolderPath
from claster.cli.complaint import echo
from claster.cli.options import takes


@takes(TreatSettings)
def treat(run: RunFolderPath, *, settings: TreatSettings) -> None:
    """Predict treated cells from their marks, and compare with the measured change of each gene."""
    from claster.analysis.treated import compare_treated
    from claster.cli.console import console_progress
    from claster.plot.measured import draw_treated

    summary, files = compare_treated(run, settings, progress=console_progress())
    draw_treated(files)
    echo(summary.verdict)
    echo(f"comparison: {files.folder} (docs/validation.md says what it holds)")
