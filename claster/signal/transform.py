"""Transforms of signal before a network sees it, and back."""

from typing import Literal

import numpy as np

__all__ = ["Transform", "restored", "transformed"]

Transform = Literal["none", "sqrt", "log1p", "asinh"]


def transformed(
    signal: np.ndarray,
    transform: Transform,
    *,
    floor: float | None = None,
    clip: float | None = None,
    divisor: float = 1.0,
) -> np.ndarray:
    """Return signal on the scale that is stored.

    Parameters
    ----------
    signal
        Means or sums a bin; for ``log1p`` not negative.
    transform
        As it is, the root with the sign of x, log(x + 1), or asinh(x).
    floor
        Smaller values are set to 0 first.
    clip
        Larger values are set to this.
    divisor
        Then values are divided by this.
    """
    if floor is not None:
        signal = np.where(signal < floor, 0, signal)
    if clip is not None:
        signal = np.minimum(signal, clip)
    if divisor != 1:
        signal = signal / divisor
    match transform:
        case "sqrt":
            return np.copysign(np.sqrt(np.abs(signal)), signal)
        case "log1p":
            return np.log1p(signal)
        case "asinh":
            return np.arcsinh(signal)
        case "none":
            return signal


def restored(stored: np.ndarray, transform: Transform, *, divisor: float = 1.0) -> np.ndarray:
    """Return stored values as signal: the inverse of `transformed`, but for its floor and clip.

    Examples
    --------
    >>> restored(transformed(np.array([0.0, 3.0]), "log1p"), "log1p").tolist()
    [0.0, 3.0]
    """
    match transform:
        case "sqrt":
            signal = stored * np.abs(stored)
        case "log1p":
            signal = np.expm1(stored)
        case "asinh":
            signal = np.sinh(stored)
        case "none":
            signal = stored
    return signal if divisor == 1 else signal * divisor
