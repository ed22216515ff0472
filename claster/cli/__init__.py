"""The command line: one module a command, no logic of its own."""

import signal
import sys
from typing import Annotated, NoReturn

import typer

from claster.cli import (
    attribute,
    browse,
    configure,
    crispr,
    data,
    demo,
    evaluate,
    experiment,
    explain,
    export,
    figures,
    intervals,
    link,
    perturb,
    predict,
    pull,
    reach,
    report,
    sequence,
    serve,
    simulate,
    train,
    treat,
    validate,
    verify,
)
from claster.cli.complaint import complain, echo
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
app.command()(simulate.simulate)
app.add_typer(data.app, name="data")
app.command()(explain.explain)
app.command()(verify.verify)
app.command()(configure.configure)
app.command()(train.train)
app.command()(predict.predict)
app.command()(evaluate.evaluate)
app.command()(intervals.intervals)
app.command()(perturb.perturb)
app.command()(attribute.attribute)
app.command()(validate.validate)
app.command()(crispr.crispr)
app.command()(link.link)
app.command()(treat.treat)
app.command()(reach.reach)
app.command()(report.report)
app.command()(browse.browse)
app.add_typer(sequence.app, name="sequence")
app.command()(export.export)
app.command()(pull.pull)
app.command()(serve.serve)
app.command()(demo.demo)
app.command()(experiment.experiment)
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
        complain(str(error))
    except OSError as error:
        if os_errno(error) is None:
            raise
        complain(str(os_fault(error)))
    except KeyboardInterrupt:
        _complain_of_interrupt()


def _complain_of_interrupt() -> NoReturn:
    complain(
        "interrupted: no incomplete file is left; run the same command again",
        status=_INTERRUPTED,
    )
