"""Transforms of signal before a network sees it, and back."""

from typing import Literal

import numpy as np

__all__ = ["Transform", "restored", "transformed"]

Transform = Literal["none", "log1p", "asinh"]


def transformed(
    signal: np.ndarray, transform: Transform, *, clip: float | None = None
) -> np.ndarray:
    """Return signal on the scale that is stored.

    Parameters
    ----------
    signal
        Means or sums a bin; for ``log1p`` not negative.
    transform
        As it is, log(x + 1), or asinh(x).
    clip
        Larger values are set to this first.
    """
    if clip is not None:
        signal = np.minimum(signal, clip)
    match transform:
        case "log1p":
            return np.log1p(signal)
        case "asinh":
            return np.arcsinh(signal)
        case "none":
            return signal


def restored(stored: np.ndarray, transform: Transform) -> np.ndarray:
    """Return stored values as signal: the inverse of `transformed`, apart from what was clipped.

    Examples
    --------
    >>> restored(transformed(np.array([0.0, 3.0]), "log1p"), "log1p").tolist()
    [0.0, 3.0]
    """
    match transform:
        case "log1p":
            return np.expm1(stored)
        case "asinh":
            return np.sinh(stored)
        case "none":
            return stored
