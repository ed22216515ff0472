"""What each bigWig of a dataset is used for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from claster.dataset.doctor.findings import Finding, Verdict
from claster.dataset.inventory import Source, list_sources
from claster.dataset.parts import SignalFiles
from claster.dataset.spec import DatasetSpec
from claster.genome.windows import Binning

__all__ = ["SignalUse", "Strand", "signal_uses", "strand_pairs"]

Strand = Literal["", "plus", "minus"]


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
    place
        Where the YAML names it.
    window
        The bins that are read from it.
    is_track
        Whether it is a row of the landscape; otherwise it is a target.
    """

    label: str
    path: Path
    file: str
    strand: Strand
    sign: float
    place: str
    window: Binning
    is_track: bool

    def found(self, check: str, verdict: Verdict, evidence: str, remedy: str = "") -> Finding:
        """Return a finding about this file."""
        return Finding(self.label, str(self.path), check, verdict, evidence, remedy)


def signal_uses(spec: DatasetSpec) -> list[SignalUse]:
    """Return the use of every bigWig, in the order of the YAML."""
    sources = {source.label: source for source in list_sources(spec)}
    uses = [
        _use(spec, sources[f"track {track.name}"], strand="", sign=1.0, is_track=True)
        for track in spec.tracks
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
    spec: DatasetSpec, source: Source, *, strand: Strand, sign: float, is_track: bool = False
) -> SignalUse:
    window = spec.window if is_track else spec.require_target()
    return SignalUse(
        label=source.label,
        path=source.path,
        file=source.file,
        strand=strand,
        sign=sign,
        place=spec.place(*source.location),
        window=window.binning,
        is_track=is_track,
    )
