"""EIR as a program: started, watched, ended; its failures in one sentence."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from claster.errors import ClasterError

__all__ = ["find_program", "run_program", "why_it_failed"]

# OpenMP's waiting threads spin unless told otherwise: where other work shares the cores, training
# then takes several times as long.
_DEFAULTS = {"OMP_WAIT_POLICY": "PASSIVE"}
_POLL_SECONDS = 0.5
_GRACE_SECONDS = 10
_EXCEPTION = re.compile(r"^(?P<name>[A-Za-z_][\w.]*)(: (?P<message>.*))?$")
_CODE = re.compile(r'^  File "(?P<file>.+)", line (?P<line>\d+), in ')
_MESSAGE_LINES = 3


def find_program(name: str) -> Path:
    """Return EIR's script `name`, the one installed beside the running Python.

    Raises
    ------
    ClasterError
        If it is not installed there.
    """
    path = Path(sys.executable).parent / name
    if not path.is_file():
        raise ClasterError(
            f"no {name} at {path}", remedy="install EIR in this environment (pip install eir-dl)"
        )
    return path


def run_program(
    command: Sequence[str],
    *,
    cwd: Path | str,
    log: Path,
    variables: dict[str, str],
    watch: Callable[[], None],
) -> int:
    """Run one of EIR's programs to its end.

    Parameters
    ----------
    command
        Program and arguments; the program is looked up beside the running Python.
    cwd
        Where it runs.
    log
        File for everything that it prints.
    variables
        Environment variables on top of the present ones.
    watch
        Called about twice a second and once after the end.

    Returns
    -------
    int
        The exit status, negative where a signal ended it.

    Raises
    ------
    BaseException
        Whatever interrupts the wait; the program is ended first.
    """
    program = find_program(command[0])
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(program), *command[1:]],
            cwd=cwd,
            env=_DEFAULTS | os.environ | variables | {"PYTHONUNBUFFERED": "1", "NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        guard = _end_with_this_process(process)
        try:
            while True:
                try:
                    status = process.wait(timeout=_POLL_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    watch()
        finally:
            _end(process)
            guard.kill()
            guard.communicate()
    watch()
    return status


def why_it_failed(log: Path, status: int) -> str:
    """Return in one line why a program failed.

    Parameters
    ----------
    log
        What it printed.
    status
        Its exit status.

    Returns
    -------
    str
        The exception at the end of the last traceback with the line of code that raised it, or the
        signal, or the last line of the log.
    """
    if status == -9:
        return "it was killed (signal 9), most likely for want of memory"
    if status < 0:
        return f"it was ended by signal {-status}"
    lines = [
        line.rstrip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines()
    ]
    starts = [i for i, line in enumerate(lines) if line.startswith("Traceback (most recent call")]
    if starts:
        trace = lines[starts[-1] + 1 :]
        for i, line in enumerate(trace):
            if line and not line[0].isspace() and (found := _EXCEPTION.match(line)):
                more = [text.strip() for text in trace[i + 1 : i + _MESSAGE_LINES] if text.strip()]
                message = " ".join([found["message"] or "", *more]).strip()
                code = [place for text in trace[:i] if (place := _CODE.match(text))]
                where = f" ({Path(code[-1]['file']).name}:{code[-1]['line']})" if code else ""
                return (
                    f"{found['name'].rpartition('.')[2]}{': ' if message else ''}{message}{where}"
                )
    last = [line for line in lines if line.strip()]
    return last[-1].strip() if last else f"it ended with status {status} and printed nothing"


def _end_with_this_process(process: subprocess.Popen[bytes]) -> subprocess.Popen[bytes]:
    """Start a shell that ends `process` once this process is gone, however that was ended.

    The shell waits for the end of a pipe that only this process holds; SIGKILL closes it too.
    """
    return subprocess.Popen(
        ["/bin/sh", "-c", 'cat > /dev/null; kill -TERM "$1" 2> /dev/null', "sh", str(process.pid)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(timeout=_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
