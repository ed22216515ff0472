"""`claster perturb`: edit marks over elements, and what the model makes of it."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from claster.cli.arguments import Device, Force, RunFolderPath, SplitOption
from claster.cli.complaint import echo


def perturb(
    run: RunFolderPath,
    elements: Annotated[
        Path | None,
        typer.Option(
            "--elements", "-e", help="BED or cCRE table; default: the dataset's own elements."
        ),
    ] = None,
    verb: Annotated[
        Literal[
            "silence",
            "background",
            "repress",
            "scale",
            "shift",
            "swap",
            "flip",
            "insert",
            "shuffle",
        ],
        typer.Option(help="What is done to each element."),
    ] = "silence",
    track: Annotated[
        list[str] | None,
        typer.Option(help="A track that changes; give it again for more. Default: see the docs."),
    ] = None,
    factor: Annotated[
        list[float] | None, typer.Option(help="Of 'scale'; give it again for a dose curve.")
    ] = None,
    shift: Annotated[
        list[int] | None,
        typer.Option(help="Of 'shift', bp, a whole number of bins; give it again for more."),
    ] = None,
    gain: Annotated[
        float | None,
        typer.Option(help="Signal that 'repress' gives; default: 99 % quantile of the track."),
    ] = None,
    gain_track: Annotated[str, typer.Option(help="The mark that 'repress' gives.")] = "H3K27me3",
    locus: Annotated[
        str | None, typer.Option(help="chrom:start-end that 'insert' takes its block from.")
    ] = None,
    edges: Annotated[
        Literal["exact", "paper"], typer.Option(help="How elements and bins meet.")
    ] = "exact",
    pairs: Annotated[
        Path | None,
        typer.Option(help="Two element IDs a line that are edited together; 'all' for every two."),
    ] = None,
    split: SplitOption = "test",
    centre: Annotated[
        Literal["gene", "element"], typer.Option(help="What windows are centred on.")
    ] = "gene",
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
            help="Measure genes over that many bp upstream and downstream of the TSS, not over the body."
        ),
    ] = None,
    min_activity: Annotated[
        float | None, typer.Option(help="Least mean of the activity track; published: 10.")
    ] = None,
    activity_quantile: Annotated[
        float | None, typer.Option(min=0, max=1, help="The same as a quantile of all pairs.")
    ] = None,
    activity_track: Annotated[str, typer.Option(help="Track that tells activity.")] = "H3K27ac",
    controls: Annotated[
        int, typer.Option(min=0, help="Control regions a stratum; 0 for no p-values.")
    ] = 100,
    pseudocount: Annotated[
        float, typer.Option(min=1e-6, help="c in log2((perturbed + c) / (baseline + c)).")
    ] = 1.0,
    average: Annotated[
        bool, typer.Option(help="Average what a window and its mirror image predict.")
    ] = False,
    profiles: Annotated[
        bool, typer.Option("--profiles", help="Keep predicted profiles before and after edits.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of control regions and 'shuffle'.")] = 0,
    name: Annotated[
        str | None, typer.Option(help="Folder below RUN/perturb; default: <verb>_<split>.")
    ] = None,
    shard: Annotated[
        str | None, typer.Option(help="i/n: every n-th part; without it all is put together.")
    ] = None,
    tsv: Annotated[bool, typer.Option("--tsv", help="Write tables as TSV too.")] = False,
    device: Device = "auto",
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Windows at a time; default: what memory takes.")
    ] = None,
    force: Force = False,
) -> None:
    """Silence, scale, move or transplant marks over elements: effects with p-values, links, tracks."""
    from claster.analysis.perturbation.screen import perturb as run_perturbation
    from claster.cli.console import console_progress
    from claster.plot.perturbation import draw_screen

    files = run_perturbation(
        run,
        verb=verb,
        elements=elements,
        tracks=tuple(track or ()),
        factors=tuple(factor or ()),
        shifts=tuple(shift or ()),
        gain=gain,
        gain_track=gain_track,
        locus=locus,
        edges=edges,
        pairs=pairs,
        split=split,
        centre=centre,
        width=width,
        reach=reach,
        around_tss=around_tss,
        min_activity=min_activity,
        activity_quantile=activity_quantile,
        activity_track=activity_track,
        controls=controls,
        pseudocount=pseudocount,
        average=average,
        profiles=profiles,
        seed=seed,
        name=name,
        shard=shard,
        tsv=tsv,
        device=device,
        batch_size=batch_size,
        force=force,
        progress=console_progress(),
    )
    if files.manifest.is_file():
        draw_screen(files, run)
    echo(f"perturbation: {files.folder}")
