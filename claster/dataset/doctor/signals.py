"""What is found in the values of the bigWig files of a dataset."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from claster.dataset.doctor.findings import Finding, Item, base_pairs, number, percent
from claster.dataset.doctor.setting import Setting
from claster.dataset.doctor.signal_facts import SignalFacts
from claster.dataset.inventory import list_sources, strand_labels
from claster.dataset.scale import SignalScale
from claster.dataset.signal_settings import SignalFiles
from claster.dataset.spec import DatasetSpec
from claster.genome.windows import Binning

_Strand = Literal["", "plus", "minus"]

_FLOOR_SHARE = 0.2
_FLOOR_HEIGHT = 0.05
_SPARSE = 0.1
_ELEMENT = 150
_DENSE = 0.5
_CAP_REPEATS = 5
_FEWEST_COUNTS = 6


@dataclass(frozen=True, kw_only=True)
class SignalUse(Item):
    """A bigWig, and what it is used for.

    Attributes
    ----------
    file
        Its name in the YAML.
    strand
        "plus" or "minus" of a pair, "" for an unstranded file.
    sign
        -1.0 where the YAML says that the values are negative.
    window
        The bins that are read from it.
    track
        The row of the landscape that it is, or is a replicate of; "" for a target.
    """

    file: str
    strand: _Strand
    sign: float
    place: str
    window: Binning
    track: str


def signal_uses(spec: DatasetSpec) -> list[SignalUse]:
    """Return the use of every bigWig, in the order of the YAML."""
    sources = {source.label: source for source in list_sources(spec)}

    def use(label: str, *, strand: _Strand = "", sign: float = 1.0, track: str = "") -> SignalUse:
        source = sources[label]
        return SignalUse(
            label=label,
            path=source.path,
            file=source.file,
            strand=strand,
            sign=sign,
            place=spec.place(*source.location),
            window=(spec.window if track else spec.require_target()).binning,
            track=track,
        )

    uses = [use(label, track=track.name) for track in spec.tracks for label in track.labels]
    for label, files in _signals(spec):
        strands: tuple[_Strand, ...] = ("",) if files.file is not None else ("plus", "minus")
        named = zip(strand_labels(label, files), strands, files.strands, strict=True)
        uses += [use(name, strand=strand, sign=sign) for name, strand, (_, sign) in named]
    return uses


def strand_pairs(spec: DatasetSpec) -> list[tuple[str, list[str]]]:
    """Return what messages call each strand pair, and its plus and its minus file."""
    return [(n, strand_labels(n, files)) for n, files in _signals(spec) if files.file is None]


def _signals(spec: DatasetSpec) -> Iterator[tuple[str, SignalFiles]]:
    for condition in spec.target.conditions if spec.target else ():
        yield f"target {condition.name}", condition
        if condition.truth:
            yield f"truth {condition.name}", condition.truth


def check_values(
    facts: SignalFacts, use: SignalUse, scale: SignalScale | None, *, covered: float
) -> Iterator[Finding]:
    """Tell the range of the values, and whether they are finite, all 0, floored, capped or cut off.

    Values that are not finite are a fault, as in the build.
    """
    if not facts.is_finite:
        seen = "holds NaN or infinite values, which the build refuses"
        remedy = "make the bigWig again without them: leave such bases out, or write 0"
        yield use.found("values", "fault", seen, remedy)
        return
    if facts.low == 0 and facts.high == 0:
        seen = f"every value is 0 ({facts.bases:,} bases)"
        yield use.found(
            "values", "warning", seen, "use the right file, or leave it out of the YAML"
        )
        return
    seen = f"values {number(facts.low)} to {number(facts.high)}"
    if scale is not None:
        seen += (
            f"; in bins of {base_pairs(scale.bin)}: mean {number(scale.mean)}, "
            f"half below {number(scale.q50)}, 99 % below {number(scale.q99)}"
        )
    yield use.found("values", "fine", seen)
    share = facts.share(facts.values == facts.low)
    dense = covered >= _DENSE
    high = float(np.quantile(facts.values, 0.99)) if facts.values.size else 0.0
    if facts.low > _FLOOR_HEIGHT * high and dense and share > _FLOOR_SHARE:
        seen = f"lowest value {number(facts.low)} in {percent(share)} of the bases: a floor above 0"
        yield use.found("values", "note", seen)
    if facts.low > 0 and not dense and _is_cut_off(facts):
        seen = (
            f"no value below {number(facts.low)}, though values lie {number(_unit(facts))} apart: "
            "weak signal was left out"
        )
        yield use.found("values", "note", seen, "use the unfiltered track if there is one")
    at_top = int((facts.values == facts.high).sum())
    near_top = int(((facts.values >= 0.8 * facts.high) & (facts.values < facts.high)).sum())
    varied = np.unique(facts.values).size > 20
    if facts.high > 0 and at_top >= _CAP_REPEATS and at_top > near_top and varied:
        seen = (
            f"highest value {number(facts.high)} repeated {at_top:,} times in the sample: capped "
            "there, higher peaks look alike"
        )
        yield use.found("values", "note", seen)


def check_intervals(
    facts: SignalFacts, use: SignalUse, setting: Setting, *, covered: float
) -> list[Finding]:
    """Tell how wide the stored intervals are, and how much of the genome holds no value."""
    if not facts.widths.size:
        return []
    with_value = f"a value on {percent(covered)} of the bases"
    narrow, middle = int(facts.widths.min()), int(np.median(facts.widths))
    if int(facts.widths.max()) == 1:
        return [_read_ends(facts, use, setting, covered)]
    if facts.grid > use.window.size:
        seen = (
            f"one value per {base_pairs(facts.grid)}, wider than the bins of "
            f"{base_pairs(use.window.size)}: neighbouring bins hold the same; {with_value}"
        )
        return [use.found("intervals", "note", seen)]
    width = f"intervals from {base_pairs(narrow)}, median {base_pairs(middle)}"
    if facts.grid > 1:
        width = f"{base_pairs(facts.grid)} steps{_counted(facts)}"
    if covered >= _DENSE or facts.low < 0:
        return [use.found("intervals", "fine", f"{width}; {with_value}")]
    means = f"mean {number(facts.mean)} over those, {number(facts.mean * covered)} over all"
    if covered >= _SPARSE or not use.track:
        return [use.found("intervals", "fine", f"{width}; {with_value}: {means}")]
    taken = "leaves bases without a value out"
    if setting.spec.summary == "mean_all":
        taken = "counts bases without a value as 0"
    seen = f"{width}; {with_value} only: {means}; 'summary: {setting.spec.summary}' {taken}"
    if narrow >= _ELEMENT:
        seen += "; one value an element, so there is no shape within it and no background"
    return [use.found("intervals", "note", seen)]


def check_sign(facts: SignalFacts, use: SignalUse) -> list[Finding]:
    """Compare the signs of the values with what the file is used for.

    A minus file may hold positive or negative values: both are legal, which it is has to be declared as
    `minus_values`. As in the build, a track needs one value above 0, and the values of a target that have
    its sign must outweigh the others, which are set to 0.
    """
    if not facts.is_finite or facts.low == facts.high == 0:
        return []
    held = f"values from {number(facts.low)} to {number(facts.high)}"
    negative = percent(facts.share(facts.values < 0))
    mixed = facts.low < 0 < facts.high
    if use.strand == "minus":
        declared = "negative" if use.sign < 0 else "positive"
        holds = "negative" if facts.mean < 0 else "positive"
        if mixed and use.sign * facts.mean >= 0:
            seen = (
                f"minus strand with values of both signs ({held}, {negative} negative); "
                f"'minus_values: {declared}' sets the others to 0"
            )
            return [use.found("strand", "warning", seen, "make the file again with one sign")]
        if holds != declared:
            seen = f"minus strand with {holds} values ({held}), the YAML says {declared}"
            remedy = f"write 'minus_values: {holds}' beside it ({use.place})"
            return [use.found("strand", "fault", seen, remedy)]
        seen = f"minus strand stored with {holds} values, as declared"
        return [use.found("strand", "fine", seen)]
    if facts.low >= 0:
        return [use.found("strand", "fine", "plus strand, positive values")] if use.strand else []
    if not mixed or (not use.track and facts.mean < 0):
        remedy = "provide a track of positive values; a minus strand belongs under 'minus'"
        if use.strand:
            remedy = (
                "exchange 'plus' and 'minus' where the other file holds positive values, else make "
                "it again with positive ones"
            )
        seen = f"{'mostly' if mixed else 'only'} negative values ({held}), which are set to 0"
        return [use.found("strand", "fault", seen, f"{remedy} ({use.place})")]
    seen = f"negative values ({held}, {negative} of the sampled bases): the build sets them to 0"
    remedy = "provide coverage or fold enrichment rather than a log ratio or a difference"
    return [use.found("strand", "warning", seen, remedy)]


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


def _read_ends(facts: SignalFacts, use: SignalUse, setting: Setting, covered: float) -> Finding:
    seen = f"single bases (read ends), {percent(covered)} of the bases hold one"
    target = setting.spec.target
    if setting.spec.summary == "mean_covered":
        seen += "; 'summary: mean_covered' averages over those only, so that depth is lost"
        remedy = "write 'summary: mean_all'"
        if setting.spec.recipe == "paper":
            remedy = f"provide coverage, or leave 'recipe: paper' out and {remedy}"
        return use.found("intervals", "warning", seen, remedy)
    if not use.track and target and target.statistic == "mean" and target.recipe == "exact":
        seen += ": the mean of a bin is a small number (reads per base)"
        remedy = "write 'statistic: sum' under 'target' to predict reads per bin"
        return use.found("intervals", "note", seen, remedy)
    return use.found("intervals", "fine", seen)
