"""Activity by contact as the ABC repository defines it: normalised activity, adjusted contact, score."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from claster.analysis.perturbation.edits import covered_bins, span_mean
from claster.contacts.matrix import ContactMatrix, open_contacts, read_band
from claster.contacts.shapes import PSEUDO, DiagonalMap, StripeMap
from claster.dataset.layout import DatasetFolders, read_arrays
from claster.dataset.spec import DatasetSpec
from claster.dataset.track_scales import read_landscapes
from claster.genome.assembly import match_chromosomes
from claster.settings import Split

REACH = 5_000_000
"""Elements within this many bp of a gene's TSS share its activity by contact, as in ABC."""

_RESOLUTION = 5_000
_SHORTEST = 5_000
_EXPONENT = 1.024238616787792
_SCALE = 5.9594510043736655
_REFERENCE_EXPONENT = 0.87
_REFERENCE_SCALE = -4.80 + 11.63 * _REFERENCE_EXPONENT


def normalized_signal(
    counts: np.ndarray, promoter: np.ndarray, reference: pd.DataFrame, *, column: str
) -> np.ndarray:
    """Return the reference's value at the rank of each element, promoters and others apart.

    Parameters
    ----------
    counts, promoter
        Reads of each element, and whether it is of class promoter, shape (elements,).
    reference
        `EnhancersQNormRef`: `enh_class` (``promoter``, ``nonpromoter``), `rank`, and `column`.
    column
        Such as ``DHS.RPM``.

    Returns
    -------
    numpy.ndarray
        Reads per million of the reference, 0 or more. Ties take their mean rank; ranks beyond the
        reference follow its first or last two points.

    References
    ----------
    https://github.com/broadinstitute/ABC-Enhancer-Gene-Prediction, `run_qnorm`
    """
    normalized = np.zeros(len(counts))
    for name, rows in (("promoter", promoter), ("nonpromoter", ~promoter)):
        if not rows.any():
            continue
        points = reference[reference["enh_class"] == name].sort_values("rank")
        x, y = points["rank"].to_numpy(float), points[column].to_numpy(float)
        rank = rows.sum() - pd.Series(counts[rows]).rank(method="average").to_numpy()
        piece = np.clip(np.searchsorted(x, rank) - 1, 0, len(x) - 2)
        slope = (y[piece + 1] - y[piece]) / (x[piece + 1] - x[piece])
        normalized[rows] = np.maximum(y[piece] + slope * (rank - x[piece]), 0.0)
    return normalized


def power_law_contact(distance: np.ndarray) -> np.ndarray:
    """Return the contact of K562 at a distance in bp; nearer ones count as 5 kb.

    Examples
    --------
    >>> power_law_contact(np.array([0, 5_829])).round(6).tolist()
    [0.063014, 0.053853]
    """
    return np.exp(_SCALE - _EXPONENT * _log_distance(distance))


def adjusted_contact(hic: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """Return Hi-C contact scaled to the reference power law, plus the pseudocount of the distance.

    Parameters
    ----------
    hic, distance
        Contact as ABC reads it from the map, and distance in bp, of each pair.
    """
    near = power_law_contact(distance)
    reference = np.exp(_REFERENCE_SCALE - _REFERENCE_EXPONENT * _log_distance(distance))
    return hic * reference / near + near


def score_pairs(activity: np.ndarray, contact: np.ndarray, genes: np.ndarray) -> np.ndarray:
    """Return activity times contact, as a share of the sum over the gene's pairs; 0 where that is 0.

    Parameters
    ----------
    activity, contact, genes
        Of each pair, all elements within 5 Mb of each gene. ABC's activity is the geometric mean of
        normalised accessibility and H3K27ac.

    References
    ----------
    Fulco et al. 2019, doi 10.1038/s41588-019-0538-0

    Examples
    --------
    >>> score_pairs(np.array([30.0, 10.0]), np.array([1.0, 1.0]), np.array(["G", "G"])).tolist()
    [0.75, 0.25]
    """
    product = activity * contact
    total = pd.Series(product).groupby(np.asarray(genes)).transform("sum").to_numpy()
    return np.divide(product, total, out=np.zeros(len(product)), where=total > 0)


def _log_distance(distance: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(np.abs(distance), _SHORTEST) + 1.0)


def contact_reader(
    path: Path | None, *, sizes: Mapping[str, int], aliases: Mapping[str, str]
) -> Callable[[str, np.ndarray, np.ndarray], np.ndarray]:
    """Return what gives the contact of pairs of a chromosome, from its name, middles and TSSs.

    Parameters
    ----------
    path
        A balanced cool, mcool or hic file with bins of 5 kb; None for the power law of the distance, which
        also stands for chromosomes that the file lacks.
    sizes, aliases
        Lengths in bp of the assembly's chromosomes, and their other names.
    """
    if path is None:
        return lambda _, middle, tss: power_law_contact(middle - tss)
    matrix = open_contacts(path, resolution=_RESOLUTION, balance=True)
    names = match_chromosomes(sizes, matrix.sizes, file=path, named="contacts", aliases=aliases)

    def read(chrom: str, middle: np.ndarray, tss: np.ndarray) -> np.ndarray:
        if chrom not in names:
            return power_law_contact(middle - tss)
        return adjusted_contact(_hic_contact(matrix, names[chrom], middle, tss), middle - tss)

    return read


def _hic_contact(
    matrix: ContactMatrix, chrom: str, middle: np.ndarray, tss: np.ndarray
) -> np.ndarray:
    """Return the balanced contact of the bins of each pair, rows of the chromosome summing to 1 in the mean.

    A bin with itself has the larger contact with a bin beside it, a masked one the power law.

    References
    ----------
    https://github.com/broadinstitute/ABC-Enhancer-Gene-Prediction, `process_hic`
    """
    size, bins = matrix.resolution, matrix.bins(chrom)
    separations = min(REACH // size + 1, bins)
    values = read_band(matrix, chrom, separations=separations, balance=True).values
    values = values / _mean_row(matrix, chrom)
    if separations > 1:
        beside = np.concatenate([[np.nan], values[1, :-1]])
        neighbour = np.fmax(beside, values[1])
        values[0] = np.where(values[0] > 0, neighbour, values[0])
    first = (np.minimum(middle, tss) // size).astype(int)
    apart = (np.maximum(middle, tss) // size).astype(int) - first
    found = values[apart, first]
    return np.where(np.isnan(found), power_law_contact(np.maximum(apart, 1) * size), found)


def _mean_row(matrix: ContactMatrix, chrom: str) -> float:
    """Return the mean sum of the rows that hold contacts, both halves of the matrix counted."""
    bins = matrix.bins(chrom)
    weights = np.nan_to_num(matrix.weights(chrom, balance=True))
    sums = np.zeros(bins)
    for first, second, count in matrix.pixels(chrom, separations=bins):
        here = (first <= second) & (second < bins)
        one, other = first[here], second[here]
        value = count[here] * weights[one] * weights[other]
        sums += np.bincount(one, value, bins)
        sums += np.bincount(other, np.where(one < other, value, 0.0), bins)
    return float(sums[sums > 0].mean())


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
