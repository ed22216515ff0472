"""`claster predict`: a table of predictions and browser tracks from one or several runs."""

from typing import Annotated

import typer

from claster.cli.complaint import echo
from claster.cli.options import takes
from claster.eir.settings import PredictSettings
from claster.quoting import pasteable


@takes(PredictSettings)
def predict(
    runs: Annotated[
        list[str],
        typer.Argument(metavar="RUN...", help="Run folders; of several the mean is written."),
    ],
    *,
    settings: PredictSettings,
) -> None:
    """Predict with the best model of each run: a table, samples x bins, and bigWig tracks."""
    from claster.cli.console import console_progress
    from claster.eir.predict import predict as run_prediction

    table = run_prediction(runs, settings, progress=console_progress())
    echo(f"predictions: {table}")
    if settings.dataset is None and table.stem in ("train", "valid", "test"):
        words = ["claster", "evaluate", str(table.parent.parent), "--split", table.stem]
        echo(f"next: {pasteable(words)}")
