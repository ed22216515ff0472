"""What a command says: its answer, or why it cannot do its work."""

import sys
from typing import NoReturn

import typer
from rich.console import Console
from rich.text import Text

from claster.quoting import printable

__all__ = ["complain", "echo"]


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
