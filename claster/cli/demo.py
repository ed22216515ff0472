"""`claster demo`: the whole main job on a simulated genome."""

from typing import Annotated

import typer

from claster.cli.arguments import Device
from claster.cli.complaint import echo


def demo(
    size: Annotated[
        str, typer.Option(help="default, or tiny to check that everything runs.")
    ] = "default",
    device: Device = "auto",
) -> None:
    """Simulate, build, train, predict, evaluate and draw; print the results at the end."""
    from claster.cli.console import console_progress
    from claster.demo import run_demo

    result = run_demo(size, device=device, progress=console_progress())
    echo(result.summary)
