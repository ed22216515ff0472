"""`claster attribute`: which marks, and how far away, predictions rest on."""

from claster.analysis.attribution.settings import AttributeSettings
from claster.cli.arguments import RunFolderPath
from claster.cli.complaint import echo
from claster.cli.options import takes


@takes(AttributeSettings)
def attribute(run: RunFolderPath, *, settings: AttributeSettings) -> None:
    """Attribute predictions to tracks and contact maps: by distance, by element, as bigWig and figures."""
    from claster.analysis.attribution.attribute import attribute as run_attribution
    from claster.cli.console import console_progress
    from claster.plot.attribution import draw_attributions

    files = run_attribution(run, settings, progress=console_progress())
    draw_attributions(files)
    echo(f"attributions: {files.folder}")
