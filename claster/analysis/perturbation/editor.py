"""One edit of one window: elements in bp become bins, a verb changes an array."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never
from zlib import crc32

import numpy as np
import pandas as pd

from claster.analysis.perturbation import edits
from claster.analysis.perturbation.candidates import annotated_stretches
from claster.analysis.perturbation.edits import Span, covered_bins, span_mean, whole_bins
from claster.analysis.perturbation.settings import (
    MOVING,
    EditSettings,
    PerturbSettings,
    ScreenSettings,
)
from claster.dataset.layout import DatasetFolders
from claster.dataset.scale import SignalScale
from claster.dataset.sources import Sources
from claster.dataset.spec import DatasetSpec
from claster.dataset.track_scales import read_landscapes
from claster.errors import ClasterError, choose_among
from claster.genome.assembly import chromosome_aliases
from claster.genome.regions import read_regions
from claster.signal.landscape import restored


def edit_settings(
    asked: PerturbSettings, spec: DatasetSpec, *, scales: dict[str, SignalScale] | None = None
) -> EditSettings:
    """Return a checked edit.

    By default all tracks change for the verbs that move signal, all but `gain_track` for the others, and the
    gain is the 99 % quantile of that track around training genes, which `scales` know.

    Raises
    ------
    ClasterError
        If a track is unknown, or the verb lacks a number, has one that it does not take, or one that is
        not possible.
    """
    known = [track.name for track in spec.tracks]
    verb, gain_track, gain = asked.verb, asked.gain_track, asked.gain
    needs = {"factors": "scale", "shifts": "shift", "locus": "insert", "gain": "repress"}
    for name, only in needs.items():
        there = getattr(asked, name) not in (None, ())
        if there and verb != only:
            raise ClasterError(f"'{name}' is for '{only}', not for '{verb}'", remedy="leave it out")
        if not there and verb == only and name != "gain":
            raise ClasterError(f"'{verb}' without '{name}'", remedy=f"give '{name}'")
    for track in (*asked.tracks, *([gain_track] if verb == "repress" else [])):
        if track not in known:
            raise ClasterError(
                f"dataset {spec.name!r} has no track {track!r}",
                remedy=choose_among(track, known),
            )
    if wrong := [factor for factor in asked.factors if not (np.isfinite(factor) and factor >= 0)]:
        raise ClasterError(f"--factor must be 0 or more, not {wrong[0]}", remedy="correct it")
    if wrong := [bp for bp in asked.shifts if bp % spec.window.bin]:
        raise ClasterError(
            f"a shift of {wrong[0]} bp is not a whole number of bins of {spec.window.bin} bp",
            remedy="round it",
        )
    default = [t for t in known if verb in MOVING or t != gain_track]
    chosen = tuple(track for track in known if track in (asked.tracks or default))
    if not chosen:
        raise ClasterError(f"no track is left to {verb}", remedy="name 'tracks'")
    if verb == "repress" and gain is None:
        if gain_track not in (scales or {}):
            raise ClasterError(
                f"no scale of {gain_track} is known", remedy="give 'gain', the signal that it gets"
            )
        gain = (scales or {})[gain_track].q99
    doses: tuple[float | None, ...] = (
        *asked.factors,
        *(float(bp) for bp in asked.shifts),
    ) or (None,)
    return EditSettings(
        verb=verb,
        tracks=chosen,
        doses=tuple(dict.fromkeys(doses)),
        gain_track=gain_track if verb == "repress" else None,
        gain=gain,
        locus=asked.locus,
        edges=asked.edges,
        seed=asked.seed,
    )


def cut_piece(spec: DatasetSpec, sources: Sources, edit: EditSettings) -> np.ndarray | None:
    """Read the signal of the locus that an edit transplants, in bins that begin where it begins.

    Returns
    -------
    numpy.ndarray or None
        float32, shape (edited tracks, bins), negative means set to 0 as in landscapes; None without a
        locus.

    Raises
    ------
    ClasterError
        If the locus is not on the assembly, is not a whole number of bins or wider than a window, or a file
        cannot be read there.
    """
    if edit.locus is None:
        return None
    aliases, size = chromosome_aliases(spec.assembly), spec.window.bin
    regions = read_regions([edit.locus], sizes=sources.sizes, folder=Path(), aliases=aliases)
    locus = next(regions.itertuples())
    bins, rest = divmod(locus.end - locus.start, size)
    if rest or not 0 < bins <= spec.window.bins:
        raise ClasterError(
            f"the locus {edit.locus} is not a whole number of bins of {size} bp, at most "
            f"{spec.window.bins:,}",
            remedy="move its end",
        )
    readers = {
        track.name: reader for track, reader in zip(spec.tracks, sources.tracks, strict=True)
    }
    piece = [
        readers[name].bins(locus.chrom, locus.start, bins=bins, size=size, summary=spec.summary)
        for name in edit.tracks
    ]
    return np.maximum(np.stack(piece), 0.0).astype(np.float32)


_NEAR = 200
"""Blocks, one beginning at each bin, that tell what is quiet at a place."""


def _find_background(
    signal: np.ndarray, rows: Sequence[int], span: Span, *, annotated: np.ndarray
) -> int | None:
    """Return where the background of an interval begins, taken from the same window.

    It is the nearest block of as many bins as the interval touches, none of them annotated or of the
    interval itself, whose mean is, in each of the tracks, at most the median over the 200 nearest such blocks
    (over twice as many, and so on, where none of them is). So the background of an element in a transcribed
    body is that of the body. The nearer one has less distance between the blocks' first bins; of two the
    left one counts.

    Returns the first bin of the block; None where the window has none.
    """
    width = len(span.shares)
    taken = annotated.copy()
    taken[span.bins] = True
    free = _sums(taken[np.newaxis].astype(np.float64), width)[0] == 0
    if not free.any():
        return None
    sums = _sums(signal[list(rows)].astype(np.float64), width)
    blocks = np.flatnonzero(free)
    blocks = blocks[np.argsort(np.abs(blocks - span.first), kind="stable")]
    near = _NEAR
    while True:
        means = sums[:, blocks[:near]]
        quiet = (means <= np.median(means, axis=1, keepdims=True)).all(axis=0)
        if quiet.any():
            return int(blocks[quiet.argmax()])
        if near >= len(blocks):
            return None
        near *= 2


def _sums(values: np.ndarray, width: int) -> np.ndarray:
    """Return the sum of every run of `width` bins, shape (rows, bins - width + 1)."""
    totals = np.concatenate([np.zeros((len(values), 1)), values.cumsum(axis=1)], axis=1)
    return totals[:, width:] - totals[:, :-width]


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


@dataclass(frozen=True)
class Editor:
    """What edits the windows of a dataset.

    Attributes
    ----------
    piece
        What ``insert`` writes, signal, shape (edited tracks, bins), its middle on that of the element.
    """

    spec: DatasetSpec
    settings: EditSettings
    piece: np.ndarray | None = None

    def row(self, track: str) -> int:
        """Return the row of a track in a landscape."""
        return [other.name for other in self.spec.tracks].index(track)


def edit_window(
    window: SignalWindow, places: tuple[Place, ...], editor: Editor, *, dose: float | None
) -> np.ndarray | None:
    """Edit one element of a window, which stays as it is, or several one after the other; two for ``swap``.

    Returns
    -------
    numpy.ndarray or None
        Signal, shape (tracks, bins); None where the edit has no place: it would leave the window, there
        is no background, or the elements to swap overlap.
    """
    settings, binning = editor.settings, editor.spec.window.binning
    if settings.verb == "swap":
        left, right = (
            whole_bins(place.start, place.end, binning, edges=settings.edges)
            for place in sorted(places, key=lambda place: place.start)
        )
        if left.bins.stop > right.first:
            return None
        rows = [editor.row(name) for name in settings.tracks]
        return edits.swap(window.signal, rows, left, right)
    edited: np.ndarray | None = window.signal
    for place in places:
        if edited is None:
            return None
        edited = _edit_one(edited, window, place, editor, dose)
    return edited


_BESIDE = 2_500
"""bp on either side of a bin whose mean tells whether a wide element holds more there than background."""

_BLENDED = ("silence", "scale", "background", "repress")
"""Verbs that change a bin by the share covered; the others take whole bins."""


def _edit_one(
    signal: np.ndarray,
    window: SignalWindow,
    place: Place,
    editor: Editor,
    dose: float | None,
) -> np.ndarray | None:
    settings, binning, piece = editor.settings, editor.spec.window.binning, editor.piece
    rows = [editor.row(name) for name in settings.tracks]
    bins = covered_bins if settings.verb in _BLENDED else whole_bins
    span = bins(place.start, place.end, binning, edges=settings.edges)
    donor = -1
    if settings.verb in ("background", "shift"):
        found = _find_background(window.signal, rows, span, annotated=window.annotated)
        if found is None:
            return None
        donor = found
    match settings.verb:
        case "silence":
            return edits.silence(signal, rows, span)
        case "scale":
            assert dose is not None
            return edits.scale(signal, rows, span, factor=dose)
        case "background":
            beside = _BESIDE // binning.size
            return edits.lower(signal, rows, span, donor=donor, beside=beside)
        case "repress":
            assert settings.gain_track is not None
            assert settings.gain is not None
            gain_row = editor.row(settings.gain_track)
            return edits.repress(signal, rows, span, gain_row=gain_row, gain=settings.gain)
        case "shift":
            assert dose is not None
            moved = int(dose) // binning.size
            if not 0 <= span.first + moved <= binning.bins - len(span.shares):
                return None
            return edits.shift(signal, rows, span, bins=moved, donor=donor)
        case "flip":
            return edits.flip(signal, rows, span)
        case "shuffle":
            rng = np.random.default_rng([settings.seed, crc32(place.name.encode())])
            return edits.shuffle(signal, rows, span, rng=rng)
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
        Bins that the edit left alone keep the very bits of `stored`; `stored` itself where no bit changes.
    """
    somewhere = np.flatnonzero(edited != signal) % signal.shape[1]
    if not somewhere.size:
        return stored
    # Windows are long and edits are not.
    span = slice(int(somewhere.min()), int(somewhere.max()) + 1)
    result = np.array(stored)
    differs = edited[:, span] != signal[:, span]
    for row, (track, divisor) in enumerate(zip(spec.tracks, divisors, strict=True)):
        if differs[row].any():
            given = track.stored(edited[row, span], divisor=divisor)
            np.copyto(result[row, span], given, where=differs[row], casting="same_kind")
    return stored if np.array_equal(result[:, span], stored[:, span]) else result


