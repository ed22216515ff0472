"""`claster validate`: a run's effects and attributions against planted rules."""

from typing import Annotated

import typer

from claster.cli.arguments import Device, RunFolderPath, SplitOption
from claster.cli.complaint import echo


def validate(
    run: RunFolderPath,
    perturbation: Annotated[
        str | None,
        typer.Option(help="A screen below RUN/perturb; default: two that are done for this."),
    ] = None,
    attribution: Annotated[
        str | None, typer.Option(help="Attributions below RUN/attributions to score as well.")
    ] = None,
    split: SplitOption = "test",
    condition: Annotated[
        str | None, typer.Option(help="Of the target; default: the first one.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of resamples.")] = 0,
    device: Device = "auto",
) -> None:
    """Compare effects and attributions with the rules planted in a simulated genome."""
    from claster.analysis.validation.validate import validate as run_validation
    from claster.cli.console import console_progress
    from claster.plot.validation import draw_validation

    summary, files = run_validation(
        run,
        perturbation=perturbation,
        attribution=attribution,
        split=split,
        condition=condition,
        seed=seed,
        device=device,
        progress=console_progress(),
    )
    draw_validation(files)
    echo(summary.verdict)
    echo(f"validation: {files.folder} (docs/validation.md says what it holds)")
