"""What a command says: its answer, why it cannot do its work, and how far it is."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer
from rich.console import Console
from rich.filesize import decimal
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.progress import Progress as RichProgress
from rich.text import Text

from claster.progress import Progress, Step, Unit
from claster.quoting import printable


def echo(text: object, *, nl: bool = True) -> None:
    """Print a line of an answer; what would steer the terminal is written out."""
    typer.echo(printable(str(text)), nl=nl)


def complain(text: str, *, status: int = 1) -> NoReturn:
    """Print an error as one line and leave with an exit code."""
    line = " ".join(printable(text).splitlines())
    Console(stderr=True, soft_wrap=True).print(
        Text.assemble(("error:", "bold red"), f" {line}"), highlight=False
    )
    sys.exit(status)


def console_progress() -> Progress:
    """Return bars on a terminal, plain lines where output goes to a file."""
    console = Console(stderr=True)
    return _Bars(console) if console.is_terminal else _Lines()


class _Bars:
    """One display of all open steps, which is there while any step is open."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = threading.Lock()
        self._open = 0
        self._bars = self._display()

    @contextmanager
    def step(self, name: str, total: float | None = None, *, unit: Unit = "") -> Iterator[Step]:
        """Show a bar while the step runs; one of bytes leaves a line behind."""
        start = time.monotonic()
        with self._shown() as bars:
            task = bars.add_task("", total=total, label=printable(name), unit=unit)
            try:
                yield _Bar(bars, task)
            finally:
                done = bars.tasks[bars.task_ids.index(task)].completed
                if unit:
                    bars.remove_task(task)
            if unit:
                self.say(f"{name}: {decimal(int(done))} in {time.monotonic() - start:.1f} s")

    def say(self, text: str) -> None:
        """Print a line above the bars."""
        self._console.print(printable(text), highlight=False, markup=False, soft_wrap=True)

    @contextmanager
    def _shown(self) -> Iterator[RichProgress]:
        with self._lock:
            if self._open == 0:
                self._bars = self._display()
                self._bars.start()
            self._open += 1
            bars = self._bars
        try:
            yield bars
        finally:
            with self._lock:
                self._open -= 1
                if self._open == 0:
                    bars.stop()

    def _display(self) -> RichProgress:
        return RichProgress(
            TextColumn("{task.fields[label]:<16}", markup=False),
            BarColumn(),
            _Numbers(),
            TextColumn("{task.description}", style="dim", markup=False),
            console=self._console,
        )


class _Numbers(ProgressColumn):
    """Count and time; for bytes their number, speed and time left."""

    def __init__(self) -> None:
        super().__init__()
        self._plain = (MofNCompleteColumn(), TimeElapsedColumn())
        self._bytes = (DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())

    def render(self, task: Task) -> Text:
        """Return the numbers of one step."""
        columns = self._bytes if task.fields["unit"] else self._plain
        return Text("  ").join(column.render(task) for column in columns)


class _Bar:
    def __init__(self, bars: RichProgress, task: TaskID) -> None:
        self._bars = bars
        self._task = task

    def advance(self, amount: float = 1) -> None:
        """Move the bar."""
        self._bars.advance(self._task, amount)

    def describe(self, text: str) -> None:
        """Show what is being done behind the bar."""
        self._bars.update(self._task, description=printable(text))

    def expect(self, total: float | None) -> None:
        """Set the bar's length."""
        self._bars.update(self._task, total=total)


class _Lines:
    """A line when a step starts and ends, and one a half minute in between.

    One of bytes has no line at its start: many small files would bury the others.
    """

    @contextmanager
    def step(self, name: str, total: float | None = None, *, unit: Unit = "") -> Iterator[Step]:
        """Print a line at both ends of the step."""
        start = time.monotonic()
        line = _Line(name, total, unit)
        if not unit:
            _print(f"{name}: started")
        yield line
        done = f"{decimal(int(line.done))} in" if unit else "done in"
        _print(f"{name}: {done} {time.monotonic() - start:.1f} s")

    def say(self, text: str) -> None:
        """Print a plain line."""
        _print(text)


class _Line:
    _PAUSE = 30.0

    def __init__(self, name: str, total: float | None, unit: Unit) -> None:
        self._name = name
        self._total = total
        self._show = _as_bytes if unit else "{:.0f}".format
        self.done = 0.0
        self._said = time.monotonic()
        self._text = ""

    def advance(self, amount: float = 1) -> None:
        """Count, and say so now and then."""
        self.done += amount
        if time.monotonic() - self._said >= self._PAUSE:
            self._said = time.monotonic()
            of = f" of {self._show(self._total)}" if self._total else ""
            _print(f"{self._name}: {self._show(self.done)}{of} {self._text}".rstrip())

    def describe(self, text: str) -> None:
        """Keep the text for the next line."""
        self._text = text

    def expect(self, total: float | None) -> None:
        """Keep the total for the next line."""
        self._total = total


def _print(text: str) -> None:
    """Print a line at once, so that those of several threads do not mix."""
    sys.stdout.write(f"{printable(text)}\n")
    sys.stdout.flush()


def _as_bytes(number: float) -> str:
    return decimal(int(number))
