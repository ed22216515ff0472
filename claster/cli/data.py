"""Datasets: simulated or public files, a check of any files, arrays and tables from them."""

from pathlib import Path
from typing import Annotated

import typer

from claster.cli.console import complain, console_progress, echo
from claster.cli.options import DatasetName, DatasetOption, Force, takes
from claster.cost.settings import PlanSettings
from claster.quoting import pasteable

app = typer.Typer(help="Download, check and build datasets.", no_args_is_help=True)

Only = Annotated[
    list[str] | None,
    typer.Option("--only", metavar="NAME", help="Only this download; repeat for more."),
]


@app.callback()
def _group() -> None:
    """Download, check and build datasets."""


@app.command("list")
def list_downloads(
    dataset: DatasetName,
    only: Only = None,
    urls: Annotated[
        bool,
        typer.Option(
            "--urls", help="Print a configuration for 'curl --config' on another machine."
        ),
    ] = False,
) -> None:
    """Show the files of a dataset that can be downloaded: sizes, terms, and which are here already."""
    from claster.cli.tables import print_downloads
    from claster.dataset.downloads.plan import plan_downloads, url_list
    from claster.dataset.load import load_dataset

    spec = load_dataset(dataset)
    if urls:
        echo(url_list(spec, only=only or ()), nl=False)
    else:
        print_downloads(spec, plan_downloads(spec, only=only or ()), terms=True)


@app.command()
def download(
    dataset: DatasetName,
    only: Only = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Print sizes, free disk space and what is here; download nothing."
        ),
    ] = False,
    jobs: Annotated[
        int,
        typer.Option(min=1, max=16, help="Number of files that are downloaded at the same time."),
    ] = 4,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify", help="Read the files that are here again and compare their SHA-256."
        ),
    ] = False,
) -> None:
    """Download the public files of a dataset; run it again to resume an interrupted download."""
    from claster.cli.tables import print_downloads
    from claster.dataset.downloads.download import download_dataset
    from claster.dataset.downloads.plan import plan_downloads
    from claster.dataset.load import load_dataset

    spec = load_dataset(dataset)
    if dry_run:
        print_downloads(spec, plan_downloads(spec, only=only or (), ask_servers=True), terms=False)
        return
    download_dataset(spec, only=only or (), jobs=jobs, verify=verify, progress=console_progress())
    echo(f"every file is in {spec.data_folder}")
    echo(f"next: {pasteable(['claster', 'data', 'check', dataset])}")


@app.command()
def adopt(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder that holds the files.")],
    dataset: Annotated[
        str | None,
        typer.Option(
            "--dataset", "-d", help="Only this dataset; default: all whose files are there."
        ),
    ] = None,
    only: Only = None,
) -> None:
    """Verify files that you copied here yourself, and link them to where the datasets expect them."""
    from claster.dataset.downloads.download import adopt_files, datasets_below
    from claster.dataset.load import load_dataset

    specs = [load_dataset(dataset)] if dataset else datasets_below(folder)
    for spec in specs:
        echo(f"{spec.name}: into {spec.data_folder}")
        adopt_files(spec, folder, only=only or (), progress=console_progress())


@app.command()
def check(
    dataset: DatasetName,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="RUN|DATASET",
            help="Compare the tracks' values with those that this model was trained on.",
        ),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print the report as JSON, for programs.")
    ] = False,
) -> None:
    """Look for what is wrong with a dataset's files.

    Reads headers, indices and samples. Exit code 0: fine, 1: warnings, 2: the build cannot run.
    """
    from claster.cli.tables import print_report
    from claster.dataset.doctor.check import check_dataset
    from claster.dataset.load import load_dataset
    from claster.eir.trained_on import reference_scales
    from claster.errors import ClasterError
    from claster.progress import SILENT

    try:
        spec = load_dataset(dataset)
        reference = reference_scales(against) if against else None
    except ClasterError as error:
        complain(error.line, status=2)
    report = check_dataset(
        spec,
        against=reference,
        against_named=against or "",
        progress=SILENT if json else console_progress(),
    )
    if json:
        echo(report.as_json())
    else:
        print_report(report)
    raise typer.Exit(report.exit_code)


@app.command()
def schema() -> None:
    """Print the JSON Schema of dataset YAMLs, for editors (docs/dataset.schema.json)."""
    from claster.dataset.load import dataset_schema

    echo(dataset_schema(), nl=False)


@app.command()
def build(
    dataset: DatasetName,
    force: Force = False,
    why: Annotated[
        bool,
        typer.Option("--why", help="Show what has changed since the last build; build nothing."),
    ] = False,
    jobs: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Number of threads that read tracks.",
            show_default="one for each available core",
        ),
    ] = None,
) -> None:
    """Write landscapes, contact maps, targets and the list of dropped genes of a dataset."""
    from claster.dataset.build import build_dataset
    from claster.dataset.load import load_dataset
    from claster.dataset.report import build_lines, reasons_to_build

    spec = load_dataset(dataset)
    if why:
        for reason in reasons_to_build(spec):
            echo(reason)
        return
    result = build_dataset(spec, force=force, jobs=jobs, progress=console_progress())
    for line in build_lines(result):
        echo(line)


@takes(PlanSettings)
def plan(
    dataset: DatasetName,
    *,
    settings: PlanSettings,
    json: Annotated[
        bool, typer.Option("--json", help="Print the plan as JSON, for programs.")
    ] = False,
) -> None:
    """Tell time, disk and memory of every step, from what this machine does in half a minute.

    Nothing is downloaded, built or trained, and no network is needed. What is measured is kept; steps that
    were done in this project before count more.
    """
    from claster.cli.tables import cost_table, plan_as_json, print_table, total_line
    from claster.cost.plan import plan_costs
    from claster.dataset.load import load_dataset
    from claster.progress import SILENT

    spec = load_dataset(dataset)
    costs = plan_costs(spec, settings, progress=SILENT if json else console_progress())
    if json:
        echo(plan_as_json(spec, costs))
    else:
        print_table(cost_table(costs))
        echo(total_line(spec, costs))


def explain(
    gene: Annotated[str, typer.Argument(help="Gene ID, with or without its version, or name.")],
    dataset: DatasetOption = "toy",
) -> None:
    """Show whether a gene was kept, in which split, or why it was dropped, and where its samples are."""
    from claster.dataset.load import load_dataset
    from claster.dataset.report import explain_gene

    for line in explain_gene(load_dataset(dataset), gene):
        echo(line)


def verify(
    dataset: Annotated[
        str, typer.Argument(help="A dataset, or the folder of its arrays (inputs/NAME).")
    ],
) -> None:
    """Read every file of a built dataset and compare its SHA-256; exit code 1 where one differs."""
    from claster.dataset.layout import DatasetFolders
    from claster.dataset.load import load_dataset
    from claster.dataset.manifest import verify_dataset

    folder = Path(dataset)
    is_folder = folder.is_dir() and folder.parent.name == "inputs"
    folders = DatasetFolders.at(folder) if is_folder else DatasetFolders.of(load_dataset(dataset))
    found = verify_dataset(folders, progress=console_progress())
    for path, how in found.items():
        echo(f"{how:<8}{path}")
    if found:
        echo(f"{len(found)} differ: claster data build {folders.name} --force makes them again")
        raise typer.Exit(1)
    echo(f"{folders.inputs} and {folders.targets} are as they were built")


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
