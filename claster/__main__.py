"""The program `claster`, and `python -m claster`: Ctrl-C is one line from the start on."""

import os
import signal
import sys
from types import FrameType


def main() -> None:
    """Import the command line, which takes a moment in which nothing is written yet, and run it."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)
    from claster.cli import main as run

    signal.signal(signal.SIGINT, before)
    run()


def _leave(number: int, _: FrameType | None) -> None:
    # Not by an exception: a compiled package that is being imported would make its own of it.
    sys.stderr.write("interrupted: nothing was begun\n")
    sys.stderr.flush()
    os._exit(128 + number)


if __name__ == "__main__":
    main()
