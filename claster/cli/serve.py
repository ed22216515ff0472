"""`claster serve`: EIR's server for a run."""

from typing import Annotated

import typer

from claster.cli.arguments import Device, RunFolderPath
from claster.cli.complaint import echo
from claster.quoting import pasteable


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
    from claster.eir.serve import become, describe_inputs, serve_command

    command = serve_command(run, host=host, port=port, device=device)
    for line in describe_inputs(run):
        echo(line)
    echo(pasteable(command))
    become(command)
