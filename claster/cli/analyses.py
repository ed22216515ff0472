"""What is asked of a run or of a cell: scores, intervals, edits, attributions, comparisons, reach."""

from typing import Annotated

import typer

from claster.analysis.attribution.settings import AttributeSettings
from claster.analysis.perturbation.settings import PerturbSettings
from claster.analysis.settings import (
    CrisprSettings,
    EvaluateSettings,
    IntervalSettings,
    LinkSettings,
    ReachSettings,
    TreatSettings,
    ValidateSettings,
)
from claster.cli.console import console_progress, echo
from claster.cli.options import RunFolderPath, takes


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

    evaluation, folder = evaluate_runs(runs, settings, progress=console_progress())
    echo(evaluation.summary.verdict)
    for line in score_lines(evaluation.tables.scores):
        echo(line)
    echo(f"scores: {folder / 'scores.csv'} (docs/evaluation.md says what they mean)")


@takes(IntervalSettings)
def intervals(
    run: RunFolderPath,
    *,
    settings: IntervalSettings,
) -> None:
    """Put an interval around each predicted bin and gene, calibrated on the validation genes."""
    from claster.analysis.intervals import predict_intervals

    path, genes, covered = predict_intervals(run, settings, progress=console_progress())
    if len(covered):
        for row in covered[covered["by"] == "all"].itertuples():
            echo(
                f"{row.condition}: {settings.level:.0%} intervals hold {row.covered:.1%} of the {row.level}s "
                f"(95 % interval {row.low:.1%} to {row.high:.1%}), mean width {row.width:.2f} (log2)"
            )
    of_one = genes[genes["condition"] == genes["condition"].iloc[0]]
    if unlike := int(of_one["unlike"].sum()):
        echo(
            f"{unlike:,} of {len(of_one):,} genes have chromatin unlike that of the training genes (column "
            "'unlike'): expect larger errors than their intervals say"
        )
    echo(f"intervals: {path.with_suffix('.low.parquet')}, {path.with_suffix('.high.parquet')}")


@takes(PerturbSettings)
def perturb(run: RunFolderPath, *, settings: PerturbSettings) -> None:
    """Silence, scale, move or transplant marks over elements: effects with p-values, links, tracks."""
    from claster.analysis.perturbation.screen import perturb as run_perturbation
    from claster.plot.perturbation import draw_screen

    files = run_perturbation(run, settings, progress=console_progress())
    if files.manifest.is_file():
        draw_screen(files, run)
    echo(f"perturbation: {files.folder}")


@takes(AttributeSettings)
def attribute(run: RunFolderPath, *, settings: AttributeSettings) -> None:
    """Attribute predictions to tracks and contact maps: by distance, by element, as bigWig and figures."""
    from claster.analysis.attribution.attribute import attribute as run_attribution
    from claster.plot.attribution import draw_attributions

    files = run_attribution(run, settings, progress=console_progress())
    draw_attributions(files)
    echo(f"attributions: {files.folder}")


@takes(ValidateSettings)
def validate(run: RunFolderPath, *, settings: ValidateSettings) -> None:
    """Compare effects and attributions with the rules planted in a simulated genome."""
    from claster.analysis.validation.validate import validate as run_validation
    from claster.plot.validation import draw_validation

    summary, files = run_validation(run, settings, progress=console_progress())
    draw_validation(files)
    echo(summary.verdict)
    echo(f"validation: {files.folder} (docs/validation.md says what it holds)")


@takes(CrisprSettings)
def crispr(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN",
            help="A run folder; several are folds, each scoring the genes that it held out.",
        ),
    ],
    *,
    settings: CrisprSettings,
) -> None:
    """Silence the elements of a CRISPR table, and compare with what was measured."""
    from claster.analysis.crispr import score_crispr
    from claster.plot.validation import draw_crispr

    summary, files = score_crispr(runs, settings, progress=console_progress())
    draw_crispr(files)
    for reason, rows in summary.left_out.items():
        echo(f"{rows:,} of {summary.rows:,} rows not scored: {reason}")
    echo(summary.verdict)
    echo(f"comparison: {files.folder} (docs/validation.md says what it holds)")


@takes(LinkSettings)
def link(*, settings: LinkSettings) -> None:
    """Score links of elements and genes from a cell's marks, or train the scores on a CRISPR table."""
    from claster.analysis.link.link import find_links
    from claster.plot.validation import draw_calibration

    summary, files = find_links(settings, progress=console_progress())
    if settings.pairs is not None:
        draw_calibration(files)
    echo(summary.verdict)
    echo(f"links: {files.folder} (docs/link.md says what it holds)")


@takes(TreatSettings)
def treat(run: RunFolderPath, *, settings: TreatSettings) -> None:
    """Predict treated cells from their marks, and compare with the measured change of each gene."""
    from claster.analysis.treated import compare_treated
    from claster.plot.validation import draw_treated

    summary, files = compare_treated(run, settings, progress=console_progress())
    draw_treated(files)
    echo(summary.verdict)
    echo(f"comparison: {files.folder} (docs/validation.md says what it holds)")


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
    from claster.dataset.load import load_dataset
    from claster.eir.runs import RunFolder
    from claster.plot.validation import draw_reach

    run = RunFolder.of(subject)
    reaches, files = find_reach(
        run if run.record.exists() else load_dataset(subject),
        settings,
        progress=console_progress(),
    )
    draw_reach(files)
    for found in reaches:
        echo(found.sentence)
    echo(f"reach: {files.folder}")
