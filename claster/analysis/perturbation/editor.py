"""One edit of one window: elements in bp become bins, and a verb an array."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never
from zlib import crc32

import numpy as np

from claster.analysis.perturbation import edits
from claster.analysis.perturbation.background import find_background
from claster.analysis.perturbation.settings import EditSettings
from claster.analysis.perturbation.spans import Span, covered_bins, whole_bins
from claster.dataset.spec import DatasetSpec
from claster.genome.windows import Binning
from claster.signal.transform import restored

__all__ = ["Place", "SignalWindow", "edit_window", "restore_landscape", "store_edited"]


@dataclass(frozen=True)
class Place:
    """An element in a window: its ID, and its edges in bp from the centre (0-based half-open)."""

    name: str
    start: int
    end: int


@dataclass(frozen=True)
class SignalWindow:
    """A landscape as signal, shape (tracks, bins), and which bins are annotated, shape (bins,)."""

    signal: np.ndarray
    annotated: np.ndarray


def edit_window(
    window: SignalWindow,
    places: tuple[Place, ...],
    settings: EditSettings,
    *,
    dose: float | None,
    spec: DatasetSpec,
    piece: np.ndarray | None = None,
) -> np.ndarray | None:
    """Edit one element of a window, or several one after the other.

    Parameters
    ----------
    window
        What is edited; it stays as it is.
    places
        The elements; two for ``swap``.
    settings, dose
        What is done to them.
    spec
        The dataset with tracks and bins.
    piece
        What ``insert`` writes, signal, shape (edited tracks, bins), its middle on that of the element.

    Returns
    -------
    numpy.ndarray or None
        Signal, shape (tracks, bins); None where the edit has no place: it would leave the window, there
        is no background, or the elements to swap overlap.
    """
    numbers = {track.name: row for row, track in enumerate(spec.tracks)}
    rows = [numbers[name] for name in settings.tracks]
    binning = spec.window.binning
    if settings.verb == "swap":
        left, right = (
            whole_bins(place.start, place.end, binning, edges=settings.edges)
            for place in sorted(places, key=lambda place: place.start)
        )
        if left.bins.stop > right.first:
            return None
        return edits.swap(window.signal, rows, left, right)
    edited: np.ndarray | None = window.signal
    for place in places:
        if edited is None:
            return None
        edited = _edit_one(edited, window, place, rows, settings, dose, binning, numbers, piece)
    return edited


def _edit_one(
    signal: np.ndarray,
    window: SignalWindow,
    place: Place,
    rows: list[int],
    settings: EditSettings,
    dose: float | None,
    binning: Binning,
    numbers: dict[str, int],
    piece: np.ndarray | None,
) -> np.ndarray | None:
    part = covered_bins(place.start, place.end, binning, edges=settings.edges)
    whole = whole_bins(place.start, place.end, binning, edges=settings.edges)
    match settings.verb:
        case "silence":
            return edits.silence(signal, rows, part)
        case "scale":
            assert dose is not None
            return edits.scale(signal, rows, part, factor=dose)
        case "background":
            donor = find_background(window.signal, rows, part, annotated=window.annotated)
            return None if donor is None else edits.replace(signal, rows, part, donor=donor)
        case "repress":
            assert settings.gain_track is not None
            assert settings.gain is not None
            gain_row = numbers[settings.gain_track]
            return edits.repress(signal, rows, part, gain_row=gain_row, gain=settings.gain)
        case "shift":
            assert dose is not None
            return _shifted(signal, window, rows, whole, int(dose) // binning.size)
        case "flip":
            return edits.flip(signal, rows, whole)
        case "shuffle":
            rng = np.random.default_rng([settings.seed, crc32(place.name.encode())])
            return edits.shuffle(signal, rows, whole, rng=rng)
        case "insert":
            assert piece is not None
            width = piece.shape[1] * binning.size
            begin = (place.start + place.end) // 2 - width // 2
            first = (begin + binning.half + binning.size // 2) // binning.size
            if not 0 <= first <= binning.bins - piece.shape[1]:
                return None
            return edits.insert(signal, rows, first, piece=piece)
        case "swap":
            raise ValueError("swap takes two elements")
    assert_never(settings.verb)


def _shifted(
    signal: np.ndarray, window: SignalWindow, rows: list[int], span: Span, bins: int
) -> np.ndarray | None:
    if not 0 <= span.first + bins <= signal.shape[1] - len(span.shares):
        return None
    donor = find_background(window.signal, rows, span, annotated=window.annotated)
    return None if donor is None else edits.shift(signal, rows, span, bins=bins, donor=donor)


def restore_landscape(
    stored: np.ndarray, spec: DatasetSpec, *, divisors: Sequence[float]
) -> np.ndarray:
    """Return a stored landscape, shape (tracks, bins), as signal; `divisors` are those of the tracks."""
    signal = np.array(stored)
    for row, (track, divisor) in enumerate(zip(spec.tracks, divisors, strict=True)):
        signal[row] = restored(stored[row], track.transform, divisor=divisor)
    return signal


def store_edited(
    edited: np.ndarray,
    signal: np.ndarray,
    stored: np.ndarray,
    spec: DatasetSpec,
    *,
    divisors: Sequence[float],
) -> np.ndarray:
    """Return an edited landscape on the scale that a network sees.

    Parameters
    ----------
    edited, signal, stored
        The landscape after the edit and before it, as signal, and as it was stored, all of shape (tracks,
        bins).
    spec
        The dataset with the transform of each track.
    divisors
        What each track is divided by (`track_divisors`).

    Returns
    -------
    numpy.ndarray
        Bins that the edit left alone keep the very bits of `stored`.
    """
    result = np.array(stored)
    for row, (track, divisor) in enumerate(zip(spec.tracks, divisors, strict=True)):
        changed = edited[row] != signal[row]
        result[row, changed] = track.stored(edited[row, changed], divisor=divisor)
    return result
