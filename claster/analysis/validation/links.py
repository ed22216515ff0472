"""The simple predictors of element-gene links: contact by distance or map, and activity by contact."""

import numpy as np
import pandas as pd

from claster.contacts.maps import PSEUDO, DiagonalMap
from claster.contacts.stripe import StripeMap
from claster.dataset.layout import DatasetFolders, Split, read_arrays
from claster.dataset.spec import DatasetSpec

__all__ = [
    "activity_by_contact",
    "contact_of_pairs",
    "power_law",
]

_SHORTEST = 5_000
_EXPONENT = 1.024238616787792


def power_law(distance: np.ndarray) -> np.ndarray:
    """Return the contact that a distance in bp leads to: d to the -1.02, nearer ones as 5 kb.

    References
    ----------
    Exponent of the ABC model, https://github.com/broadinstitute/ABC-Enhancer-Gene-Prediction
    """
    return np.maximum(np.abs(distance), _SHORTEST).astype(np.float64) ** -_EXPONENT


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
        a ratio to the expected contact times `power_law`, or the frequency where the map holds that. Of a
        ``stripe``: its ratio times `power_law`. `power_law` alone beyond the map, for other kinds of map, and
        without contacts.
    source : str
        ``contact map`` or ``power law``.
    """
    contact = power_law(pairs["distance_bp"].to_numpy())
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


def activity_by_contact(pairs: pd.DataFrame, contact: np.ndarray) -> np.ndarray:
    """Return the ABC score: activity times contact, as a share of the sum over the gene's elements.

    Parameters
    ----------
    pairs
        `gene_id` and `activity` (mean H3K27ac of the element), all elements of each gene.
    contact
        Of each pair.

    References
    ----------
    Fulco et al. 2019, doi 10.1038/s41588-019-0538-0. Activity there is the geometric mean of H3K27ac and
    accessibility.

    Examples
    --------
    >>> pairs = pd.DataFrame({"gene_id": ["G", "G"], "activity": [30.0, 10.0]})
    >>> activity_by_contact(pairs, np.array([1.0, 1.0])).tolist()
    [0.75, 0.25]
    """
    product = pairs["activity"].to_numpy() * contact
    total = pd.Series(product).groupby(pairs["gene_id"].to_numpy()).transform("sum").to_numpy()
    return np.divide(product, total, out=np.zeros(len(pairs)), where=total > 0)


def _ratio(stored: np.ndarray) -> np.ndarray:
    """Return observed over expected of a ``log_oe`` map."""
    return np.maximum(2.0 ** stored.astype(np.float64) * (1 + PSEUDO) - PSEUDO, 0.0)
