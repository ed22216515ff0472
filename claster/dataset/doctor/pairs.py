"""Signal files held against each other, against the genes, and against those of another dataset."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

from claster.dataset.doctor.findings import Finding, count_of, number, percent
from claster.dataset.doctor.signals import SignalUse
from claster.dataset.scale import SignalScale, rescaling, spread_evenly
from claster.dataset.spec import DatasetSpec
from claster.errors import ClasterError
from claster.signal.bigwig import BigWig

_GENES = 100
_FEWEST_GENES = 10
_LARGEST_RATIO = 3.0
_EXCHANGED = 1 / 3


def sense_fractions(
    plus: BigWig, minus: BigWig, genes: pd.DataFrame, *, minus_sign: float
) -> np.ndarray:
    """Return the share of the signal in gene bodies that lies on the gene's own strand.

    Parameters
    ----------
    plus, minus
        The open files of the pair.
    genes
        Gene table (`chrom`, `start`, `end` 0-based half-open, `strand`), on chromosomes that both hold;
        at most 100 genes are read, evenly spread.
    minus_sign
        -1.0 where the minus file holds negative values.

    Returns
    -------
    numpy.ndarray
        float64, shape (genes with signal,), 0 to 1.
    """
    shares = []
    for gene in spread_evenly(genes, _GENES).itertuples(index=False):
        forward, backward = (
            max(
                sign
                * float(track.bins(gene.chrom, gene.start, bins=1, size=gene.end - gene.start)[0]),
                0.0,
            )
            for track, sign in ((plus, 1.0), (minus, minus_sign))
        )
        own = forward if gene.strand == "+" else backward
        if forward + backward > 0:
            shares.append(own / (forward + backward))
    return np.array(shares)


def check_sense(
    shares: np.ndarray, strands: Literal["sum", "sense", "apart"], *, item: str
) -> Finding | None:
    """Tell whether genes have their signal on their own strand; None with fewer than 10 genes.

    Check ``sense``. Exchanged files (under a third of the signal on the gene's strand) are worth a note
    where the target is the `strands`' ``sum``, which is the same for both orders. They are a fault where
    strands are told apart: the build refuses them (`require_sense`).
    """
    if len(shares) < _FEWEST_GENES:
        return None
    middle = float(np.median(shares))
    seen = (
        f"in {count_of(len(shares), 'gene')} a median of {percent(middle)} of the signal lies on "
        "the gene's strand"
    )
    if middle >= 0.5:
        return Finding(item, "", "sense", "fine", seen)
    if middle >= _EXCHANGED:
        seen += ": the strands hardly differ in genes"
        if strands == "sum":
            return Finding(item, "", "sense", "note", seen)
        remedy = "check that both files come from a stranded assay"
        return Finding(item, "", "sense", "warning", seen, remedy)
    seen += ": plus and minus look exchanged"
    if strands == "sum":
        remedy = "check which file is which strand; 'strands: sum' gives the same for both orders"
        return Finding(item, "", "sense", "note", seen, remedy)
    remedy = "exchange 'plus' and 'minus' (and 'minus_values' with them), or write 'strands: sum'"
    return Finding(
        item, "", "sense", "fault", f"{seen}, and 'strands: {strands}' tells them apart", remedy
    )


def require_sense(
    pair: Sequence[tuple[BigWig, float]],
    genes: pd.DataFrame,
    strands: Literal["sense", "apart"],
    *,
    item: str,
) -> None:
    """Raise `ClasterError` where the strands of a target that tells them apart look exchanged.

    Parameters
    ----------
    pair
        Plus and minus, open, with the sign that makes their values positive.
    genes
        Gene table (0-based half-open) with the assembly's chromosome names.
    strands, item
        See `check_sense`.
    """
    (plus, _), (minus, sign) = pair
    here = genes[genes["chrom"].map(plus.has) & genes["chrom"].map(minus.has)]
    shares = sense_fractions(plus, minus, here, minus_sign=sign)
    finding = check_sense(shares, strands, item=item)
    if finding and finding.verdict == "fault":
        raise ClasterError(f"{item}: {finding.evidence}", remedy=finding.remedy)


def check_balance(plus: SignalScale, minus: SignalScale, *, item: str) -> Finding:
    """Tell whether the two strands are about as deep. Check ``balance``: a warning beyond 3 times."""
    seen = f"mean {number(plus.mean)} on plus and {number(minus.mean)} on minus"
    if plus.mean > 0 and minus.mean > 0:
        ratio = plus.mean / minus.mean
        if 1 / _LARGEST_RATIO <= ratio <= _LARGEST_RATIO:
            return Finding(item, "", "balance", "fine", seen)
        seen += f": plus is {_times(ratio)}"
    return Finding(
        item,
        "",
        "balance",
        "warning",
        seen,
        "check that both files come from one sample and are normalised alike",
    )


def _times(ratio: float) -> str:
    """Return how many times larger or smaller something is.

    Examples
    --------
    >>> _times(10.2), _times(0.1), _times(1.04)
    ('10 times larger', '10 times smaller', 'as large')
    """
    if 0.95 < ratio < 1.05:
        return "as large"
    factor = ratio if ratio > 1 else 1 / ratio
    return (
        f"{factor:.2g} times {'larger' if ratio > 1 else 'smaller'}"
        if factor < 100
        else (f"{factor:,.0f} times {'larger' if ratio > 1 else 'smaller'}")
    )


def check_tracks(spec: DatasetSpec, trained: Sequence[str], *, named: str) -> list[Finding]:
    """Compare names and order of the tracks with those that a model was trained on. Check ``tracks``."""
    have = [track.name for track in spec.tracks]
    if not trained or have == list(trained):
        return []
    wanted, place = ", ".join(trained), spec.place("tracks")
    reads = "it cannot read this dataset"
    if set(have) <= set(trained):
        reads = "it reads this dataset only if it was trained with --drop-tracks"
    return [
        Finding(
            "tracks",
            "",
            "tracks",
            "warning",
            f"{', '.join(have)} here, {wanted} in {named or 'the model'}: {reads}",
            f"name the tracks {wanted}, in this order ({place})",
        )
    ]


def check_scale(
    scale: SignalScale, reference: SignalScale, use: SignalUse, *, named: str
) -> Finding:
    """Compare how large a track is with a reference.

    Check ``scale``: a warning when the 99 % quantiles (means where one is 0) differ by more than 3 times, a
    note when others do. Both tell what makes the track like the reference (`rescaling`).
    """
    ratio = _scale_ratio(scale, reference)
    kind, points = rescaling(scale, reference)
    line = ", ".join(f"[{here:.4g}, {there:.4g}]" for here, there in points)
    mended = f"'rescale: [{line}]' makes it alike by {kind} ({use.place})" if points else ""
    named = f"in {named}" if named else "the tracks that the model was trained on"
    seen = f"99 % of bins below {number(scale.q99)} against {number(reference.q99)}, "
    seen += f"mean {number(scale.mean)} against {number(reference.mean)}"
    if 1 / _LARGEST_RATIO <= ratio <= _LARGEST_RATIO:
        seen = f"{_times(ratio)} {_than(ratio)} {named} ({seen})"
        uneven = [
            pair for pair in points if not 1 / _LARGEST_RATIO <= pair[1] / pair[0] <= _LARGEST_RATIO
        ]
        if not uneven:
            return use.found("scale", "fine", seen)
        return use.found("scale", "note", f"{seen}, but not so at {number(uneven[0][0])}; {mended}")
    return use.found(
        "scale",
        "warning",
        f"{_times(ratio)} than {named} ({seen})",
        "; or ".join(
            filter(
                None,
                [
                    f"normalise the track as those were, or multiply its values by {number(1 / ratio)}",
                    mended,
                ],
            )
        ),
    )


def _scale_ratio(scale: SignalScale, reference: SignalScale) -> float:
    """Return how many times larger `scale` is than `reference`.

    It is the ratio of the 99 % quantiles, of the means where one of those is 0, and 1 where a mean is
    0 too: nothing can be said then.
    """
    for found, wanted in ((scale.q99, reference.q99), (scale.mean, reference.mean)):
        if found > 0 and wanted > 0:
            return found / wanted
    return 1.0


def _than(ratio: float) -> str:
    return "as" if _times(ratio) == "as large" else "than"
