"""EIR's own server for a trained run, reachable from this machine only unless asked otherwise."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from claster.eir.content import Device
from claster.eir.preflight import resolve_device
from claster.eir.program import find_program
from claster.eir.runs import RunFolder, best_checkpoint, read_run
from claster.errors import ClasterError

__all__ = ["become", "serve_command"]


def serve_command(
    run: RunFolder | Path | str,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    device: Device = "auto",
) -> list[str]:
    """Return the `eirserve` command line for the best model of a run.

    Parameters
    ----------
    run
        A run.
    host
        Where it listens. The server asks nobody for a password: any address but the loopback one opens
        it to everyone who reaches this machine.
    port
        TCP port.
    device
        Where it computes.

    Raises
    ------
    ClasterError
        If there is no run, it saved no model, or only its exported weights are there.
    """
    run = run if isinstance(run, RunFolder) else RunFolder(Path(run))
    read_run(run.path)
    if run.exported_weights.is_file():
        raise ClasterError(
            f"{run.path} holds exported weights, which eirserve does not read",
            remedy="serve the run that they were exported from",
        )
    checkpoint, _ = best_checkpoint(run)
    settings = {"--host": host, "--port": str(port), "--device": resolve_device(device)}
    command = ["eirserve", "--model-path", str(checkpoint)]
    return [*command, *(word for pair in settings.items() for word in pair)]


def become(command: Sequence[str]) -> NoReturn:
    """Run one of EIR's programs in the place of this process, which does not come back."""
    program = find_program(command[0])
    sys.stdout.flush()
    os.execv(program, [str(program), *command[1:]])
