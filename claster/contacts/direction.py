"""Whether the weights of a cooler multiply or divide: what the file says, held against sums of rows.

Evidence in this order: the column's attribute ``divisive_weights``; a known name (`_DIVISIVE`,
`_MULTIPLYING`); the sums of rows, which a balancing makes nearly equal; else cooler's rule, weights
multiply. Sums of rows that clearly contradict attribute or name are a fault: one of the two is wrong.
"""

from collections.abc import Sequence
from math import isfinite

import h5py
import numpy as np

from claster.errors import ClasterError

Balance = bool | str
"""False for counts as they are, True for the file's usual weights, or the name of weights."""

_BALANCED = ("SCALE", "KR", "ICE", "weight")
"""Normalisations that balance a matrix, first choice first: Juicer's new one, its old one, cooler's."""


def weight_column(balance: Balance) -> str:
    """Return the name of weights in a cooler, ``weight`` unless said otherwise."""
    return balance if isinstance(balance, str) else "weight"


def hic_normalisation(balance: Balance, available: Sequence[str]) -> str:
    """Return the name of a `.hic`'s normalisation; "" if none of those that are there balances.

    Examples
    --------
    >>> hic_normalisation(True, ["VC", "KR"]), hic_normalisation("VC", ["VC", "KR"])
    ('KR', 'VC')
    """
    if isinstance(balance, str):
        return balance
    return next((name for name in _BALANCED if name in available), "")


_DIVISIVE = frozenset(
    f"{reach}{name}" for reach in ("", "GW_", "INTER_") for name in ("KR", "VC", "VC_SQRT", "SCALE")
)
"""Juicer's names: hic2cool, hictk and 4DN carry them over as they are in a `.hic`, where they divide."""

_MULTIPLYING = frozenset({"weight"})
"""What ``cooler balance`` writes."""

_MOST_PIXELS = 1_000_000
_FEWEST_ROWS = 30
_CLEARLY = 0.5
"""Sums of rows decide where they vary at most half as much as the raw ones and the other way round."""

_FAR, _TRANS, _NEXT, _MAIN = range(4)
_SUMMED = [
    [_FAR],
    [_FAR, _NEXT],
    [_FAR, _NEXT, _MAIN],
    [_FAR, _TRANS],
    [_FAR, _TRANS, _NEXT],
    [_FAR, _TRANS, _NEXT, _MAIN],
]
"""Balancing may leave out other chromosomes, the main diagonal, and the next one: each way is tried."""


def weights_divide(store: h5py.Group, name: str, *, label: str) -> bool:
    """Return whether counts are to be divided by the weights of a column.

    Parameters
    ----------
    name
        Column of the bins.
    label
        What messages call the matrix: path and group.

    Raises
    ------
    ClasterError
        If the attribute is not a truth value, or if sums of rows contradict attribute or name.

    Notes
    -----
    Sums are over the whole file up to a million pixels, else over one chromosome, or near the
    diagonal over its start.
    A piece of a map, or weights that balance nothing, leave them undecided.
    """
    column = store["bins"][name]
    declared = _attribute(column, label=label)
    said = f"attribute divisive_weights ({declared})"
    if declared is None and name in _DIVISIVE | _MULTIPLYING:
        declared = name in _DIVISIVE
        said = "name"
    spreads = _measure(store, column[:].astype(np.float64))
    told = _told(*spreads) if spreads else None
    if spreads is None or told is None or declared is None or told == declared:
        return bool(told if declared is None else declared)
    path = label.partition("::")[0]
    ways = {False: "multiply", True: "divide"}
    raw, multiplied, divided = spreads
    raise ClasterError(
        f"contacts: {label}: the weights '{name}' {ways[declared]} by their {said}, but rows have equal "
        f"sums when they {ways[told]} (the sums vary by {raw:.1%} as counts, "
        f"{multiplied:.1%} multiplied, {divided:.1%} divided)",
        remedy='say what they do, on a copy that you may write to: python -c "import h5py; '
        f"h5py.File({path!r}, 'r+')[{column.name!r}].attrs['divisive_weights'] = {told}\"",
    )


def _told(raw: float, multiplied: float, divided: float) -> bool | None:
    """Return whether weights divide by how sums of rows vary, None where these do not decide."""
    if multiplied <= _CLEARLY * min(raw, divided):
        return False
    return True if divided <= _CLEARLY * min(raw, multiplied) else None


