"""Networks: their configuration, training, predictions, and how they travel and serve."""

from pathlib import Path
from typing import Annotated

import typer

from claster.cli.console import console_progress, echo
from claster.cli.options import DatasetOption, Device, Force, RunFolderPath, takes
from claster.eir.settings import PredictSettings, TrainSettings
from claster.quoting import pasteable


def configure(
    flavours: Annotated[list[str] | None, typer.Argument(help="Flavours; default: all.")] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            "--dataset",
            "-d",
            help="A name below configurations/datasets, or a path to a YAML file; default: toy, or "
            "the variant of it that the flavour needs.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder to write a folder a flavour into; default: configurations."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed in the printed command.")] = 0,
    show: Annotated[
        bool,
        typer.Option(
            "--show", help="Write nothing; show the network that EIR builds, and time one step."
        ),
    ] = False,
    device: Device = "auto",
) -> None:
    """Write the EIR configuration of each flavour and print the command that trains it."""
    from claster.dataset.load import load_dataset
    from claster.eir.configure import configure as write_configuration
    from claster.eir.flavours import FLAVOURS, find_flavour

    for flavour in [find_flavour(name) for name in flavours or FLAVOURS]:
        named = dataset or flavour.dataset
        spec = load_dataset(named)
        if show:
            from claster.eir.geometry import show_flavour

            echo(show_flavour(flavour, spec, device=device))
            continue
        folder = (out or Path("configurations")) / flavour.name
        configuration = write_configuration(
            flavour,
            spec,
            out=folder,
            made_by=pasteable(["claster", "configure", flavour.name, "--dataset", named]),
        )
        echo(f"{folder}: {', '.join(path.name for path in configuration.files)}")
        echo(f"  {configuration.command(seed=seed)}")


@takes(TrainSettings)
def train(
    flavour: Annotated[str, typer.Argument(help="Flavour to train; docs/flavours.md lists them.")],
    *,
    settings: TrainSettings,
    dataset: DatasetOption = "toy",
    seeds: Annotated[
        str | None,
        typer.Option(
            metavar="N,N,...", help="One training for each seed, in runs with the tag seedN."
        ),
    ] = None,
    folds: Annotated[
        int | None,
        typer.Option(
            metavar="K",
            help="One training for each of K folds of chromosomes; folds that are missing are built.",
        ),
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option(metavar="I/N", help="I/N: only every N-th training, starting with the I-th."),
    ] = None,
) -> None:
    """Train a flavour with eirtrain; the run folder holds configuration, log, record and model."""
    from claster.eir.run import next_lines, plan_series, train_series

    series = plan_series(
        dataset, seeds=seeds, seed=settings.seed, folds=folds, tag=settings.tag, shard=shard
    )
    runs = train_series(flavour, series, settings, progress=console_progress())
    for run in runs:
        echo(f"run: {run.path}")
    for line in next_lines(runs):
        echo(f"next: {line}")


@takes(PredictSettings)
def predict(
    runs: Annotated[
        list[str],
        typer.Argument(metavar="RUN...", help="Run folders; of several the mean is written."),
    ],
    *,
    settings: PredictSettings,
) -> None:
    """Predict with the best model of each run: a table, samples x bins, and bigWig tracks."""
    from claster.eir.predict import predict as run_prediction

    table = run_prediction(runs, settings, progress=console_progress())
    echo(f"predictions: {table}")
    if settings.dataset is None and table.stem in ("train", "valid", "test"):
        words = ["claster", "evaluate", str(table.parent.parent), "--split", table.stem]
        echo(f"next: {pasteable(words)}")


def export(
    run: RunFolderPath,
    out: Annotated[Path, typer.Option(help="Folder to write.")],
    licence: Annotated[str, typer.Option(help="Licence of the weights.")] = "not stated",
    force: Force = False,
) -> None:
    """Write weights (safetensors), configuration and a model card that can be loaded elsewhere."""
    from claster.eir.export import export_run

    folder = export_run(run, out, licence=licence, force=force)
    echo(f"model: {folder / 'model.safetensors'}")
    echo(f"card: {folder / 'README.md'}")
    echo(f"next: {pasteable(['claster', 'predict', folder])} --dataset NAME")


def pull(
    source: Annotated[
        str,
        typer.Argument(help="A folder, an archive (tar, zip), or owner/name@revision of the hub."),
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="Folder to write; default: runs/pulled/<name of the source>."),
    ] = None,
    force: Force = False,
) -> None:
    """Take a model that 'claster export' wrote, and verify every file of it."""
    from claster.eir.bundle import pull_bundle

    folder = pull_bundle(source, out, force=force, progress=console_progress())
    echo(f"model: {folder}, every file as it was exported")
    echo(f"next: {pasteable(['claster', 'predict', folder])} --dataset NAME")


def serve(
    run: RunFolderPath,
    port: Annotated[int, typer.Option(min=1, max=65535, help="TCP port.")] = 8000,
    host: Annotated[
        str,
        typer.Option(
            help="Address; any other opens the server to the network, without a password."
        ),
    ] = "127.0.0.1",
    device: Device = "auto",
) -> None:
    """Run eirserve on the run's best model, for clients on this machine; docs/predict.md has one."""
    from claster.eir.trained_programs import become, describe_inputs, serve_command

    command = serve_command(run, host=host, port=port, device=device)
    for line in describe_inputs(run):
        echo(line)
    echo(pasteable(command))
    become(command)
