"""EIR as a program: started, watched and ended, under a record that stays true."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from claster.eir.history import Watcher, write_history
from claster.eir.runs import RunFolder, RunRecord, best_checkpoint, now, write_run
from claster.errors import ClasterError
from claster.progress import Progress
from claster.quoting import pasteable

# OpenMP's waiting threads spin unless told otherwise: where other work shares the cores, training
# then takes several times as long.
_DEFAULTS = {"OMP_WAIT_POLICY": "PASSIVE"}
_POLL_SECONDS = 0.5
_GRACE_SECONDS = 10
_AWAIT_GUARD = 'read -r go && exec "$0" "$@" < /dev/null'
"""What starts a program: not before its guard is there, and not at all where this process is gone by then."""
_GUARD = 'cat > /dev/null; kill -TERM "-$1"; sleep 1; kill -KILL "-$1"'
_EXCEPTION = re.compile(r"^(?P<name>[A-Za-z_][\w.]*)(: (?P<message>.*))?$")
_CODE = re.compile(r'^  File "(?P<file>.+)", line (?P<line>\d+), in ')
_MESSAGE_LINES = 3


def find_program(name: str) -> Path:
    """Return EIR's script `name`, the one installed beside the running Python."""
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
    """Run one of EIR's programs to its end; no process of it outlives this one.

    The program leads a session of its own, with its loaders and the processes of other devices: these are
    ended together with it.

    Parameters
    ----------
    log
        File for everything that it prints; one that is there gives way.
    variables
        Environment variables on top of the present ones.
    watch
        Called about twice a second and once after the end. What it raises ends the program first.

    Returns
    -------
    int
        The exit status, negative where a signal ended it.
    """
    program = find_program(command[0])
    log.unlink(missing_ok=True)  # it may be a link to a file elsewhere
    with log.open("xb") as output:
        process = subprocess.Popen(
            ["/bin/sh", "-c", _AWAIT_GUARD, str(program), *command[1:]],
            cwd=cwd,
            env=_DEFAULTS | os.environ | variables | {"PYTHONUNBUFFERED": "1", "NO_COLOR": "1"},
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        guard = None
        try:
            guard = _start_guard(process)
            assert process.stdin is not None
            with suppress(BrokenPipeError), process.stdin as begin:  # it was ended already
                begin.write(b"go\n")
            while True:
                try:
                    status = process.wait(timeout=_POLL_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    watch()
        finally:
            _end(process)
            if guard is not None:
                guard.kill()
                guard.communicate()
    watch()
    return status


def why_it_failed(log: Path, status: int) -> str:
    """Return in one line why a program failed.

    It is the exception at the end of the last traceback with the line of code that raised it, or the signal,
    or the last line of the log.
    """
    if status == -9:
        return "it was killed (signal 9), most likely because memory ran out"
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


def _start_guard(process: subprocess.Popen[bytes]) -> subprocess.Popen[bytes]:
    """Start a shell that ends a program and its processes once this process is gone, however that ended.

    The shell waits for the end of a pipe that only this process holds; SIGKILL closes it too.
    """
    return subprocess.Popen(
        ["/bin/sh", "-c", _GUARD, "sh", str(process.pid)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program that still runs, and whatever it has started and left."""
    if process.poll() is None:
        _signal(process, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=_GRACE_SECONDS)
    _signal(process, signal.SIGKILL)
    process.wait()


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


_OUT_OF_MEMORY = re.compile(
    r"out of memory|not enough memory|MemoryError|memory ran out|killed by signal: Killed"
    r"|(unable to|can't|cannot) allocate",
    re.IGNORECASE,
)
_PARAMETERS = re.compile(r"Trainable parameters: (?P<count>[\d,]+)")


class EirFailedError(Exception):
    """EIR ended with a status other than 0."""

    def __init__(self, reason: str, record: RunRecord) -> None:
        self._remedy = "correct what it names"
        if _OUT_OF_MEMORY.search(reason):
            self._remedy = f"choose --batch-size {max(2, record.batch_size // 2)}"
            if record.feeding.startswith("samples in memory"):
                self._remedy += " or --no-memory"
        super().__init__(reason)

    def complaint(self, run: RunFolder) -> ClasterError:
        """Return what the user is told; the log is in `run`."""
        return ClasterError(
            f"eirtrain failed: {self}", remedy=f"{self._remedy}; {run.log} holds its output"
        )


def run_recorded(run: RunFolder, record: RunRecord, steps: int, progress: Progress) -> None:
    """Run EIR for so many steps and keep `run.json` true, whatever happens; in the end write `history.csv`.

    Raises
    ------
    EirFailedError
        If EIR failed.
    """
    write_run(run, record)
    progress.say(record.feeding)
    progress.say(
        f"in {run.project.resolve()}: {pasteable(list(record.command), record.environment)}"
    )
    start = time.monotonic()
    try:
        with progress.step(f"train {record.flavour}", steps) as step:
            status = run_program(
                record.command,
                cwd=run.project,
                log=run.log,
                variables=record.environment,
                watch=Watcher(run, record, step, steps).look,
            )
        if status:
            raise EirFailedError(why_it_failed(run.log, status), record)
        complete = completed(run, record, seconds=round(time.monotonic() - start, 1))
    except BaseException as error:
        fault = isinstance(error, ClasterError | EirFailedError)
        changes = {
            "status": "failed" if fault else "interrupted",
            "ended": now(),
            "error": str(error),
        }
        write_run(run, record.model_copy(update=changes))
        raise
    write_history(run, record)
    write_run(run, complete)


def completed(run: RunFolder, record: RunRecord, *, seconds: float | None) -> RunRecord:
    """Return the record of a training that has come to its end, after so many seconds."""
    checkpoint, performance = best_checkpoint(run)
    log = run.log.read_text(encoding="utf-8", errors="replace") if run.log.is_file() else ""
    printed = _PARAMETERS.search(log)
    return record.model_copy(
        update={
            "status": "complete",
            "ended": now(),
            "seconds": seconds,
            "checkpoint": checkpoint.relative_to(run.path).as_posix(),
            "performance": performance,
            "parameters": int(printed["count"].replace(",", "")) if printed else record.parameters,
            "error": None,
        }
    )
