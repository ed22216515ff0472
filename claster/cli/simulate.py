"""`claster simulate`: the toy genome as real files."""

from pathlib import Path
from typing import Annotated

import typer

from claster.cli.arguments import Force
from claster.cli.complaint import echo
from claster.quoting import pasteable


def simulate(
    dataset: Annotated[
        str, typer.Argument(help="A dataset whose YAML has a 'simulation' part.")
    ] = "toy",
    out: Annotated[
        Path | None, typer.Option(help="Folder to write; default: the dataset's source folder.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Seed; the same seed gives the same bytes.")
    ] = None,
    chromosomes: Annotated[int | None, typer.Option(help="Number of chromosomes.")] = None,
    megabases: Annotated[float | None, typer.Option(help="Size of the genome in Mb.")] = None,
    genes: Annotated[int | None, typer.Option(help="Number of protein-coding genes.")] = None,
    smooth: Annotated[
        bool | None,
        typer.Option("--smooth/--raw", help="Smooth the tracks like the published ones."),
    ] = None,
    force: Force = False,
) -> None:
    """Write a small genome with planted rules: bigWig, mcool, GTF, cCRE table, FASTA, truth tables.

    Numbers that are not given come from the dataset's YAML.
    """
    from claster.cli.console import console_progress
    from claster.dataset.load import load_dataset
    from claster.dataset.signal_settings import SimulationSpec
    from claster.simulation import ensure_genome

    spec = load_dataset(dataset)
    given = {
        "seed": seed,
        "chromosomes": chromosomes,
        "megabases": megabases,
        "genes": genes,
        "smooth": smooth,
    }
    plan = (spec.simulation or SimulationSpec()).model_dump() | {
        key: value for key, value in given.items() if value is not None
    }
    folder = out or spec.folder_to_fill()
    made = ensure_genome(folder, plan, force=force, progress=console_progress())
    echo(f"toy genome: {folder}" + ("" if made else " is up to date"))
    echo(f"next: {pasteable(['claster', 'data', 'build', dataset])}")
