"""The command line: one module for commands of one kind, no logic of its own."""

import signal
import sys
from typing import Annotated, NoReturn

import typer

from claster.cli import analyses, data, figures, networks, sequence
from claster.cli.console import complain, echo
from claster.errors import ClasterError, os_errno, os_fault

__all__ = ["app", "main"]

_INTERRUPTED = 128 + signal.SIGINT

app = typer.Typer(
    help="Predict nascent transcription from chromatin tracks and contact maps, and ask the model questions.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(data.simulate)
app.add_typer(data.app, name="data")
app.command()(data.plan)
app.command()(data.explain)
app.command()(data.verify)
app.command()(networks.configure)
app.command()(networks.train)
app.command()(networks.predict)
app.command()(analyses.evaluate)
app.command()(analyses.intervals)
app.command()(analyses.perturb)
app.command()(analyses.attribute)
app.command()(analyses.validate)
app.command()(analyses.crispr)
app.command()(analyses.link)
app.command()(analyses.treat)
app.command()(analyses.reach)
app.command()(figures.report)
app.command()(figures.browse)
app.add_typer(sequence.app, name="sequence")
app.command()(networks.export)
app.command()(networks.pull)
app.command()(networks.serve)
app.command()(figures.demo)
app.command()(figures.experiment)
app.command()(figures.figures)
app.command()(figures.receipt)


@app.callback(invoke_without_command=True)
def _options(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if version:
        import importlib.metadata

        echo(importlib.metadata.version("claster"))
        raise typer.Exit


def main() -> None:
    """Run the command line; a fault that the user can correct is one line and exit code 1."""
    # A terminated command ends like an interrupted one: temporary files go, EIR is ended.
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
            signal.signal(number, lambda received, _: sys.exit(128 + received))
    try:
        app()
    except SystemExit as ended:
        if ended.code == _INTERRUPTED:  # typer has caught the KeyboardInterrupt
            _complain_of_interrupt()
        raise
    except ClasterError as error:
        complain(error.line)
    except OSError as error:
        if os_errno(error) is None:
            raise
        complain(os_fault(error).line)
    except KeyboardInterrupt:
        _complain_of_interrupt()


def _complain_of_interrupt() -> NoReturn:
    complain(
        "interrupted: no incomplete file is left; run the same command again",
        status=_INTERRUPTED,
    )
