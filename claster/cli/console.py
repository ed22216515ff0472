"""Progress for people: bars on a terminal, plain lines in a log."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress

from claster.progress import Progress, Step

__all__ = ["console_progress"]


def console_progress() -> Progress:
    """Return bars on a terminal, plain lines where output goes to a file."""
    console = Console(stderr=True)
    return _Bars(console) if console.is_terminal else _Lines()


class _Bars:
    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def step(self, name: str, total: float | None = None) -> Iterator[Step]:
        """Show a bar while the step runs."""
        with RichProgress(
            TextColumn("{task.fields[label]:<16}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.description}", style="dim"),
            console=self._console,
        ) as bars:
            yield _Bar(bars, bars.add_task("", total=total, label=name))

    def say(self, text: str) -> None:
        """Print a line above the bars."""
        self._console.print(text, highlight=False, markup=False)


class _Bar:
    def __init__(self, bars: RichProgress, task: TaskID) -> None:
        self._bars = bars
        self._task = task

    def advance(self, amount: float = 1) -> None:
        """Move the bar."""
        self._bars.advance(self._task, amount)

    def describe(self, text: str) -> None:
        """Show what is being done behind the bar."""
        self._bars.update(self._task, description=text)


class _Lines:
    """A line when a step starts and ends, and one a half minute in between."""

    @contextmanager
    def step(self, name: str, total: float | None = None) -> Iterator[Step]:
        """Print a line at both ends of the step."""
        start = time.monotonic()
        self.say(f"{name}: started")
        yield _Line(name, total)
        self.say(f"{name}: done in {time.monotonic() - start:.1f} s")

    def say(self, text: str) -> None:
        """Print a plain line."""
        print(text, flush=True)


class _Line:
    _PAUSE = 30.0

    def __init__(self, name: str, total: float | None) -> None:
        self._name = name
        self._total = total
        self._done = 0.0
        self._said = time.monotonic()
        self._text = ""

    def advance(self, amount: float = 1) -> None:
        """Count, and say so now and then."""
        self._done += amount
        if time.monotonic() - self._said >= self._PAUSE:
            self._said = time.monotonic()
            of = f" of {self._total:.0f}" if self._total else ""
            print(f"{self._name}: {self._done:.0f}{of} {self._text}".rstrip(), flush=True)

    def describe(self, text: str) -> None:
        """Keep the text for the next line."""
        self._text = text
