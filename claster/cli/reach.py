"""`claster reach`: how far from a promoter information about its gene lies."""

from typing import Annotated

import typer

from claster.analysis.settings import ReachSettings
from claster.cli.complaint import echo
from claster.cli.options import takes


@takes(ReachSettings)
def reach(
    subject: Annotated[
        str,
        typer.Argument(
            metavar="RUN|DATASET", help="A run folder, or the name or YAML of a dataset."
        ),
    ],
    *,
    settings: ReachSettings,
) -> None:
    """Tell how far information reaches: by models that see 1 to 500 kb, or a run with the rest hidden."""
    from claster.analysis.reach import find_reach
    from claster.cli.console import console_progress
    from claster.dataset.load import load_dataset
    from claster.eir.runs import RunFolder
    from claster.plot.reach import draw_reach

    run = RunFolder.of(subject)
    reaches, files = find_reach(
        run if run.record.is_file() else load_dataset(subject),
        settings,
        progress=console_progress(),
    )
    draw_reach(files)
    for found in reaches:
        echo(found.sentence)
    echo(f"reach: {files.folder}")
