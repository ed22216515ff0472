"""`claster link`: which elements act on which genes in a cell."""

from claster.analysis.settings import LinkSettings
from claster.cli.complaint import echo
from claster.cli.options import takes


@takes(LinkSettings)
def link(*, settings: LinkSettings) -> None:
    """Score links of elements and genes from a cell's marks, or train the scores on a CRISPR table."""
    from claster.analysis.link.link import find_links
    from claster.cli.console import console_progress
    from claster.plot.measured import draw_calibration

    summary, files = find_links(settings, progress=console_progress())
    if settings.pairs is not None:
        draw_calibration(files)
    echo(summary.verdict)
    echo(f"links: {files.folder} (docs/link.md says what it holds)")
