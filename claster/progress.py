"""Progress of long work: bars on a terminal, plain lines in a log, nothing in a library call."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Literal, Protocol

Unit = Literal["", "bytes"]
"""What a step counts; bytes are shown with speed and time left."""


class Step(Protocol):
    """One piece of long work that advances; a step is used by one thread at a time."""

    def advance(self, amount: float = 1) -> None:
        """Count `amount` units as done; a negative amount takes them back."""

    def describe(self, text: str) -> None:
        """Show `text` beside the count."""

    def expect(self, total: float | None) -> None:
        """Set how many units there are, where that is known only after the start."""


class Progress(Protocol):
    """Where long work reports to; several steps may be open at once, from several threads."""

    def step(
        self, name: str, total: float | None = None, *, unit: Unit = ""
    ) -> AbstractContextManager[Step]:
        """Open a step of `total` units (None: unknown) that ends with its context."""

    def say(self, text: str) -> None:
        """Show one line of plain text."""


class _SilentStep:
    def advance(self, amount: float = 1) -> None:
        """Count nothing."""

    def describe(self, text: str) -> None:
        """Show nothing."""

    def expect(self, total: float | None) -> None:
        """Expect nothing."""


class _Silent:
    """The default `Progress` of every library function: reports nothing."""

    @contextmanager
    def step(self, name: str, total: float | None = None, *, unit: Unit = "") -> Iterator[Step]:
        """Open a step that shows nothing."""
        yield _SilentStep()

    def say(self, text: str) -> None:
        """Show nothing."""


SILENT: Progress = _Silent()


def duration(seconds: float) -> str:
    """Return a time in the unit that suits it.

    Examples
    --------
    >>> duration(12.3), duration(600), duration(20_000)
    ('12 s', '10 min', '5.6 h')
    """
    if seconds < 100:
        return f"{seconds:.2g} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
