"""Tracks and contact maps that are not there: NaN in a window, 0 with a flag in what a network reads.

A network that shall do without a track must have seen windows without it. Those of its training have each
track left out at random; EIR has a switch for whole inputs only, and fills those with noise. Of a window and
its mirror image one stays whole, so that the network loses little where every track is there.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from claster.dataset.spec import DatasetSpec
from claster.genome.windows import FORWARD, split_sample_id

if TYPE_CHECKING:
    from torch import Tensor


def _left_out(sample: str, names: Sequence[str], *, percent: int) -> list[str]:
    """Return which tracks a sample goes without: each with the same chance, but never all of them.

    One of a gene's two samples has all tracks; the other goes without each one twice as often as `percent`.
    The names alone decide, so that it is the same in every array that is made of the sample.

    Examples
    --------
    >>> _left_out("ENSG1_rev", ["ATAC", "H3K4me3", "H3K27ac"], percent=25)
    ['H3K27ac']
    >>> _left_out("ENSG1_forward", ["ATAC", "H3K4me3", "H3K27ac"], percent=25)
    []
    """
    if _is_whole(sample):
        return []
    drawn = {name: _uniform(sample, name) for name in names}
    kept = max(names, key=drawn.__getitem__)
    return [name for name in names if 50 * drawn[name] < percent and name != kept]


def leave_out(
    sample: str,
    window: Mapping[str, np.ndarray],
    spec: DatasetSpec,
    *,
    percent: int,
    without: Sequence[str] = (),
) -> dict[str, np.ndarray]:
    """Return a training window, by modality, with NaN where a track or the contact map is left out.

    Parameters
    ----------
    window
        Its arrays, as in their files.
    percent
        How often, 50 at most.
    without
        Tracks that the network does not read at all.
    """
    kept = dict(window)
    if "landscape" in window:
        names = [track.name for track in spec.tracks]
        read = [name for name in names if name not in without]
        landscape = window["landscape"].copy()
        for name in _left_out(sample, read, percent=percent):
            landscape[names.index(name)] = np.nan
        kept["landscape"] = landscape
    if (
        "contacts" in window
        and not _is_whole(sample)
        and 50 * _uniform(sample, "contacts") < percent
    ):
        kept["contacts"] = np.full_like(window["contacts"], np.nan)
    return kept


def tracks_by_name(landscape: np.ndarray, here: DatasetSpec, wanted: DatasetSpec) -> np.ndarray:
    """Return a landscape (tracks of `here`, ...) with the tracks that are `wanted`, in their order.

    Where there is none of a name it holds NaN.
    """
    rows = {track.name: row for row, track in enumerate(here.tracks)}
    if list(rows) == [track.name for track in wanted.tracks]:
        return landscape
    found = np.full((len(wanted.tracks), *landscape.shape[1:]), np.nan, landscape.dtype)
    for row, track in enumerate(wanted.tracks):
        if track.name in rows:
            found[row] = landscape[rows[track.name]]
    return found


def with_flags(array: np.ndarray) -> np.ndarray:
    """Return values, 0 where they are missing, and then as many channels that are 1 where they are known.

    `array` has the shape (channels, height, width), or (height, width) of a single channel.
    """
    values = array.reshape(-1, *array.shape[-2:])
    known = ~np.isnan(values)
    return np.concatenate([np.where(known, values, 0), known]).astype(array.dtype)


def with_flags_of(windows: "Tensor") -> "Tensor":
    """Return the same of several windows, (samples, ...), with gradients of the values."""
    import torch

    values = windows.reshape(len(windows), -1, *windows.shape[-2:])
    known = ~torch.isnan(values)
    return torch.cat([torch.nan_to_num(values, nan=0.0), known.to(values.dtype)], dim=1)


def _is_whole(sample: str) -> bool:
    gene, orientation = split_sample_id(sample)
    return (orientation == FORWARD) == (_uniform(gene, "whole") < 0.5)


def _uniform(sample: str, name: str) -> float:
    """Return a number in [0, 1) that follows from the names."""
    digest = hashlib.sha256(f"{sample}/{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
