"""`claster reach`: how far from a promoter information about its gene lies."""

from claster.analysis.settings import ReachSettings
from claster.cli.arguments import DatasetName
from claster.cli.complaint import echo
from claster.cli.options import takes


@takes(ReachSettings)
def reach(dataset: DatasetName, *, settings: ReachSettings) -> None:
    """Tell how far information reaches, from models that see 1 to 500 kb, with and without contacts."""
    from claster.analysis.reach import find_reach
    from claster.cli.console import console_progress
    from claster.plot.reach import draw_reach

    reaches, files = find_reach(dataset, settings, progress=console_progress())
    draw_reach(files)
    for found in reaches:
        echo(found.sentence)
    echo(f"reach: {files.folder}")
