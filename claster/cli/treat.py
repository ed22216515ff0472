"""`claster treat`: a run's answer to treated marks against the measured change."""

from typing import Annotated

import typer

from claster.cli.arguments import Device, RunFolderPath, SplitOption
from claster.cli.complaint import echo


def treat(
    run: RunFolderPath,
    treated: Annotated[
        str,
        typer.Option("--treated", help="Dataset of the treated cells: a name, or a YAML file."),
    ],
    track: Annotated[
        list[str] | None,
        typer.Option(help="A track that is taken from it; give it again for more. Default: all."),
    ] = None,
    split: SplitOption = "test",
    pseudocount: Annotated[
        float, typer.Option(min=1e-6, help="c in log2((treated + c) / (baseline + c)).")
    ] = 1.0,
    average: Annotated[
        bool, typer.Option(help="Average what a window and its mirror image predict.")
    ] = True,
    seed: Annotated[int, typer.Option(min=0, help="Of resamples.")] = 0,
    device: Device = "auto",
) -> None:
    """Predict treated cells from their marks, and compare with the measured change of each gene."""
    from claster.analysis.treated import compare_treated
    from claster.cli.console import console_progress
    from claster.plot.measured import draw_treated

    summary, files = compare_treated(
        run,
        treated,
        tracks=tuple(track or ()),
        split=split,
        pseudocount=pseudocount,
        average=average,
        seed=seed,
        device=device,
        progress=console_progress(),
    )
    draw_treated(files)
    echo(summary.verdict)
    echo(f"comparison: {files.folder} (docs/validation.md says what it holds)")
