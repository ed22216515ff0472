"""Examine the bigWigs of a dataset: each one, and held against each other, the genes and a reference."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

from claster.dataset.doctor.findings import Finding, Item, count_of, number, percent
from claster.dataset.doctor.setting import Setting, check_chromosomes, places_without_genes
from claster.dataset.doctor.signal_facts import (
    PromoterSignal,
    measure_promoters,
    read_signal_facts,
)
from claster.dataset.doctor.signals import SignalUse, check_intervals, check_sign, check_values
from claster.dataset.doctor.spread import Spread, measure_spread
from claster.dataset.scale import (
    MOST_WINDOWS,
    SignalScale,
    measure_scale,
    rescaling,
    spread_evenly,
)
from claster.dataset.sources import masked_regions
from claster.dataset.spec import DatasetSpec
from claster.errors import ClasterError
from claster.signal.bigwig import BigWig

_LOWEST_R = 0.8
_GENES = 100
_FEWEST_GENES = 10
_LARGEST_RATIO = 3.0
_EXCHANGED = 1 / 3

_Strands = Literal["sum", "sense", "apart"]


@dataclass(frozen=True)
class ExaminedSignal:
    """What an examination of one bigWig gave.

    Attributes
    ----------
    findings
        In the order in which they were made.
    names
        The file's name of each chromosome with genes; empty where the file belongs to another assembly.
    spread
        How the windows lie to its data; None where that could not be told.
    scale
        How large its values are; None where they cannot be read.
    at_promoters
        How its signal lies to genes; None where too few tell, or none could be read.
    """

    use: SignalUse
    findings: list[Finding]
    names: Mapping[str, str] = field(default_factory=dict)
    spread: Spread | None = None
    scale: SignalScale | None = None
    at_promoters: PromoterSignal | None = None


def examine_signal(use: SignalUse, setting: Setting) -> ExaminedSignal:
    """Look into one bigWig; faults become findings."""
    scale = at_promoters = None
    try:
        with BigWig(use.path, named=use.label) as track:
            names, chromosomes = check_chromosomes(track.sizes, setting, use)
            known, centres = names, setting.centres
            if not names:  # a file of another assembly: its own chromosomes and places on them
                known = {name: name for name in track.sizes}
                centres = places_without_genes(track.sizes, half=use.window.half)
            track.rename(dict(known))
            if use.track and names:
                track.mask(masked_regions(setting.blacklist))
            facts = read_signal_facts(
                use.path, known, centres, width=use.window.width, named=use.label
            )
            gap = setting.spec.window.binning.width
            spread = measure_spread(facts.blocks, centres, held=known, window=use.window, gap=gap)
            length = int((spread.islands["end"] - spread.islands["start"]).sum())
            covered = min(facts.bases / length, 1.0) if length else 0.0
            if names and facts.is_finite:
                scale = _scale(track, spread.centres_with_data(centres), use, setting)
                if "strand" in centres:
                    at_promoters = measure_promoters(track, centres, sign=use.sign)
    except ClasterError as error:
        return ExaminedSignal(use, [use.fault(error, "kind")])
    findings = [chromosomes, *check_values(facts, use, scale, covered=covered)]
    findings += check_sign(facts, use)
    if names:
        findings += check_intervals(facts, use, setting, covered=covered)
    if at_promoters is not None:
        seen = f"{number(at_promoters.at)} times the signal at TSSs that lies 5 to 10 kb away"
        findings.append(use.found("promoters", "fine", seen))
    return ExaminedSignal(use, findings, names, spread if names else None, scale, at_promoters)


def _scale(
    track: BigWig, centres: pd.DataFrame, use: SignalUse, setting: Setting
) -> SignalScale | None:
    """Return the scale in windows with data, None where there is no window at all."""
    if centres.empty:
        return None
    return measure_scale(
        track,
        centres,
        bin=use.window.size,
        bins=use.window.bins,
        summary=setting.spec.summary,
        sign=use.sign,
        rescale=next((t.rescale for t in setting.spec.tracks if t.name == use.track), None),
    )


def examine_pair(
    label: str,
    plus: ExaminedSignal,
    minus: ExaminedSignal,
    genes: pd.DataFrame | None,
    strands: _Strands,
) -> Iterator[Finding]:
    """Hold the two files of a strand pair against each other and the genes.

    Parameters
    ----------
    label
        What messages call the pair ("target ctrl").
    genes
        Gene table (0-based half-open) with the assembly's names, or None where there is none.
    """
    if any(finding.verdict == "fault" for finding in (*plus.findings, *minus.findings)):
        return
    item = Item(label)
    if plus.scale and minus.scale:
        yield check_balance(plus.scale, minus.scale, item)
    held = plus.names.keys() & minus.names.keys()
    if genes is None or not held:
        return
    with (
        BigWig(plus.use.path, named=plus.use.label) as forward,
        BigWig(minus.use.path, named=minus.use.label) as backward,
    ):
        forward.rename(dict(plus.names))
        backward.rename(dict(minus.names))
        here = genes[genes["chrom"].isin(held)]
        try:
            yield from _check_sense(forward, backward, here, strands, item, sign=minus.use.sign)
        except ClasterError as error:
            yield item.fault(error, "kind")


def _check_sense(
    plus: BigWig, minus: BigWig, genes: pd.DataFrame, strands: _Strands, item: Item, *, sign: float
) -> list[Finding]:
    """Tell whether genes, on chromosomes that both files hold, have their signal on their own strand.

    Nothing is said of fewer than 10 genes. Exchanged files (under a third of the signal on the gene's strand)
    are worth a note where the target is the `strands`' ``sum``, which is the same for both orders. They are a
    fault where strands are told apart: the build refuses them. `sign` makes the values of minus positive.
    """
    shares = []
    for gene in spread_evenly(genes, _GENES).itertuples(index=False):
        length = gene.end - gene.start
        forward, backward = (
            max(factor * float(track.bins(gene.chrom, gene.start, bins=1, size=length)[0]), 0.0)
            for track, factor in ((plus, 1.0), (minus, sign))
        )
        own = forward if gene.strand == "+" else backward
        if forward + backward > 0:
            shares.append(own / (forward + backward))
    if len(shares) < _FEWEST_GENES:
        return []
    middle = float(np.median(shares))
    seen = (
        f"in {count_of(len(shares), 'gene')} a median of {percent(middle)} of the signal lies on "
        "the gene's strand"
    )
    if middle >= 0.5:
        return [item.found("sense", "fine", seen)]
    if middle >= _EXCHANGED:
        seen += ": the strands hardly differ in genes"
        if strands == "sum":
            return [item.found("sense", "note", seen)]
        remedy = "check that both files come from a stranded assay"
        return [item.found("sense", "warning", seen, remedy)]
    seen += ": plus and minus look exchanged"
    if strands == "sum":
        remedy = "check which file is which strand; 'strands: sum' gives the same for both orders"
        return [item.found("sense", "note", seen, remedy)]
    seen += f", and 'strands: {strands}' tells them apart"
    remedy = "exchange 'plus' and 'minus' (and 'minus_values' with them), or write 'strands: sum'"
    return [item.found("sense", "fault", seen, remedy)]


def require_sense(
    pair: Sequence[tuple[BigWig, float]], genes: pd.DataFrame, strands: _Strands, *, label: str
) -> None:
    """Raise `ClasterError` where the strands of a target that tells them apart look exchanged.

    Parameters
    ----------
    pair
        Plus and minus, open, with the sign that makes their values positive.
    genes
        Gene table (0-based half-open) with the assembly's chromosome names.
    """
    (plus, _), (minus, sign) = pair
    here = genes[genes["chrom"].map(plus.has) & genes["chrom"].map(minus.has)]
    for finding in _check_sense(plus, minus, here, strands, Item(label), sign=sign):
        if finding.verdict == "fault":
            raise ClasterError(f"{label}: {finding.evidence}", remedy=finding.remedy)


def check_balance(plus: SignalScale, minus: SignalScale, item: Item) -> Finding:
    """Tell whether the two strands are about as deep: a warning beyond 3 times."""
    seen = f"mean {number(plus.mean)} on plus and {number(minus.mean)} on minus"
    if plus.mean > 0 and minus.mean > 0:
        ratio = plus.mean / minus.mean
        if _is_alike(ratio):
            return item.found("balance", "fine", seen)
        seen += f": plus is {_times(ratio)}"
    remedy = "check that both files come from one sample and are normalised alike"
    return item.found("balance", "warning", seen, remedy)


def examine_replicates(replicates: Sequence[ExaminedSignal], setting: Setting) -> list[Finding]:
    """Tell how well the replicates of a track agree.

    Compared is log(1 + mean) of the landscape's bins in at most `MOST_WINDOWS` windows, by Pearson r. It is a
    warning where two files have less than 0.8 (three files of H3K27ac in K562 have 0.92 on their elements);
    of three or more, the file that the others do not agree with is named.
    """
    read = [signal for signal in replicates if signal.scale]
    if len(read) < 2:
        return []
    held = set.intersection(*(set(signal.names) for signal in read))
    here = setting.centres[setting.centres["chrom"].isin(held)]
    if here.empty:
        return []
    with np.errstate(invalid="ignore"):  # r of a file without signal is 0
        r = np.corrcoef([_logs(signal, spread_evenly(here, MOST_WINDOWS)) for signal in read])
    r = np.nan_to_num(r)
    np.fill_diagonal(r, np.nan)
    item, pairs = Item(f"track {read[0].use.track}"), r[np.triu_indices(len(r), 1)]
    seen = f"Pearson r of {len(read)} replicates (log(1 + x), {read[0].use.window.size} bp bins) "
    low, high = number(pairs.min()), number(pairs.max())
    seen += low if low == high else f"{low} to {high}"
    if pairs.min() >= _LOWEST_R:
        return [item.found("replicates", "fine", seen)]
    means = np.nanmean(r, axis=0)
    worst = int(means.argmin())
    others = np.delete(np.delete(r, worst, axis=0), worst, axis=1)
    remedy = "look at the files before their mean is used, or give the better one as 'file'"
    if len(read) > 2 and np.nanmin(others) >= _LOWEST_R:
        odd = read[worst].use
        seen += f": {odd.file} agrees with no other (mean r {number(means[worst])})"
        remedy = f"look at {odd.file}, or leave it out of 'files'"
    return [item.found("replicates", "warning", seen, remedy)]


def _logs(signal: ExaminedSignal, centres: pd.DataFrame) -> np.ndarray:
    """Return log(1 + mean) of all bins of some windows, negative means set to 0."""
    window = signal.use.window
    with BigWig(signal.use.path, named=signal.use.label) as track:
        track.rename(dict(signal.names))
        means = [
            track.bins(chrom, tss - window.half, bins=window.bins, size=window.size)
            for chrom, tss in centres[["chrom", "tss"]].itertuples(index=False)
        ]
    return np.log1p(np.maximum(np.concatenate(means), 0.0))


def check_promoters(found: Sequence[PromoterSignal | None], setting: Setting) -> list[Finding]:
    """Warn where no track or target file has its signal at genes, and enough genes tell."""
    told = [signal for signal in found if signal is not None]
    if not told or any(signal.knows_genes for signal in told):
        return []
    most = max(signal.at for signal in told)
    seen = (
        f"no file has more signal at TSSs (at most {number(most)} times that 5 to 10 kb away) or in genes: "
        "the gene table is of another assembly than the tracks, or none of them marks active genes"
    )
    remedy = (
        f"check that gene table and tracks are all of {setting.assembly}; with ATAC, DNase, H3K4me3 or "
        "H3K27ac among the tracks they are not"
    )
    return [Item("tracks").found("promoters", "warning", seen, remedy)]


def check_tracks(spec: DatasetSpec, trained: Sequence[str], *, named: str) -> list[Finding]:
    """Compare names and order of the tracks with those that a model was trained on."""
    have = [track.name for track in spec.tracks]
    if not trained or have == list(trained):
        return []
    wanted = ", ".join(trained)
    reads = "it cannot read this dataset"
    if set(have) <= set(trained):
        reads = "it reads this dataset only if it was trained with --drop-tracks"
    seen = f"{', '.join(have)} here, {wanted} in {named or 'the model'}: {reads}"
    remedy = f"name the tracks {wanted}, in this order ({spec.place('tracks')})"
    return [Item("tracks").found("tracks", "warning", seen, remedy)]


def check_scale(
    scale: SignalScale, reference: SignalScale, use: SignalUse, *, named: str
) -> Finding:
    """Compare how large a track is with a reference.

    A warning when the 99 % quantiles (means where one is 0) differ by more than 3 times, a note when others
    do. Both tell what makes the track like the reference (`rescaling`).
    """
    ratio = _scale_ratio(scale, reference)
    kind, points = rescaling(scale, reference)
    line = ", ".join(f"[{here:.4g}, {there:.4g}]" for here, there in points)
    mended = f"'rescale: [{line}]' makes it alike by {kind} ({use.place})" if points else ""
    times, than = _times(ratio), "as" if _times(ratio) == "as large" else "than"
    named = f"in {named}" if named else "the tracks that the model was trained on"
    seen = (
        f"{times} {than} {named} (99 % of bins below {number(scale.q99)} against "
        f"{number(reference.q99)}, mean {number(scale.mean)} against {number(reference.mean)})"
    )
    if _is_alike(ratio):
        uneven = [here for here, there in points if not _is_alike(there / here)]
        if not uneven:
            return use.found("scale", "fine", seen)
        return use.found("scale", "note", f"{seen}, but not so at {number(uneven[0])}; {mended}")
    remedy = f"normalise the track as those were, or multiply its values by {number(1 / ratio)}"
    return use.found("scale", "warning", seen, f"{remedy}; or {mended}" if mended else remedy)


def _scale_ratio(scale: SignalScale, reference: SignalScale) -> float:
    """Return how many times larger `scale` is than `reference`.

    It is the ratio of the 99 % quantiles, of the means where one of those is 0, and 1 where a mean is
    0 too: nothing can be said then.
    """
    for found, wanted in ((scale.q99, reference.q99), (scale.mean, reference.mean)):
        if found > 0 and wanted > 0:
            return found / wanted
    return 1.0


def _is_alike(ratio: float) -> bool:
    return 1 / _LARGEST_RATIO <= ratio <= _LARGEST_RATIO


def _times(ratio: float) -> str:
    """Return how many times larger or smaller something is.

    Examples
    --------
    >>> _times(10.2), _times(0.1), _times(1.04), _times(2500)
    ('10 times larger', '10 times smaller', 'as large', '2,500 times larger')
    """
    if 0.95 < ratio < 1.05:
        return "as large"
    factor = max(ratio, 1 / ratio)
    times = f"{factor:.2g}" if factor < 100 else f"{factor:,.0f}"
    return f"{times} times {'larger' if ratio > 1 else 'smaller'}"