def element_states(
    rows: pd.DataFrame, screened: pd.DataFrame, spec: DatasetSpec, settings: ScreenSettings
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the mean signal over elements before and after their edit, at the first dose.

    Parameters
    ----------
    rows
        Pairs of a screen that are edited.
    screened
        All pairs; no background is taken from where their genes and elements are.

    Returns
    -------
    windows : numpy.ndarray
        Shape (genes, tracks, bins).
    before, after : numpy.ndarray
        Shape (edited elements, tracks).
    """
    editor, binning = Editor(spec, settings.edit), spec.window.binning
    elements = screened.rename(columns={"element_start": "start", "element_end": "end"})
    annotated = annotated_stretches(elements, screened.drop_duplicates("gene_id"))
    windows, before, after = [], [], []
    for gene, of_gene in rows.groupby("gene_id", sort=False):
        found = read_landscapes(DatasetFolders.of(spec), spec, [str(gene)], split=settings.split)
        windows.append(signal := found[0])
        chrom, tss = str(of_gene["chrom"].iloc[0]), int(of_gene["tss"].iloc[0])
        edges = binning.edges + tss
        window = SignalWindow(signal, annotated.touch(chrom, edges[:-1], edges[1:]))
        for row in of_gene.itertuples():
            place = Place(row.element_id, row.element_start - tss, row.element_end - tss)
            edited = edit_window(window, (place,), editor, dose=settings.edit.doses[0])
            if edited is not None:
                span = covered_bins(place.start, place.end, binning)
                before.append(span_mean(signal, span))
                after.append(span_mean(edited, span))
    return np.array(windows), np.array(before), np.array(after)
