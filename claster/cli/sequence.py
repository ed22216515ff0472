"""`claster sequence`: DNA windows, embeddings of sequence models, their training and comparison."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from claster.cli.arguments import DatasetName, Device, Force, SplitOption
from claster.cli.complaint import echo
from claster.quoting import pasteable

app = typer.Typer(
    help="Compare with models of DNA sequence (Enformer, HyenaDNA, Borzoi).", no_args_is_help=True
)

Model = Annotated[
    str, typer.Option("--model", "-m", help="A sequence model; see docs/sequence.md.")
]
Weights = Annotated[
    Path | None,
    typer.Option(
        "--weights", metavar="DIR", help="Folder with its files; default: the Hugging Face hub."
    ),
]
Revision = Annotated[
    str | None, typer.Option(help="Commit of the hub (40 digits) instead of the pinned one.")
]
Trust = Annotated[
    bool,
    typer.Option(
        "--trust-remote-code",
        help="Run the Python code that comes with the weights, with all your rights (HyenaDNA).",
    ),
]


@app.callback()
def _group() -> None:
    """Compare with models of DNA sequence (Enformer, HyenaDNA, Borzoi)."""


@app.command()
def extract(
    dataset: DatasetName,
    length: Annotated[int, typer.Option(help="Length of each window in bp, an even number.")],
    fasta: Annotated[Path | None, typer.Option(help="Also write the windows as one FASTA.")] = None,
    force: Force = False,
) -> None:
    """Cut the genome sequence around each TSS into one file with an index."""
    from claster.cli.console import console_progress
    from claster.dataset.load import load_dataset
    from claster.sequence.windows import extract_windows, write_windows_fasta

    windows = extract_windows(
        load_dataset(dataset), length=length, force=force, progress=console_progress()
    )
    echo(f"windows: {windows.path} ({len(windows.table):,} genes)")
    if fasta is not None:
        write_windows_fasta(windows, fasta)
        echo(f"fasta: {fasta}")


@app.command()
def embed(
    dataset: DatasetName,
    model: Model,
    weights: Weights = None,
    revision: Revision = None,
    trust_remote_code: Trust = False,
    central_bins: Annotated[
        int | None, typer.Option(help="Keep only this number of the model's bins around the TSS.")
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Number of samples in a batch.")] = 4,
    device: Device = "auto",
    precision: Annotated[
        Literal["float32", "bfloat16", "float16"],
        typer.Option(help="Precision of the computation."),
    ] = "float32",
    force: Force = False,
) -> None:
    """Store a sequence model's embedding of every gene's sequence and of its reverse complement."""
    from claster.cli.console import console_progress
    from claster.dataset.load import load_dataset
    from claster.sequence.embed import embed_dataset

    store = embed_dataset(
        load_dataset(dataset),
        model,
        weights=weights,
        revision=revision,
        trust_remote_code=trust_remote_code,
        central_bins=central_bins,
        batch_size=batch_size,
        device=device,
        precision=precision,
        force=force,
        progress=console_progress(),
    )
    echo(f"embeddings: {store.path}")


@app.command()
def finetune(
    dataset: DatasetName,
    model: Model,
    weights: Weights = None,
    revision: Revision = None,
    trust_remote_code: Trust = False,
    tag: Annotated[str | None, typer.Option(help="Tag that distinguishes runs.")] = None,
    epochs: Annotated[int, typer.Option(min=1, help="At most.")] = 50,
    batch_size: Annotated[
        int, typer.Option(min=1, help="Number of samples in a batch, on each device.")
    ] = 4,
    accumulate: Annotated[
        int, typer.Option(min=1, help="Batches that make one step of the optimizer.")
    ] = 4,
    lr: Annotated[float, typer.Option(min=0, help="Learning rate of the sequence model.")] = 6e-5,
    head_lr: Annotated[float, typer.Option(min=0, help="Learning rate of the new head.")] = 1e-3,
    patience: Annotated[
        int,
        typer.Option(
            min=1,
            help="Epochs without a better validation loss after which training ends.",
        ),
    ] = 8,
    seed: Annotated[
        int, typer.Option(min=0, help="Seed of the head and of the order of samples.")
    ] = 0,
    device: Device = "auto",
    devices: Annotated[int, typer.Option(help="Number of GPUs; on the CPU, of processes.")] = 1,
    precision: Annotated[
        Literal["32-true", "bf16-mixed", "16-mixed"] | None,
        typer.Option(help="Default: bf16-mixed on a GPU, else 32-true."),
    ] = None,
    force: Force = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Resume this run from its last complete epoch.")
    ] = False,
) -> None:
    """Train a sequence model itself, with a head; validation genes choose the epoch."""
    from claster.cli.console import console_progress
    from claster.dataset.load import load_dataset
    from claster.sequence.finetune import Tuning
    from claster.sequence.finetune import finetune as run_finetuning

    run = run_finetuning(
        load_dataset(dataset),
        model,
        dataset_yaml=dataset,
        weights=weights,
        revision=revision,
        trust_remote_code=trust_remote_code,
        tuning=Tuning(
            epochs=epochs,
            batch_size=batch_size,
            accumulate=accumulate,
            lr=lr,
            head_lr=head_lr,
            patience=patience,
            seed=seed,
        ),
        tag=tag,
        device=device,
        devices=devices,
        precision=precision,
        force=force,
        resume=resume,
        progress=console_progress(),
    )
    echo(f"run: {run.path}")
    echo(f"next: {pasteable(['claster', 'evaluate', run.path])}")


@app.command()
def compare(
    runs: Annotated[
        list[str], typer.Argument(metavar="RUN", help="Run folders of one dataset, two or more.")
    ],
    to: Annotated[Path, typer.Option("--to", help="Folder to write tables and figures into.")],
    split: SplitOption = "test",
) -> None:
    """Score runs with different windows on the bins that all predict, and each on its own."""
    from claster.analysis.compare import compare_runs, write_comparison
    from claster.cli.console import console_progress
    from claster.plot.scores import write_figures

    compared = compare_runs(runs, split=split, progress=console_progress())
    table = write_comparison(compared, to)
    figures = write_figures(compared, to)
    columns = ["method", "condition", "level", "metric", "common", "own", "own_bins", "published"]
    echo(compared.main_scores()[columns].round(3).to_string(index=False, na_rep=""))
    echo(f"comparison: {table}, and {len(figures)} figures beside it")