def _attribute(column: h5py.Dataset, *, label: str) -> bool | None:
    given = column.attrs.get("divisive_weights")
    if given is None:
        return None
    word = given.decode() if isinstance(given, bytes) else str(given)
    if word.lower() in ("true", "1", "false", "0"):
        return word.lower() in ("true", "1")
    raise ClasterError(
        f"contacts: {label}: the attribute divisive_weights of {column.name} is {word!r}",
        remedy="write True or False there",
    )


def _measure(store: h5py.Group, weights: np.ndarray) -> tuple[float, float, float] | None:
    """Return how sums of rows vary, in the way of summing that tells most; None with too few rows.

    Standard deviation over mean: of counts, multiplied, divided.
    """
    edges = store["indexes/chrom_offset"][:].astype(np.int64)
    chosen = _chosen_rows(store, weights, edges)
    if chosen is None:
        return None
    low, high, pixels = chosen
    # Of a piece of a chromosome, rows whose partners are all in it tell, up to some separation.
    whole = low in edges and high in edges
    margin = 0 if whole else (high - low) // 4
    first, second, count = (
        store["pixels"][column][pixels] for column in ("bin1_id", "bin2_id", "count")
    )
    kept = (first >= low) & (second >= first) & (second < high) & (count > 0)
    if margin:
        kept &= second - first < margin
    first, second, count = (
        values[kept].astype(kind)
        for values, kind in ((first, np.int64), (second, np.int64), (count, np.float64))
    )
    codes = np.repeat(np.arange(edges.size - 1), np.diff(edges))
    apart = second - first
    classes = np.select(
        [apart == 0, codes[first] != codes[second], apart == 1], [_MAIN, _TRANS, _NEXT], _FAR
    )
    usable = np.isfinite(weights) & (weights > 0)
    ways = [np.where(usable, 1.0, 0.0), np.where(usable, weights, 0.0)]
    ways.append(np.divide(1, weights, out=np.zeros(weights.size), where=usable))
    sums = np.empty((3, 4, high - low))
    found = []
    with np.errstate(over="ignore", invalid="ignore"):
        for way, factors in enumerate(ways):
            frequency = count * factors[first] * factors[second]
            for kind in range(4):
                here = classes == kind
                sums[way, kind] = np.bincount(first[here] - low, frequency[here], high - low)
                if kind != _MAIN:
                    sums[way, kind] += np.bincount(second[here] - low, frequency[here], high - low)
        for summed in _SUMMED:
            total = sums[:, summed, margin : high - low - margin].sum(axis=1)
            rows = total[:, total[0] > 0]
            if rows.shape[1] < _FEWEST_ROWS:
                continue
            raw, multiplied, divided = (rows.std(axis=1) / rows.mean(axis=1)).tolist()
            if raw > 0 and isfinite(raw + multiplied + divided):
                found.append((raw, multiplied, divided))
    if len({_told(*spreads) for spreads in found} - {None}) > 1:
        return None
    return min(found, key=lambda spreads: min(spreads[1:]) / spreads[0], default=None)


def _chosen_rows(
    store: h5py.Group, weights: np.ndarray, edges: np.ndarray
) -> tuple[int, int, slice] | None:
    """Return rows (0-based half-open) to sum, and their pixels; None where the index fits neither.

    `edges` are the first rows of the chromosomes, and the end.
    """
    index = store["indexes/bin1_offset"][:].astype(np.int64)
    pixels = len(store["pixels/count"])
    rows = weights.size
    if (
        index.size != rows + 1
        or (index[0], index[-1]) != (0, pixels)
        or (np.diff(index) < 0).any()
        or edges.size == 0
        or (edges[0], edges[-1]) != (0, rows)
        or (np.diff(edges) < 0).any()
    ):
        return None
    if pixels <= _MOST_PIXELS:
        return 0, rows, slice(0, pixels)
    known = np.concatenate([[0], np.cumsum(np.isfinite(weights) & (weights > 0))])
    large = np.flatnonzero(known[edges[1:]] - known[edges[:-1]] >= _FEWEST_ROWS)
    if not large.size:
        return None
    at = large[np.argmin(index[edges[large + 1]] - index[edges[large]])]
    low = int(edges[at])
    high = int(np.searchsorted(index, index[low] + _MOST_PIXELS, side="right")) - 1
    high = min(max(high, low + 1), int(edges[at + 1]))
    return low, high, slice(int(index[low]), int(index[high]))
