"""`claster perturb`: edit marks over elements, and what the model makes of it."""

from claster.analysis.perturbation.settings import PerturbSettings
from claster.cli.arguments import RunFolderPath
from claster.cli.complaint import echo
from claster.cli.options import takes


@takes(PerturbSettings)
def perturb(run: RunFolderPath, *, settings: PerturbSettings) -> None:
    """Silence, scale, move or transplant marks over elements: effects with p-values, links, tracks."""
    from claster.analysis.perturbation.screen import perturb as run_perturbation
    from claster.cli.console import console_progress
    from claster.plot.perturbation import draw_screen

    files = run_perturbation(run, settings, progress=console_progress())
    if files.manifest.is_file():
        draw_screen(files, run)
    echo(f"perturbation: {files.folder}")
