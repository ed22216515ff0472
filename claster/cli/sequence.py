"""`claster sequence`: DNA windows, embeddings of sequence models, their training and comparison."""

from pathlib import Path
from typing import Annotated

import typer

from claster.cli.console import console_progress, echo
from claster.cli.options import DatasetName, Force, SplitOption, takes
from claster.quoting import pasteable
from claster.sequence.settings import EmbedSettings, FinetuneSettings

app = typer.Typer(
    help="Compare with models of DNA sequence (Enformer, HyenaDNA, Borzoi).", no_args_is_help=True
)

Model = Annotated[
    str, typer.Option("--model", "-m", help="A sequence model; see docs/sequence.md.")
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
@takes(EmbedSettings)
def embed(dataset: DatasetName, model: Model, *, settings: EmbedSettings) -> None:
    """Store a sequence model's embedding of every gene's sequence and of its reverse complement."""
    from claster.dataset.load import load_dataset
    from claster.sequence.embed import embed_dataset

    store = embed_dataset(load_dataset(dataset), model, settings, progress=console_progress())
    echo(f"embeddings: {store.path}")


@app.command()
@takes(FinetuneSettings)
def finetune(dataset: DatasetName, model: Model, *, settings: FinetuneSettings) -> None:
    """Train a sequence model itself, with a head; validation genes choose the epoch."""
    from claster.dataset.load import load_dataset
    from claster.sequence.finetune import finetune as run_finetuning

    run = run_finetuning(
        load_dataset(dataset), model, settings, dataset_yaml=dataset, progress=console_progress()
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
    from claster.plot.sequence import write_figures

    compared = compare_runs(runs, split=split, progress=console_progress())
    table = write_comparison(compared, to)
    figures = write_figures(compared, to)
    columns = ["method", "condition", "level", "metric", "common", "own", "own_bins", "published"]
    echo(compared.main_scores()[columns].round(3).to_string(index=False, na_rep=""))
    echo(f"comparison: {table}, and {len(figures)} figures beside it")
