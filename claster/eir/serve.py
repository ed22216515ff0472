"""EIR's own server for a trained run, reachable from this machine only unless asked otherwise."""

import os
import socket
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from claster.dataset.layout import DatasetFolders
from claster.dataset.views import view_of_folder
from claster.eir.machine import resolve_device
from claster.eir.program import find_program
from claster.eir.runs import RunFolder, best_checkpoint, input_folders
from claster.eir.target_part import trained_dataset
from claster.eir.trained_network import program_checkpoint, require_model
from claster.errors import ClasterError
from claster.settings import Device


def serve_command(
    run: RunFolder | Path | str,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    device: Device = "auto",
) -> list[str]:
    """Return the `eirserve` command line for the best model of a run.

    For a folder that `claster export` wrote, the checkpoint that `eirserve` reads is made first, in a
    temporary folder. It goes when this process ends, also after `become`.

    Parameters
    ----------
    run
        A run, or a folder that `claster export` wrote.
    host
        Where it listens. The server asks nobody for a password: any address but the loopback one opens
        it to everyone who reaches this machine.
    port
        TCP port.

    Raises
    ------
    ClasterError
        If there is no run, it saved no model, its weights are damaged, or the port is taken.
    """
    _require_free(host, port)
    run = RunFolder.of(run)
    require_model(run)
    settings = {"--host": host, "--port": str(port), "--device": resolve_device(device)}
    if run.exported_weights.is_file():
        checkpoint = program_checkpoint(run, _folder_of_this_process())
    else:
        checkpoint, _ = best_checkpoint(run)
    command = ["eirserve", "--model-path", str(checkpoint)]
    return [*command, *(word for pair in settings.items() for word in pair)]


def describe_inputs(run: RunFolder | Path | str) -> list[str]:
    """Return a line an input: shape and type of its arrays, and where the dataset has such arrays.

    Parameters
    ----------
    run
        A run, or a folder that `claster export` wrote.

    Raises
    ------
    ClasterError
        If there is no run.
    """
    run = RunFolder.of(run)
    record = require_model(run)
    spec = trained_dataset(run, record)
    lines = []
    for name, folder in input_folders(run).items():
        shape = " x ".join(f"{length:,}" for length in view_of_folder(folder).shape(spec))
        lines.append(f"{name}: {shape} float32, as in {DatasetFolders.of(spec).inputs / folder}")
    return lines


def become(command: Sequence[str]) -> NoReturn:
    """Run one of EIR's programs in the place of this process, which does not come back."""
    program = find_program(command[0])
    sys.stdout.flush()
    os.execv(program, [str(program), *command[1:]])


def _require_free(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        raise ClasterError(
            f"cannot listen on {host}, port {port}: {error.strerror}",
            remedy="choose another --port, or another --host",
        ) from error


def _folder_of_this_process() -> Path:
    """Return a new folder that a shell removes once this process is gone, whatever it has become.

    The shell waits for the end of a pipe that only this process holds; SIGKILL closes it too.
    """
    folder = tempfile.mkdtemp(prefix="claster-")
    read, write = os.pipe()
    os.posix_spawn(
        "/bin/sh",
        ["sh", "-c", 'cat > /dev/null; rm -r -- "$1"', "sh", folder],
        os.environ,
        file_actions=[(os.POSIX_SPAWN_DUP2, read, 0)],
        setpgroup=0,  # an interrupt in the terminal is not for it
    )
    os.close(read)
    os.set_inheritable(write, True)  # noqa: FBT003 - kept by what this process becomes
    return Path(folder)
