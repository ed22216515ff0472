"""`claster crispr`: a run's effects against a CRISPR interference screen."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from claster.cli.arguments import Device, Force, RunFolderPath, SplitOption
from claster.cli.complaint import echo


def crispr(
    run: RunFolderPath,
    pairs: Annotated[
        Path,
        typer.Option("--pairs", "-p", help="Table in the EPCrisprBenchmark format (TSV, TSV.GZ)."),
    ],
    cell_type: Annotated[
        str | None, typer.Option(help="Whose pairs; needed where the table has several.")
    ] = None,
    split: SplitOption = "test",
    centre: Annotated[
        Literal["gene", "element"], typer.Option(help="What windows are centred on.")
    ] = "element",
    verb: Annotated[
        Literal["silence", "background", "repress"], typer.Option(help="How it is silenced.")
    ] = "silence",
    width: Annotated[
        int | None,
        typer.Option(min=1, help="bp edited around each element's middle; default: its own edges."),
    ] = None,
    reach: Annotated[
        int, typer.Option(min=1, help="bp from the TSS within which an element lies whole.")
    ] = 200_000,
    around_tss: Annotated[
        tuple[int, int] | None,
        typer.Option(
            help="Measure genes over that many bp upstream and downstream of the TSS, not over the body; "
            "published for POLR2A: 2000 3000."
        ),
    ] = None,
    min_activity: Annotated[
        float | None, typer.Option(help="Least mean H3K27ac of an element; published: 10.")
    ] = None,
    average: Annotated[
        bool, typer.Option(help="Average what a window and its mirror image predict.")
    ] = False,
    name: Annotated[str, typer.Option(help="Folder below RUN/crispr and RUN/perturb.")] = "crispr",
    seed: Annotated[int, typer.Option(min=0, help="Of resamples.")] = 0,
    device: Device = "auto",
    force: Force = False,
) -> None:
    """Silence the elements of a CRISPR table, and compare with what was measured."""
    from claster.analysis.crispr.crispr import score_crispr
    from claster.cli.console import console_progress
    from claster.plot.measured import draw_crispr

    summary, files = score_crispr(
        run,
        pairs,
        cell_type=cell_type,
        split=split,
        centre=centre,
        verb=verb,
        width=width,
        reach=reach,
        around_tss=around_tss,
        min_activity=min_activity,
        average=average,
        name=name,
        seed=seed,
        device=device,
        force=force,
        progress=console_progress(),
    )
    draw_crispr(files)
    for reason, rows in summary.left_out.items():
        echo(f"{rows:,} of {summary.rows:,} rows not scored: {reason}")
    echo(summary.verdict)
    echo(f"comparison: {files.folder} (docs/validation.md says what it holds)")
