"""`claster attribute`: which marks, and how far away, predictions rest on."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from claster.cli.arguments import Device, Force, RunFolderPath, SplitOption
from claster.cli.complaint import echo


def attribute(
    run: RunFolderPath,
    method: Annotated[
        Literal["integrated_gradients", "gradient_x_input", "occlusion"],
        typer.Option(help="How predictions are attributed; the others are compared with it."),
    ] = "integrated_gradients",
    baseline: Annotated[
        list[str] | None,
        typer.Option(
            help="background, zero or mean: what inputs are compared with; give it again for more, "
            "the first one counts. Default: all three in this order."
        ),
    ] = None,
    elements: Annotated[
        Path | None,
        typer.Option("--elements", "-e", help="BED or cCRE table of elements that are scored."),
    ] = None,
    bigwig: Annotated[
        list[str] | None,
        typer.Option(
            metavar="GENE", help="A gene that gets bigWigs; give it again for more genes."
        ),
    ] = None,
    split: SplitOption = "test",
    genes: Annotated[
        list[str] | None,
        typer.Option(
            help="How many genes, or an ID or name; give it again for more. Default: all."
        ),
    ] = None,
    bins: Annotated[
        str,
        typer.Option(
            help="Predicted bins of each gene: 'all', how many, or numbers such as -5,0,5."
        ),
    ] = "8",
    condition: Annotated[
        str | None, typer.Option(help="Of the target; default: the first one.")
    ] = None,
    scale: Annotated[
        Literal["stored", "signal"],
        typer.Option(help="Of the prediction: as the network is trained on it, or reads."),
    ] = "stored",
    track: Annotated[
        list[str] | None,
        typer.Option(
            help="A track, or 'contacts', that is attributed to; give it again for more. "
            "Default: all."
        ),
    ] = None,
    steps: Annotated[int, typer.Option(min=2, help="Of integrated gradients.")] = 32,
    block: Annotated[
        int,
        typer.Option(min=1, help="bp that occlusion takes at a time, and comparisons sum over."),
    ] = 1000,
    compare: Annotated[
        int, typer.Option(min=0, help="Genes on which methods and baselines are compared.")
    ] = 10,
    reach: Annotated[
        int, typer.Option(min=1, help="bp from the TSS within which an element lies whole.")
    ] = 200_000,
    latents: Annotated[
        bool,
        typer.Option(
            "--latents", help="Instead: activations of the contact branch, or the landscape's."
        ),
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of genes, bins and resamples.")] = 0,
    name: Annotated[
        str | None,
        typer.Option(help="Folder below RUN/attributions; default: <method>_<split>."),
    ] = None,
    device: Device = "auto",
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Samples at a time; default: what memory takes.")
    ] = None,
    force: Force = False,
) -> None:
    """Attribute predictions to tracks and contact maps: by distance, by element, as bigWig and figures."""
    from claster.analysis.attribution.attribute import attribute as run_attribution
    from claster.analysis.attribution.latents import attribute_latents
    from claster.analysis.attribution.targets import choose_baselines, parse_bins, parse_genes
    from claster.cli.console import console_progress
    from claster.plot.attribution import draw_attributions

    progress = console_progress()
    chosen = parse_genes(genes or ())
    if latents:
        files = attribute_latents(
            run,
            split=split,
            genes=chosen or 6,
            seed=seed,
            name=name,
            device=device,
            force=force,
            progress=progress,
        )
    else:
        files = run_attribution(
            run,
            method=method,
            baselines=choose_baselines(baseline or ()),
            elements=elements,
            bigwig=tuple(bigwig or ()),
            split=split,
            genes=chosen,
            bins=parse_bins(bins),
            condition=condition,
            scale=scale,
            tracks=tuple(track or ()),
            steps=steps,
            block=block,
            compare=compare,
            reach=reach,
            seed=seed,
            name=name,
            device=device,
            batch_size=batch_size,
            force=force,
            progress=progress,
        )
    draw_attributions(files)
    echo(f"attributions: {files.folder}")
