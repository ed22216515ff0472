"""EIR's training under a record that stays true, whatever happens."""

import re
import time
from datetime import UTC, datetime
from pathlib import Path

from claster.eir.history import write_history
from claster.eir.program import run_program, why_it_failed
from claster.eir.runs import RunFolder, RunRecord, best_checkpoint, write_run
from claster.eir.watch import Watcher
from claster.errors import ClasterError
from claster.progress import Progress
from claster.quoting import pasteable

__all__ = ["EirFailedError", "completed", "now", "run_recorded"]

_OUT_OF_MEMORY = re.compile(
    r"out of memory|not enough memory|MemoryError|want of memory|killed by signal: Killed"
    r"|(unable to|can't|cannot) allocate",
    re.IGNORECASE,
)
_PARAMETERS = re.compile(r"Trainable parameters: (?P<count>[\d,]+)")


class EirFailedError(Exception):
    """EIR ended with a status other than 0."""

    def __init__(self, reason: str, record: RunRecord) -> None:
        self._remedy = "mend what it names"
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


def run_recorded(
    run: RunFolder, record: RunRecord, steps: int, project: Path, progress: Progress
) -> None:
    """Run EIR and keep `run.json` true, whatever happens; in the end write `history.csv`.

    Parameters
    ----------
    run, record
        The run and its record, with the command.
    steps
        Training steps that are to come.
    project
        The project's folder; EIR runs there.
    progress
        Where to report to.

    Raises
    ------
    EirFailedError
        If EIR failed.
    ClasterError
        If it saved no model.
    """
    write_run(run, record)
    progress.say(record.feeding)
    progress.say(f"in {project.resolve()}: {pasteable(list(record.command), record.environment)}")
    start = time.monotonic()
    try:
        with progress.step(f"train {record.flavour}", steps) as step:
            status = run_program(
                record.command,
                cwd=project,
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
    """Return the record of a training that has come to its end, after so many seconds.

    Raises
    ------
    ClasterError
        If EIR saved no model.
    """
    checkpoint, performance = best_checkpoint(run)
    return record.model_copy(
        update={
            "status": "complete",
            "ended": now(),
            "seconds": seconds,
            "checkpoint": checkpoint.relative_to(run.path).as_posix(),
            "performance": performance,
            "parameters": _parameters(run) or record.parameters,
            "error": None,
        }
    )


def _parameters(run: RunFolder) -> int | None:
    """Return the number of trainable parameters that EIR printed, None if it printed none."""
    if not run.log.is_file():
        return None
    found = _PARAMETERS.search(run.log.read_text(encoding="utf-8", errors="replace"))
    return int(found["count"].replace(",", "")) if found else None


def now() -> str:
    """Return the time as records have it: ISO 8601, UTC, whole seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")
