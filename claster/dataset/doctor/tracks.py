"""Examine one bigWig of a dataset, or the two of a strand pair."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

from claster.dataset.doctor.findings import Finding, as_fault, number
from claster.dataset.doctor.pairs import check_balance, check_sense, sense_fractions
from claster.dataset.doctor.promoters import PromoterSignal, measure_promoters
from claster.dataset.doctor.setting import Setting, check_chromosomes, places_without_genes
from claster.dataset.doctor.signal_facts import read_signal_facts
from claster.dataset.doctor.signals import SignalUse, check_intervals, check_sign, check_values
from claster.dataset.doctor.spread import NEARLY_WHOLE, Spread, measure_spread
from claster.dataset.scale import MOST_WINDOWS, SignalScale, measure_scale, spread_evenly
from claster.dataset.sources import masked_regions
from claster.errors import ClasterError
from claster.signal.bigwig import BigWig

_LOWEST_R = 0.8


@dataclass(frozen=True)
class ExaminedSignal:
    """What an examination of one bigWig gave.

    Attributes
    ----------
    use
        What the file is used for.
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
    file = str(use.path)
    scale = at_promoters = None
    try:
        with BigWig(use.path, named=use.label) as track:
            names, chromosomes = check_chromosomes(track.sizes, setting, item=use.label, file=file)
            known, centres = (names, setting.centres) if names else _own_places(track, use)
            track.rename(dict(known))
            if use.track and names:
                track.mask(masked_regions(setting.blacklist))
            facts = read_signal_facts(
                use.path, known, centres, width=use.window.width, named=use.label
            )
            spread = measure_spread(
                facts.blocks,
                centres,
                held=known,
                window=use.window,
                gap=setting.spec.window.binning.width,
            )
            length = int((spread.islands["end"] - spread.islands["start"]).sum())
            covered = min(facts.bases / length, 1.0) if length else 0.0
            if names and facts.is_finite:
                scale = _scale(track, centres, spread, use, setting)
                if "strand" in centres:
                    at_promoters = measure_promoters(track, centres, sign=use.sign)
    except ClasterError as error:
        return ExaminedSignal(use, [as_fault(error, item=use.label, file=file, check="kind")])
    findings = [
        chromosomes,
        *check_values(facts, use, scale, covered=covered),
        *check_sign(facts, use),
    ]
    if names:
        findings += check_intervals(facts, use, setting, covered=covered)
    if at_promoters is not None:
        seen = f"{number(at_promoters.at)} times the signal at TSSs that lies 5 to 10 kb away"
        findings.append(use.found("promoters", "fine", seen))
    return ExaminedSignal(use, findings, names, spread if names else None, scale, at_promoters)


def examine_pair(
    item: str,
    plus: ExaminedSignal,
    minus: ExaminedSignal,
    genes: pd.DataFrame | None,
    strands: Literal["sum", "sense", "apart"],
) -> list[Finding]:
    """Hold the two files of a strand pair against each other and the genes.

    Parameters
    ----------
    item
        What messages call the pair ("target ctrl").
    genes
        Gene table (0-based half-open) with the assembly's names, or None where there is none.
    strands
        What becomes of the pair (`TargetSpec.strands`).
    """
    if any(finding.verdict == "fault" for finding in (*plus.findings, *minus.findings)):
        return []
    results = []
    if plus.scale and minus.scale:
        results.append(check_balance(plus.scale, minus.scale, item=item))
    held = plus.names.keys() & minus.names.keys()
    if genes is not None and held:
        with (
            BigWig(plus.use.path, named=plus.use.label) as forward,
            BigWig(minus.use.path, named=minus.use.label) as backward,
        ):
            forward.rename(dict(plus.names))
            backward.rename(dict(minus.names))
            try:
                shares = sense_fractions(
                    forward,
                    backward,
                    genes[genes["chrom"].isin(held)],
                    minus_sign=minus.use.sign,
                )
            except ClasterError as error:
                return [*results, as_fault(error, item=item, file="", check="kind")]
        if finding := check_sense(shares, strands, item=item):
            results.append(finding)
    return results


def examine_replicates(replicates: Sequence[ExaminedSignal], setting: Setting) -> list[Finding]:
    """Tell how well the replicates of a track agree. Check ``replicates``.

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
    item, pairs = f"track {read[0].use.track}", r[np.triu_indices(len(r), 1)]
    seen = f"Pearson r of {len(read)} replicates (log(1 + x), {read[0].use.window.size} bp bins) "
    low, high = number(pairs.min()), number(pairs.max())
    seen += low if low == high else f"{low} to {high}"
    if pairs.min() >= _LOWEST_R:
        return [Finding(item, "", "replicates", "fine", seen)]
    means = np.nanmean(r, axis=0)
    worst = int(means.argmin())
    others = np.delete(np.delete(r, worst, axis=0), worst, axis=1)
    if len(read) > 2 and np.nanmin(others) >= _LOWEST_R:
        odd = read[worst].use
        seen += f": {odd.file} agrees with no other (mean r {number(means[worst])})"
        remedy = f"look at {odd.file}, or leave it out of 'files'"
    else:
        remedy = "look at the files before their mean is used, or give the better one as 'file'"
    return [Finding(item, "", "replicates", "warning", seen, remedy)]


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


def _own_places(track: BigWig, use: SignalUse) -> tuple[dict[str, str], pd.DataFrame]:
    """Return the file's own chromosomes and places on them: for a file of another assembly."""
    return {name: name for name in track.sizes}, places_without_genes(
        track.sizes, half=use.window.half
    )


def _scale(
    track: BigWig, centres: pd.DataFrame, spread: Spread, use: SignalUse, setting: Setting
) -> SignalScale | None:
    """Return the scale in windows with data, None where there is no window at all."""
    rescale = next((t.rescale for t in setting.spec.tracks if t.name == use.track), None)
    inside = centres[spread.windows["inside"] >= NEARLY_WHOLE]
    if inside.empty:
        inside = centres[~spread.windows["empty"]]
    if inside.empty:
        return None
    return measure_scale(
        track,
        inside,
        bin=use.window.size,
        bins=use.window.bins,
        summary=setting.spec.summary,
        sign=use.sign,
        rescale=rescale,
    )
