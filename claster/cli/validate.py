"""`claster validate`: a run's effects and attributions against planted rules."""

from claster.analysis.settings import ValidateSettings
from claster.cli.arguments import RunFolderPath
from claster.cli.complaint import echo
from claster.cli.options import takes


@takes(ValidateSettings)
def validate(run: RunFolderPath, *, settings: ValidateSettings) -> None:
    """Compare effects and attributions with the rules planted in a simulated genome."""
    from claster.analysis.validation.validate import validate as run_validation
    from claster.cli.console import console_progress
    from claster.plot.validation import draw_validation

    summary, files = run_validation(run, settings, progress=console_progress())
    draw_validation(files)
    echo(summary.verdict)
    echo(f"validation: {files.folder} (docs/validation.md says what it holds)")
