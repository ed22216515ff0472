"""The block of another locus that `insert` writes."""

from pathlib import Path

import numpy as np

from claster.analysis.perturbation.settings import EditSettings
from claster.dataset.sources import Sources
from claster.dataset.spec import DatasetSpec
from claster.errors import ClasterError
from claster.genome.assembly import chromosome_aliases
from claster.genome.regions import read_regions

__all__ = ["cut_piece"]


def cut_piece(spec: DatasetSpec, sources: Sources, edit: EditSettings) -> np.ndarray | None:
    """Read the signal of the locus that an edit transplants, in bins that begin where it begins.

    Parameters
    ----------
    spec, sources
        The dataset and its open files.
    edit
        The edit, with `locus` and `tracks`.

    Returns
    -------
    numpy.ndarray or None
        float32, shape (edited tracks, bins), negative means set to 0 as in landscapes; None without a
        locus.

    Raises
    ------
    ClasterError
        If the locus is not on the assembly, is no whole number of bins or wider than a window, or a file
        does not read there.
    """
    if edit.locus is None:
        return None
    aliases = chromosome_aliases(spec.assembly)
    region = read_regions([edit.locus], sizes=sources.sizes, folder=Path(), aliases=aliases).iloc[0]
    size = spec.window.bin
    bins, rest = divmod(int(region["end"] - region["start"]), size)
    if rest or not 0 < bins <= spec.window.bins:
        raise ClasterError(
            f"the locus {edit.locus} is no whole number of bins of {size} bp, at most {spec.window.bins:,}",
            remedy="move its end",
        )
    numbers = {track.name: row for row, track in enumerate(spec.tracks)}
    piece = np.stack(
        [
            sources.tracks[numbers[name]].bins(
                str(region["chrom"]),
                int(region["start"]),
                bins=bins,
                size=size,
                summary=spec.summary,
            )
            for name in edit.tracks
        ]
    )
    return np.maximum(piece, 0.0).astype(np.float32)
