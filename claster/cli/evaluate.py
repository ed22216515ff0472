"""`claster evaluate`: scores beside the simple methods."""

from typing import Annotated

import typer

from claster.analysis.settings import EvaluateSettings
from claster.cli.complaint import echo
from claster.cli.options import takes


def _print_schema(asked: bool) -> None:
    if asked:
        from claster.analysis.summary import evaluation_schema

        echo(evaluation_schema(), nl=False)
        raise typer.Exit


@takes(EvaluateSettings)
def evaluate(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN",
            help="A run folder, such as runs/toy/pure_conv; several are seeds or folds of one model.",
        ),
    ],
    *,
    settings: EvaluateSettings,
    schema: Annotated[
        bool,
        typer.Option(
            "--schema",
            callback=_print_schema,
            is_eager=True,
            help="Print the JSON Schema of summary.json (docs/evaluation.schema.json) and exit.",
        ),
    ] = False,
) -> None:
    """Score predictions beside simple methods and, where known, the truth, with 95 % intervals."""
    from claster.analysis.evaluate import evaluate_runs
    from claster.analysis.summary import score_lines
    from claster.cli.console import console_progress

    evaluation, folder = evaluate_runs(runs, settings, progress=console_progress())
    echo(evaluation.summary.verdict)
    for line in score_lines(evaluation.tables.scores):
        echo(line)
    echo(f"scores: {folder / 'scores.csv'} (docs/evaluation.md says what they mean)")
