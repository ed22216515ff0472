"""Loops that numba compiles. Importing numba takes a second: import what uses this when it runs."""

from collections.abc import Callable
from typing import cast

import numba


def compiled[F: Callable](function: F) -> F:
    """Return a function that numba compiles on first use, and keeps on disk where it can.

    Other threads run while it does.
    """
    try:
        return cast("F", numba.njit(nogil=True, cache=True)(function))
    except RuntimeError:  # neither the package nor the user has a folder that can be written
        return cast("F", numba.njit(nogil=True)(function))
