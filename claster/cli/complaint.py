"""How a command that cannot do its work ends."""

import sys
from typing import NoReturn

from rich.console import Console
from rich.markup import escape

__all__ = ["complain"]


def complain(text: str, *, status: int = 1) -> NoReturn:
    """Print an error as one line and leave with an exit code."""
    Console(stderr=True, soft_wrap=True).print(
        f"[bold red]error:[/] {escape(text)}", highlight=False
    )
    sys.exit(status)
