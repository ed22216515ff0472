"""What is found in the values of the bigWig files of a dataset."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from claster.dataset.doctor.findings import Finding, Verdict, base_pairs, number, percent
from claster.dataset.doctor.setting import Setting
from claster.dataset.doctor.signal_facts import SignalFacts
from claster.dataset.inventory import Source, list_sources
from claster.dataset.scale import SignalScale
from claster.dataset.signal_settings import SignalFiles
from claster.dataset.spec import DatasetSpec
from claster.genome.windows import Binning

_Strand = Literal["", "plus", "minus"]


@dataclass(frozen=True)
class SignalUse:
    """What a bigWig is used for.

    Attributes
    ----------
    label
        What messages call it ("target ctrl minus").
    path, file
        Where it is, and its name in the YAML.
    strand
        "plus" or "minus" of a pair, "" for an unstranded file.
    sign
        -1.0 where the YAML says that the values are negative.
    window
        The bins that are read from it.
    track
        The row of the landscape that it is, or is a replicate of; "" for a target.
    """

    label: str
    path: Path
    file: str
    strand: _Strand
    sign: float
    place: str
    window: Binning
    track: str

    def found(self, check: str, verdict: Verdict, evidence: str, remedy: str = "") -> Finding:
        """Return a finding about this file."""
        return Finding(self.label, str(self.path), check, verdict, evidence, remedy)


def signal_uses(spec: DatasetSpec) -> list[SignalUse]:
    """Return the use of every bigWig, in the order of the YAML."""
    sources = {source.label: source for source in list_sources(spec)}
    uses = [
        _use(spec, sources[label], strand="", sign=1.0, track=track.name)
        for track in spec.tracks
        for label in track.labels
    ]
    for label, files in _signals(spec):
        if files.file is not None:
            uses.append(_use(spec, sources[label], strand="", sign=1.0))
            continue
        (_, plus_sign), (_, minus_sign) = files.strands
        uses.append(_use(spec, sources[f"{label} plus"], strand="plus", sign=plus_sign))
        uses.append(_use(spec, sources[f"{label} minus"], strand="minus", sign=minus_sign))
    return uses


def strand_pairs(spec: DatasetSpec) -> list[tuple[str, str, str]]:
    """Return what messages call each strand pair, its plus and its minus file."""
    return [
        (label, f"{label} plus", f"{label} minus")
        for label, files in _signals(spec)
        if files.file is None
    ]


def _signals(spec: DatasetSpec) -> list[tuple[str, SignalFiles]]:
    signals: list[tuple[str, SignalFiles]] = []
    for condition in spec.target.conditions if spec.target else ():
        signals.append((f"target {condition.name}", condition))
        if condition.truth:
            signals.append((f"truth {condition.name}", condition.truth))
    return signals


def _use(
    spec: DatasetSpec, source: Source, *, strand: _Strand, sign: float, track: str = ""
) -> SignalUse:
    window = spec.window if track else spec.require_target()
    return SignalUse(
        label=source.label,
        path=source.path,
        file=source.file,
        strand=strand,
        sign=sign,
        place=spec.place(*source.location),
        window=window.binning,
        track=track,
    )


_FLOOR_SHARE = 0.2
_FLOOR_HEIGHT = 0.05
_SPARSE = 0.1
_ELEMENT = 150
_DENSE = 0.5
_CAP_REPEATS = 5
_FEWEST_COUNTS = 6


def check_values(
    facts: SignalFacts, use: SignalUse, scale: SignalScale | None, *, covered: float
) -> list[Finding]:
    """Tell the range of the values, and whether they are finite, all 0, floored, capped or cut off.

    Check ``values``. Values that are not finite are a fault, as in the build.
    """
    if not facts.is_finite:
        return [
            use.found(
                "values",
                "fault",
                "holds NaN or infinite values, which the build refuses",
                "make the bigWig again without them: leave such bases out, or write 0",
            )
        ]
    if facts.low == 0 and facts.high == 0:
        return [
            use.found(
                "values",
                "warning",
                f"every value is 0 ({facts.bases:,} bases)",
                "use the right file, or leave it out of the YAML",
            )
        ]
    results = [use.found("values", "fine", _range(facts, scale))]
    floor = facts.values == facts.low
    share = facts.share(floor)
    dense = covered >= _DENSE
    high = float(np.quantile(facts.values, 0.99)) if facts.values.size else 0.0
    if facts.low > _FLOOR_HEIGHT * high and dense and share > _FLOOR_SHARE:
        results.append(
            use.found(
                "values",
                "note",
                f"lowest value {number(facts.low)} in {percent(share)} of the bases: a floor above 0",
            )
        )
    if facts.low > 0 and not dense and _is_cut_off(facts):
        results.append(
            use.found(
                "values",
                "note",
                f"no value below {number(facts.low)}, though values lie {number(_unit(facts))} apart: "
                "weak signal was left out",
                "use the unfiltered track if there is one",
            )
        )
    at_top = int((facts.values == facts.high).sum())
    near_top = int(((facts.values >= 0.8 * facts.high) & (facts.values < facts.high)).sum())
    if facts.high > 0 and at_top >= _CAP_REPEATS and at_top > near_top and _varied(facts):
        results.append(
            use.found(
                "values",
                "note",
                f"highest value {number(facts.high)} repeated {at_top:,} times in the sample: capped "
                "there, higher peaks look alike",
            )
        )
    return results


def check_intervals(
    facts: SignalFacts, use: SignalUse, setting: Setting, *, covered: float
) -> list[Finding]:
    """Tell how wide the stored intervals are, and how much of the genome holds no value.

    Check ``intervals``.
    """
    if not facts.widths.size:
        return []
    with_value = f"a value on {percent(covered)} of the bases"
    narrow, middle = int(facts.widths.min()), int(np.median(facts.widths))
    if int(facts.widths.max()) == 1:
        return [_read_ends(facts, use, setting, covered)]
    if facts.grid > use.window.size:
        return [
            use.found(
                "intervals",
                "note",
                f"one value per {base_pairs(facts.grid)}, wider than the bins of "
                f"{base_pairs(use.window.size)}: neighbouring bins hold the same; {with_value}",
            )
        ]
    width = (
        f"{base_pairs(facts.grid)} steps{_counted(facts)}"
        if facts.grid > 1
        else f"intervals from {base_pairs(narrow)}, median {base_pairs(middle)}"
    )
    if covered >= _DENSE or facts.low < 0:
        return [use.found("intervals", "fine", f"{width}; {with_value}")]
    means = f"mean {number(facts.mean)} over those, {number(facts.mean * covered)} over all"
    taken = (
        "counts bases without a value as 0"
        if setting.spec.summary == "mean_all"
        else "leaves bases without a value out"
    )
    if covered < _SPARSE and use.track:
        seen = f"{width}; {with_value} only: {means}; 'summary: {setting.spec.summary}' {taken}"
        if narrow >= _ELEMENT:
            seen += "; one value an element, so there is no shape within it and no background"
        return [use.found("intervals", "note", seen)]
    return [use.found("intervals", "fine", f"{width}; {with_value}: {means}")]


def check_sign(facts: SignalFacts, use: SignalUse) -> list[Finding]:
    """Compare the signs of the values with what the file is used for.

    Check ``strand``. A minus file may hold positive or negative values: both are legal, which it is has
    to be declared as `minus_values`. As in the build, a track needs one value above 0, and the values of a
    target that have its sign must outweigh the others, which are set to 0.
    """
    if not facts.is_finite or facts.low == facts.high == 0:
        return []
    held = f"values from {number(facts.low)} to {number(facts.high)}"
    negative = facts.share(facts.values < 0)
    mixed = facts.low < 0 < facts.high
    if use.strand == "minus":
        declared = "negative" if use.sign < 0 else "positive"
        if mixed and use.sign * facts.mean >= 0:
            return [
                use.found(
                    "strand",
                    "warning",
                    f"minus strand with values of both signs ({held}, {percent(negative)} negative); "
                    f"'minus_values: {declared}' sets the others to 0",
                    "make the file again with one sign",
                )
            ]
        holds = "negative" if facts.mean < 0 else "positive"
        if holds != declared:
            return [
                use.found(
                    "strand",
                    "fault",
                    f"minus strand with {holds} values ({held}), the YAML says {declared}",
                    f"write 'minus_values: {holds}' beside it ({use.place})",
                )
            ]
        return [
            use.found("strand", "fine", f"minus strand stored with {holds} values, as declared")
        ]
    if facts.low >= 0:
        return [use.found("strand", "fine", "plus strand, positive values")] if use.strand else []
    if not mixed or (not use.track and facts.mean < 0):
        most = "mostly" if mixed else "only"
        remedy = "provide a track of positive values; a minus strand belongs under 'minus'"
        if use.strand:
            remedy = (
                "exchange 'plus' and 'minus' where the other file holds positive values, else make "
                "it again with positive ones"
            )
        return [
            use.found(
                "strand",
                "fault",
                f"{most} negative values ({held}), which are set to 0",
                f"{remedy} ({use.place})",
            )
        ]
    return [
        use.found(
            "strand",
            "warning",
            f"negative values ({held}, {percent(negative)} of the sampled bases): the build sets them to 0",
            "provide coverage or fold enrichment rather than a log ratio or a difference",
        )
    ]


def _range(facts: SignalFacts, scale: SignalScale | None) -> str:
    held = f"values {number(facts.low)} to {number(facts.high)}"
    if scale is None:
        return held
    return (
        f"{held}; in bins of {base_pairs(scale.bin)}: mean {number(scale.mean)}, "
        f"half below {number(scale.q50)}, 99 % below {number(scale.q99)}"
    )


def _unit(facts: SignalFacts) -> float:
    """Return the smallest distance between two sampled values, 0 where all are the same."""
    apart = np.diff(np.unique(facts.values))
    return float(apart.min()) if apart.size else 0.0


def _counted(facts: SignalFacts) -> str:
    """Tell of coverage that was made from alignments (bamCoverage) what one read is in it, "" of others."""
    values, read = np.unique(facts.values[facts.values > 0]), _unit(facts)
    if values.size < _FEWEST_COUNTS or not np.isclose(values[0], read, rtol=1e-3):
        return ""
    counts = values / read
    if not np.allclose(counts, counts.round(), atol=0.02):
        return ""
    if read == 1:
        return " of read counts, which grow with depth"
    # Values that were rounded to some digits are multiples of a power of ten.
    if np.isclose(np.log10(read), round(np.log10(read)), atol=1e-4):
        return ""
    return f" of read counts times {number(read)}"


def _is_cut_off(facts: SignalFacts) -> bool:
    """Tell whether small values are lacking: the lowest is large beside their spacing and their median."""
    unit = _unit(facts)
    return unit > 0 and facts.low >= 3 * unit and facts.low >= 0.2 * float(np.median(facts.values))


def _varied(facts: SignalFacts) -> bool:
    return np.unique(facts.values).size > 20


def _read_ends(facts: SignalFacts, use: SignalUse, setting: Setting, covered: float) -> Finding:
    seen = f"single bases (read ends), {percent(covered)} of the bases hold one"
    if setting.spec.summary == "mean_covered":
        return use.found(
            "intervals",
            "warning",
            f"{seen}; 'summary: mean_covered' averages over those only, so that depth is lost",
            "write 'summary: mean_all'"
            if setting.spec.recipe == "exact"
            else "provide coverage, or leave 'recipe: paper' out and write 'summary: mean_all'",
        )
    target = setting.spec.target
    if not use.track and target and target.statistic == "mean" and target.recipe == "exact":
        return use.found(
            "intervals",
            "note",
            f"{seen}: the mean of a bin is a small number (reads per base)",
            "write 'statistic: sum' under 'target' to predict reads per bin",
        )
    return use.found("intervals", "fine", seen)
