"""How often element and TSS meet: by the built contact map, or by distance."""

import numpy as np
import pandas as pd

from claster.analysis.abc import power_law_contact
from claster.contacts.maps import PSEUDO, DiagonalMap
from claster.contacts.stripe import StripeMap
from claster.dataset.layout import DatasetFolders, Split, read_arrays
from claster.dataset.spec import DatasetSpec

__all__ = [
    "contact_of_pairs",
]


def contact_of_pairs(
    pairs: pd.DataFrame, spec: DatasetSpec, folders: DatasetFolders, *, split: Split
) -> tuple[np.ndarray, str]:
    """Return how often element and TSS meet.

    Parameters
    ----------
    pairs
        `gene_id`, `tss`, `distance_bp`.
    spec, folders
        The built dataset.
    split
        Where the genes are.

    Returns
    -------
    contact : numpy.ndarray
        Of ``diagonal`` maps: the pixel of both bins (the mean of the two next to it at an odd separation),
        a ratio to the expected contact times the power law, or the frequency where the map holds that. Of a
        ``stripe``: its ratio times the power law. The power law alone beyond the map, for other kinds of map,
        and without contacts.
    source : str
        ``contact map`` or ``power law``.
    """
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
