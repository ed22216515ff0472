"""What is wrong with one array file."""

from pathlib import Path
from typing import IO

import numpy as np

from claster.errors import one_line

__all__ = ["array_fault"]


def array_fault(path: Path, expected: tuple[int, ...]) -> str | None:
    """Return what is wrong with an array file, None if nothing is.

    Its values are read only if its header is right.

    Parameters
    ----------
    path
        A file of NumPy's format.
    expected
        The shape that it should have.
    """
    with path.open("rb") as handle:
        try:
            shape, fortran, dtype = _read_header(handle)
        except (ValueError, EOFError, SyntaxError) as error:
            return f"is no array file or is damaged ({one_line(error)})"
        if dtype.kind != "f":
            return f"holds {dtype} and not floating-point numbers"
        if shape != expected:
            return f"has shape {shape} where {expected} is expected"
        size = int(np.prod(shape))
        values = np.fromfile(handle, dtype=dtype, count=size)
    if values.size < size:
        return f"is cut off: {values.size} of {size} values"
    # One sum over the array costs a tenth of `isfinite`; NaN and infinities survive it.
    with np.errstate(over="ignore", invalid="ignore"):
        total = values.sum(dtype=np.float64)
    if not np.isfinite(total):
        faulty = int(np.count_nonzero(~np.isfinite(values)))
        if faulty:
            first = np.unravel_index(
                int(np.argmin(np.isfinite(values))), shape, order="F" if fortran else "C"
            )
            where = tuple(int(index) for index in first)
            plural = "" if faulty == 1 else "s"
            return f"holds {faulty} value{plural} not finite, the first at {where}"
    return None


def _read_header(handle: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = np.lib.format.read_magic(handle)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(handle)
    if version == (2, 0):
        return np.lib.format.read_array_header_2_0(handle)
    raise ValueError(f"array file version {version[0]}.{version[1]}")
