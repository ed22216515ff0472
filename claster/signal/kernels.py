"""The inner loops, compiled by numba on first use and kept on disk.

Importing numba takes a second, so the functions of this room that need these import them when they run.
Each loop lets other threads run, reads and writes inside its arrays whatever it is given, and adds in the
order of the genome and in float64, so that the same numbers come out however the work is spread.
"""

import numpy as np

from claster.compiled import compiled

_WELL, OUT_OF_PLACE, WILD = 0, 1, 2
"""What `unpack_blocks` found: nothing wrong, an interval out of place, a value that is not finite."""


@compiled
def unpack_blocks(
    words: np.ndarray,
    floats: np.ndarray,
    items: np.ndarray,
    headers: np.ndarray,
    limits: np.ndarray,
    starts: np.ndarray,
    ends: np.ndarray,
    values: np.ndarray,
) -> tuple[int, int]:
    """Unpack the intervals of consecutive blocks.

    Parameters
    ----------
    words, floats
        The blocks' bytes as uint32 and as float32, in the machine's byte order.
    items
        Where each block's items begin, in words.
    headers
        int64, a row a block: type (1 bedGraph, 2 variableStep, 3 fixedStep), count, start, step, span.
    limits
        int64, shape (blocks, 2): what the index says, start and end.
    starts, ends, values
        Filled with the intervals; as long as all counts together.

    Returns
    -------
    tuple of int
        `_WELL`, `OUT_OF_PLACE` or `WILD`, and the base of the first fault.
    """
    at = 0
    room = min(len(starts), len(ends), len(values))
    before = np.int64(0)
    for block in range(min(len(items), len(headers), len(limits))):
        kind, count, start = headers[block, 0], headers[block, 1], headers[block, 2]
        step, span = headers[block, 3], headers[block, 4]
        word = items[block]
        for item in range(count):
            if word + (3 if kind == 1 else 2 if kind == 2 else 1) > len(words) or at >= room:
                return OUT_OF_PLACE, int(before)
            if kind == 1:
                low, high = np.int64(words[word]), np.int64(words[word + 1])
                value = floats[word + 2]
                word += 3
            elif kind == 2:
                low = np.int64(words[word])
                high = low + span
                value = floats[word + 1]
                word += 2
            else:
                low = start + item * step
                high = low + span
                value = floats[word]
                word += 1
            if low < before or high <= low or low < limits[block, 0] or high > limits[block, 1]:
                return OUT_OF_PLACE, int(low)
            if not np.isfinite(value):
                return WILD, int(low)
            starts[at], ends[at], values[at] = low, high, value
            before = high
            at += 1
    return _WELL, 0


@compiled
def sum_windows(
    starts: np.ndarray,
    ends: np.ndarray,
    values: np.ndarray,
    firsts: np.ndarray,
    size: int,
    over_covered: bool,  # noqa: FBT001 - a compiled function takes positions only
    out: np.ndarray,
) -> None:
    """Fill `out`, shape (windows, bins), with the mean of intervals in bins.

    Parameters
    ----------
    starts, ends, values
        Sorted intervals that do not overlap.
    firsts
        int64: first base of each window.
    size
        Width of a bin in bp.
    over_covered
        Whether means are over covered bases instead of all.
    """
    held = min(len(starts), len(ends), len(values))
    for window in range(min(out.shape[0], len(firsts))):
        left = firsts[window]
        low, high = 0, held
        while low < high:
            middle = (low + high) // 2
            if ends[middle] <= left:
                low = middle + 1
            else:
                high = middle
        at = low
        for bin in range(out.shape[1]):
            right = left + size
            total = 0.0
            covered = 0
            while at < held and starts[at] < right:
                width = min(np.int64(ends[at]), right) - max(np.int64(starts[at]), left)
                total += np.float64(values[at]) * width
                covered += width
                if ends[at] > right:
                    break
                at += 1
            if not over_covered:
                out[window, bin] = total / size
            elif covered > 0:
                out[window, bin] = total / covered
            else:
                out[window, bin] = 0.0
            left = right


@compiled
def weigh(fine: np.ndarray, weights: np.ndarray, step: int, out: np.ndarray) -> None:
    """Fill ``out[row, k]`` with the sum of ``weights * fine[row, k * step : k * step + taps]``."""
    if out.shape[0] > fine.shape[0] or (out.shape[1] - 1) * step + len(weights) > fine.shape[1]:
        raise ValueError("the sums reach past the values")
    for row in range(out.shape[0]):
        for k in range(out.shape[1]):
            total = 0.0
            for tap in range(len(weights)):
                total += weights[tap] * fine[row, k * step + tap]
            out[row, k] = total
