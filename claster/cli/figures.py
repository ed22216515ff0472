"""What runs look like: report, browser, figures of the paper, the experiments behind them, and the demo."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from claster.cli.console import console_progress, echo
from claster.cli.options import DatasetOption, Device, RunFolderPath

if TYPE_CHECKING:
    from claster.figures.make import Receipt


def browse(
    run: RunFolderPath,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="TCP port of 127.0.0.1; 0 takes a free one.")
    ] = 0,
    show: Annotated[
        bool, typer.Option("--open/--no-open", help="Open the page in the web browser.")
    ] = True,
    session: Annotated[
        Path | None,
        typer.Option(
            "--session", help="Write a session of IGV on the desktop to this file, and exit."
        ),
    ] = None,
) -> None:
    """Show predicted, observed, residual and input tracks in a genome browser on this machine."""
    from claster.browse import open_browser, prepare_browser

    browser = prepare_browser(run, session=session)
    echo(f"session for IGV on the desktop: {browser.session}")
    if session is None:
        open_browser(browser, port=port, show=show, say=echo)


def report(
    run: RunFolderPath,
    to: Annotated[
        Path | None,
        typer.Option("--to", help="File to write.", show_default="report.html in the run's folder"),
    ] = None,
) -> None:
    """Write a page: verdict, data, network, scores, genes, panels, provenance; opens offline."""
    from claster.report import write_report

    path = write_report(run, to=to, progress=console_progress())
    echo(f"report: {path} ({path.stat().st_size / 1e6:.1f} MB)")


_RunOption = Annotated[
    list[str] | None,
    typer.Option(
        "--run", "-r", help="A run; repeat for more, the first is the main one. Default: all."
    ),
]
_Folder = Annotated[
    Path | None,
    typer.Option("--to", help="Folder to write; default: runs/<dataset>/figures_of_the_paper."),
]


def figures(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Names of figures, such as F1a; default: all."),
    ] = None,
    dataset: DatasetOption = "demo_tiny",
    run: _RunOption = None,
    to: _Folder = None,
    columns: Annotated[
        list[int] | None,
        typer.Option(min=1, max=2, help="Journal columns, 1 or 2; default: both."),
    ] = None,
    make: Annotated[
        bool,
        typer.Option(
            "--make",
            help="First make what is missing if it takes only minutes; nothing is trained.",
        ),
    ] = False,
    architecture: Annotated[
        str | None,
        typer.Option(
            metavar="FLAVOUR",
            help="Draw the network that EIR builds of a flavour as TO/architecture.svg and .png, and exit.",
        ),
    ] = None,
    list_: Annotated[
        bool, typer.Option("--list", help="List what each figure shows, needs and lacks, and exit.")
    ] = False,
) -> None:
    """Draw the figures of the paper, each with its table and receipt."""
    from claster.cli.tables import print_table
    from claster.figures.base import COLUMNS
    from claster.figures.context import read_context
    from claster.figures.make import draw_figures, list_figures

    if architecture:
        from claster.dataset.load import load_dataset
        from claster.figures.architecture import write_architecture

        for path in write_architecture(load_dataset(dataset), architecture, to or Path()):
            echo(path)
        return
    context = read_context(dataset, run or ())
    if list_:
        print_table(list_figures(context))
        return
    made = draw_figures(
        context,
        names or (),
        to=to,
        columns=[c for c in COLUMNS if c in (columns or COLUMNS)],
        make=make,
        progress=console_progress(),
    )
    for name, commands in made.missing.items():
        echo(f"{name}: missing: {'; '.join(commands)}")
    echo(f"{len(made.receipts)} figures: {made.folder}")


def receipt(
    figure: Annotated[
        str, typer.Argument(metavar="FIGURE", help="Name of the figure, such as F1a.")
    ],
    dataset: DatasetOption = "demo_tiny",
    run: _RunOption = None,
    to: _Folder = None,
) -> None:
    """Compute the numbers of a figure again: table, files with hashes, versions, published values."""
    from claster.figures.context import read_context
    from claster.figures.make import renew_receipt

    found, same = renew_receipt(read_context(dataset, run or ()), figure, to=to)
    for line in _receipt_lines(found):
        echo(line)
    if same is not None:
        echo(
            "the table that was there is the same" if same else "the table that was there differed"
        )


def _receipt_lines(receipt: "Receipt") -> list[str]:
    """Return a receipt as lines for a reader."""
    lines = [
        f"{receipt.figure}: {receipt.title}",
        receipt.about,
        f"made by: {receipt.command}",
        f"numbers: {receipt.table}, {receipt.rows:,} rows, SHA-256 {receipt.table_sha256}",
        *(
            f"from: {file.path} ({file.bytes:,} bytes, SHA-256 {file.sha256})"
            for file in receipt.inputs
        ),
        f"with: {', '.join(f'{name} {number}' for name, number in receipt.versions.items())}",
    ]
    for number in receipt.published:
        ours = "not in this figure" if number.found is None else f"{number.found:.4f}"
        apart = "" if number.difference is None else f", difference {number.difference:+.4f}"
        lines.append(
            f"published {number.quantity}: {number.published:.4f}, here {ours}{apart} ({number.source})"
        )
    if receipt.published and not receipt.same_data:
        lines.append(
            f"{receipt.dataset!r} is not the published data: the differences say nothing about either"
        )
    return lines


def experiment(
    name: Annotated[
        str | None, typer.Argument(help="Name of the experiment; without it all are listed.")
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option("--dataset", "-d", help="Another dataset than the experiment's own."),
    ] = None,
    flavour: Annotated[
        str | None, typer.Option(help="Another flavour, such as 'profile' on a small genome.")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Number of epochs instead of the flavour's own.")
    ] = None,
    device: Device = "auto",
) -> None:
    """List the experiments behind the figures, or build, train, predict and score one."""
    from claster.analysis.recipes import compare_recipes
    from claster.cli.tables import print_table
    from claster.experiments.run import find_experiment, list_experiments, run_experiment
    from claster.files import below, write_text

    if name is None:
        print_table(list_experiments())
        return
    found = find_experiment(name)
    if found.compare:
        of = dataset or found.of
        path = below(Path("runs"), f"{of}/{name}.csv", named=f"the table of experiment {name!r}")
        table = compare_recipes(of, found.compare, progress=console_progress())
        write_text(path, table.to_csv(index=False))
        print_table(table.drop(columns="about"))
        echo(f"{path}")
        return
    for run in run_experiment(
        name, of=dataset, flavour=flavour, epochs=epochs, device=device, progress=console_progress()
    ):
        echo(f"{run.path}: {run.evaluation / 'scores.csv'}")


def demo(
    size: Annotated[
        str, typer.Option(help="default, or tiny to check that everything runs.")
    ] = "default",
    device: Device = "auto",
) -> None:
    """Simulate, build, train, predict, evaluate and draw; print the results at the end."""
    from claster.demo import run_demo

    _, summary = run_demo(size, device=device, progress=console_progress())
    echo(summary)
