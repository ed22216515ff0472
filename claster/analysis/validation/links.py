"""Activity by contact of pairs in a built dataset: marks of the element, contact with the TSS."""

import numpy as np
import pandas as pd

from claster.analysis.abc import power_law_contact
from claster.analysis.perturbation.spans import covered_bins, span_mean
from claster.contacts.maps import PSEUDO, DiagonalMap
from claster.contacts.stripe import StripeMap
from claster.dataset.layout import DatasetFolders, Split, read_arrays
from claster.dataset.spec import DatasetSpec
from claster.dataset.track_scales import read_landscapes

__all__ = ["activity_by_contact"]

_ACCESSIBILITY = ("ATAC", "DHS", "DNASE")
_ACTIVE = "H3K27AC"


def activity_by_contact(
    pairs: pd.DataFrame, spec: DatasetSpec, folders: DatasetFolders, *, split: Split
) -> tuple[np.ndarray, np.ndarray, str]:
    """Return the activity of each element, its contact with the TSS, and where contact is from.

    Parameters
    ----------
    pairs
        `gene_id`, `tss`, `element_start`, `element_end`, `distance_bp`.
    spec, folders
        The built dataset.
    split
        Where the genes are.

    Returns
    -------
    activity : numpy.ndarray
        Geometric mean of accessibility and H3K27ac, their means over the element; the one of them that the
        dataset has, or 1 without either. It is not normalised to other cells, since only pairs of one dataset
        are compared, and does not grow with the element's width, since elements have any.
    contact : numpy.ndarray
        Of ``diagonal`` maps: the pixel of both bins (the mean of the two next to it at an odd separation), a
        ratio to the expected contact times the power law, or the frequency where the map holds that. Of a
        ``stripe``: its ratio times the power law. The power law alone beyond the map, for other kinds of map,
        and without contacts.
    source : str
        ``contact map`` or ``power law``.

    References
    ----------
    Fulco et al. 2019, doi 10.1038/s41588-019-0538-0
    """
    contact, source = _contact_of_pairs(pairs, spec, folders, split=split)
    names = [track.name.upper() for track in spec.tracks]
    accessible = [row for row, name in enumerate(names) if name.startswith(_ACCESSIBILITY)][:1]
    marks = accessible + [row for row, name in enumerate(names) if name == _ACTIVE]
    activity = np.ones(len(pairs))
    starts, ends = (
        (pairs[f"element_{edge}"] - pairs["tss"]).to_numpy() for edge in ("start", "end")
    )
    for gene, rows in pairs.groupby("gene_id", sort=False).indices.items() if marks else ():
        landscape = read_landscapes(folders, spec, [str(gene)], split=split)[0][marks]
        for row in rows:
            span = covered_bins(starts[row], ends[row], spec.window.binning)
            levels = np.maximum(span_mean(landscape, span), 0.0)
            activity[row] = np.prod(levels) ** (1 / len(marks))
    return activity, contact, source


def _contact_of_pairs(
    pairs: pd.DataFrame, spec: DatasetSpec, folders: DatasetFolders, *, split: Split
) -> tuple[np.ndarray, str]:
    contact = power_law_contact(pairs["distance_bp"].to_numpy())
    shape = spec.contacts_shape if spec.contacts else None
    if spec.contacts is None or not isinstance(shape, DiagonalMap | StripeMap):
        return contact, "power law"
    size = spec.contacts.resolution
    tss = pairs["tss"].to_numpy()
    bins = (tss + pairs["distance_bp"].to_numpy()) // size - tss // size
    for gene, rows in pairs.groupby("gene_id", sort=False).indices.items():
        stored = read_arrays(folders, [str(gene)], split=split, modality="contacts")[0]
        if isinstance(shape, StripeMap):
            ratio = _ratio(stored[0])
            for row in rows:
                if abs(bins[row]) <= shape.half:
                    contact[row] *= ratio[shape.half + bins[row]]
            continue
        values = 10.0**stored if spec.contacts.value == "log10" else _ratio(stored)
        for row in rows:
            near = {int(bins[row]) // 2, -(-int(bins[row]) // 2)}
            cells = [(abs(m), shape.half + m) for m in near if abs(m) < min(shape.rows, shape.half)]
            if not cells:
                continue
            met = float(np.mean([values[cell] for cell in cells]))
            contact[row] = met if spec.contacts.value == "log10" else met * contact[row]
    return contact, "contact map"


def _ratio(stored: np.ndarray) -> np.ndarray:
    """Return observed over expected of a ``log_oe`` map."""
    return np.maximum(2.0 ** stored.astype(np.float64) * (1 + PSEUDO) - PSEUDO, 0.0)
