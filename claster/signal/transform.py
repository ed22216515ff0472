"""Transforms of signal before a network sees it, and back."""

from typing import Literal

import numpy as np

__all__ = ["Transform", "restored", "transformed"]

Transform = Literal["none", "log1p"]


def transformed(signal: np.ndarray, transform: Transform) -> np.ndarray:
    """Return non-negative signal on the scale that is stored: as it is, or log(x + 1)."""
    return np.log1p(signal) if transform == "log1p" else signal


def restored(stored: np.ndarray, transform: Transform) -> np.ndarray:
    """Return stored values as signal: the inverse of `transformed`.

    Examples
    --------
    >>> restored(transformed(np.array([0.0, 3.0]), "log1p"), "log1p").tolist()
    [0.0, 3.0]
    """
    return np.expm1(stored) if transform == "log1p" else stored
