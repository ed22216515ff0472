"""`claster evaluate`: scores beside the simple methods."""

import typer

from claster.cli.arguments import RunFolderPath, SplitOption


def evaluate(run: RunFolderPath, split: SplitOption = "test") -> None:
    """Score a run's predictions against the mean profile, a ridge and, where known, the truth."""
    from claster.analysis.evaluate import evaluate as score_run
    from claster.analysis.scores import score_lines
    from claster.cli.console import console_progress
    from claster.dataset.load import load_dataset
    from claster.eir.runs import read_run

    spec = load_dataset(read_run(run).dataset)
    evaluation = score_run(run, spec, split=split, progress=console_progress())
    for line in score_lines(evaluation.metrics):
        typer.echo(line)
    typer.echo(evaluation.summary["verdict"])
