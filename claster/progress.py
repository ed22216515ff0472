"""Progress of long work: a bar on a terminal, plain lines in a log, nothing in a library call."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

__all__ = ["SILENT", "Progress", "Silent", "Step"]


class Step(Protocol):
    """One piece of long work that advances."""

    def advance(self, amount: float = 1) -> None:
        """Count `amount` units as done."""
        ...

    def describe(self, text: str) -> None:
        """Show `text` beside the count."""
        ...


class Progress(Protocol):
    """Where long work reports to."""

    def step(self, name: str, total: float | None = None) -> AbstractContextManager[Step]:
        """Open a step of `total` units (None: unknown) that ends with its context."""
        ...

    def say(self, text: str) -> None:
        """Show one line of plain text."""
        ...


class _SilentStep:
    def advance(self, amount: float = 1) -> None:
        """Count nothing."""

    def describe(self, text: str) -> None:
        """Show nothing."""


class Silent:
    """The default `Progress` of every library function: reports nothing."""

    @contextmanager
    def step(self, name: str, total: float | None = None) -> Iterator[Step]:
        """Open a step that shows nothing."""
        yield _SilentStep()

    def say(self, text: str) -> None:
        """Show nothing."""


SILENT: Progress = Silent()
