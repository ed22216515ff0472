"""Check every file of a dataset, without stopping at the first fault."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pandas as pd

from claster.dataset.choice import lacks_training, more_training
from claster.dataset.doctor.findings import (
    WINDOWS,
    Finding,
    Item,
    Report,
    count_of,
    listed,
    percent,
)
from claster.dataset.doctor.genes import examine_genes, examine_values
from claster.dataset.doctor.matrices import examine_contacts
from claster.dataset.doctor.setting import Setting, places_without_genes, select_windows
from claster.dataset.doctor.signals import signal_uses, strand_pairs
from claster.dataset.doctor.sources import (
    check_blacklisted,
    check_data_folder,
    check_elements,
    check_fasta,
    check_present,
    check_twins,
    examine_assembly,
    examine_blacklist,
)
from claster.dataset.doctor.spread import Spread, check_common, check_spread
from claster.dataset.doctor.tracks import (
    ExaminedSignal,
    check_promoters,
    check_scale,
    check_tracks,
    examine_pair,
    examine_replicates,
    examine_signal,
)
from claster.dataset.inventory import Source, excluded_chromosomes, list_sources, read_sources
from claster.dataset.layout import SPLITS
from claster.dataset.scale import SignalScale, track_divisors
from claster.dataset.selection import DROP_REASONS, GeneSelection
from claster.dataset.sources import open_sources
from claster.dataset.spec import DatasetSpec
from claster.dataset.track_scales import dividing_scales
from claster.errors import ClasterError
from claster.formats import is_gzip
from claster.genome.assembly import chromosome_aliases
from claster.progress import SILENT, Progress

_LONG_TO_READ = 4_000_000_000  # bytes of a FASTA
_LONG_TO_UNPACK = 300_000_000


def check_dataset(
    spec: DatasetSpec,
    *,
    against: Mapping[str, SignalScale] | None = None,
    against_named: str = "",
    progress: Progress = SILENT,
) -> Report:
    """Tell what is right and wrong with the files of a dataset, and what to do.

    Reads headers, indices and samples only. A fault in one file keeps no other from being checked.

    Parameters
    ----------
    against
        Scales to compare with, by name of the track, in the order in which a model reads them.
    against_named
        What `against` is called in findings.

    Returns
    -------
    Report
        Its `exit_code` is 2 where the build, or what needs the elements, cannot run, 1 where it can but
        something needs a look.
    """
    sources = list_sources(spec)
    if (missing := check_data_folder(spec, sources)) is not None:
        return Report(spec.name, spec.assembly, (missing,))
    findings = check_tracks(spec, list(against or {}), named=against_named)
    with progress.step("checking", total=len(sources)) as step:

        def now(label: str) -> Path | None:
            step.describe(label)
            step.advance()
            return there.get(label)

        def told[T](examined: tuple[T, list[Finding]]) -> T:
            findings.extend(examined[1])
            return examined[0]

        there = told(_present(spec, sources))
        sizes = told(examine_assembly(spec, there))
        genes = values = spread = None
        if path := now("genes"):
            genes = told(examine_genes(spec, path, sizes))
        if genes is not None and now("target table"):
            values = told(examine_values(spec, genes))
        blacklist = told(examine_blacklist(spec, there, sizes))
        setting = told(_setting(spec, sizes, genes, blacklist))
        if blacklist is not None:
            findings += check_blacklisted(blacklist, setting, path=there["blacklist"])
        signals = {
            use.label: examine_signal(use, setting) for use in signal_uses(spec) if now(use.label)
        }
        findings += _signal_findings(signals, against or {}, against_named, setting)
        for item, (plus, minus) in strand_pairs(spec):
            if plus in signals and minus in signals:
                strands = spec.require_target().strands
                findings += examine_pair(item, signals[plus], signals[minus], genes, strands)
        held: Mapping[str, str] = {}
        if spec.contacts and (path := now("contacts")):
            seen, held, spread = examine_contacts(path, spec.contacts, setting)
            findings += seen
        if "elements" in there:
            findings += check_elements(there["elements"], setting)
        if "genome" in there:
            findings.append(check_fasta(there["genome"], setting))
        if genes is not None and not setting.centres.empty:
            spreads = {label: s.spread for label, s in signals.items()} | {"contacts": spread}
            findings += _coverage_findings(spreads, there, setting)
            faults = any(finding.verdict == "fault" for finding in findings)
            select = partial(
                select_windows,
                setting,
                genes,
                without_signal=_lacking({n: s.names for n, s in signals.items()}, setting),
                without_contacts=_lacking({"contacts": held}, setting),
                values=values,
            )
            selection, copies = _without_copies(select, there.get("genome"))
            findings += [*_check_windows(selection, spec, once_mended=faults), *copies]
            if all(finding.verdict != "fault" for finding in findings):
                findings += _check_divisors(spec, selection)
    scales = {label: signal.scale for label, signal in signals.items() if signal.scale}
    unread = {source.label for source in sources} - {s.label for s in read_sources(spec)}
    # Groups that name nothing stop every command that reads the elements.
    mild = [
        replace(f, verdict="warning")
        if f.verdict == "fault" and f.item in unread and f.check != "groups"
        else f
        for f in findings
    ]
    order = ["assembly", "tracks", *(source.label for source in sources), "windows"]
    mild.sort(key=lambda finding: _rank(finding.item, order))
    return Report(spec.name, spec.assembly, tuple(mild), scales)


def _rank(item: str, order: Sequence[str]) -> int:
    """Return the place of an item; a strand pair comes after its files, what has no place at the end."""
    if item in order:
        return order.index(item)
    files = (n for n, label in enumerate(order) if label.startswith(f"{item} "))
    return max(files, default=len(order))


def _present(spec: DatasetSpec, sources: Sequence[Source]) -> tuple[dict[str, Path], list[Finding]]:
    """Return the files that can be read, by what messages call them, and what is said of the others."""
    seen = {source.label: check_present(spec, source) for source in sources}
    there = {source.label: source.path for source in sources if seen[source.label] is None}
    findings = [finding for finding in seen.values() if finding is not None]
    return there, [*findings, *check_twins([s for s in sources if s.label in there])]


def _setting(
    spec: DatasetSpec,
    sizes: Mapping[str, int],
    genes: pd.DataFrame | None,
    blacklist: pd.DataFrame | None,
) -> tuple[Setting, list[Finding]]:
    """Return what files are held against, and what is wrong with the rules of the YAML."""
    aliases = chromosome_aliases(spec.assembly)
    excluded = set(excluded_chromosomes(spec, sizes))
    if genes is None:
        wanted = {chrom: size for chrom, size in sizes.items() if chrom not in excluded}
        centres = places_without_genes(wanted, half=spec.window.binning.half)
        return Setting(spec, sizes, aliases, wanted, centres, blacklist), []
    present = set(genes["chrom"]) - excluded
    wanted = {chrom: size for chrom, size in sizes.items() if chrom in present}
    nothing = genes.iloc[:0][["gene_id", "chrom", "tss", "strand"]]
    setting = Setting(spec, sizes, aliases, wanted, nothing, blacklist)
    try:
        selection = select_windows(setting, genes, without_signal={}, without_contacts={})
    except ClasterError as error:
        return setting, [WINDOWS.fault(error, "rules")]
    centres = selection.kept[["gene_id", "chrom", "tss", "strand"]]
    setting = replace(setting, centres=centres, by_rules=selection)
    return setting, list(_check_windows(selection, spec)) if centres.empty else []


def _signal_findings(
    signals: Mapping[str, ExaminedSignal],
    against: Mapping[str, SignalScale],
    against_named: str,
    setting: Setting,
) -> Iterator[Finding]:
    for signal in signals.values():
        yield from signal.findings
        reference = against.get(signal.use.track)
        if signal.scale and reference:
            yield check_scale(signal.scale, reference, signal.use, named=against_named)
    for track in setting.spec.tracks:
        same = [signal for signal in signals.values() if signal.use.track == track.name]
        yield from examine_replicates(same, setting)
    yield from check_promoters([signal.at_promoters for signal in signals.values()], setting)


def _coverage_findings(
    spreads: Mapping[str, Spread | None], there: Mapping[str, Path], setting: Setting
) -> Iterator[Finding]:
    known = {label: spread for label, spread in spreads.items() if spread}
    for label, spread in known.items():
        holds = "contacts" if label == "contacts" else "signal"
        yield from check_spread(spread, setting, Item(label, there[label]), holds=holds)
    yield from check_common(list(known.values()), setting)


def _lacking(names: Mapping[str, Mapping[str, str]], setting: Setting) -> dict[str, str]:
    """Return chromosomes with genes that a file does not have, with what is said of them.

    `names` gives, by what messages call it, a file's chromosomes; a file without any is of another
    assembly or cannot be read, which says nothing about chromosomes.
    """
    return {
        chrom: f"{label} lacks {chrom}"
        for label, held in names.items()
        if held
        for chrom in setting.wanted
        if chrom not in held
    }


def _without_copies(
    select: Callable[..., GeneSelection], genome: Path | None
) -> tuple[GeneSelection, list[Finding]]:
    """Select genes, those with copied sequences apart, and tell of these."""
    unread = ""
    if genome is None:
        unread = "there is no FASTA ('genome')"
    elif genome.stat().st_size > (_LONG_TO_UNPACK if is_gzip(genome) else _LONG_TO_READ):
        unread = f"{genome.name} takes minutes; the build looks"
    try:
        selection = select(genome=None if unread else genome)
    except ClasterError as error:
        return select(), [WINDOWS.found("copies", "fault", error.found, error.remedy)]
    if selection.kept["split"].nunique() < 2:
        return selection, []
    if unread:
        untold = "whether windows of two splits hold copies of one sequence was not looked at"
        return selection, [WINDOWS.found("copies", "fine", f"{untold}: {unread}")]
    told = []
    if uncompared := selection.uncompared:
        seen = (
            f"the sequence of {count_of(len(uncompared), 'gene')} of {len(selection.kept)} is not in "
            "the FASTA, or hardly anything but N and repeats: not compared "
            f"({listed(uncompared)})"
        )
        remedy = "bring the FASTA of all chromosomes"
        if len(uncompared) > len(selection.kept) / 10:
            told.append(WINDOWS.found("copies", "warning", seen, remedy))
        else:
            told.append(WINDOWS.found("copies", "note", seen))
    gone = selection.dropped[selection.dropped["reason"] == "same_sequence"]
    if len(gone):
        first = gone.iloc[0]
        seen = (
            f"{count_of(len(gone), 'gene')} have a copy of the sequence around the TSS in a later split "
            f"and are left out ({first['gene_id']}: {first['detail']})"
        )
        told.append(WINDOWS.found("copies", "note", seen))
    elif not told:
        seen = "no sequence around a TSS (+- 5 kb) is a copy of one in another split"
        told.append(WINDOWS.found("copies", "fine", seen))
    return selection, told


def _check_windows(
    selection: GeneSelection, spec: DatasetSpec, *, once_mended: bool = False
) -> Iterator[Finding]:
    """Tell how many genes are kept, by split, and why the others are not.

    It is a fault where none is left, a split that the YAML names is empty or a dataset with a target has no
    gene to train on, a note where it holds nothing out. Genes whose contact map has too many unknown cells
    are only dropped by the build itself. `once_mended` says that other faults come first.
    """
    kept, dropped = selection.kept, selection.dropped
    counts: dict[str, int] = {split: int((kept["split"] == split).sum()) for split in SPLITS}
    why = [
        f"{n:,} because {DROP_REASONS[str(reason)]}"
        for reason, n in dropped["reason"].value_counts().items()
    ]
    if spec.contacts and spec.contacts.max_missing < 1:
        most = percent(spec.contacts.max_missing)
        why.append(f"fewer where over {most} of a contact map is unknown")
    if once_mended:
        why.append("once the faults are corrected")
    seen = f"{len(kept):,} of {count_of(len(kept) + len(dropped), 'gene')} would get a window"
    if kept.empty:
        remedy = "check 'genes', 'regions' and 'window' in the YAML, and the files that lack data"
        yield WINDOWS.found("genes", "fault", f"{seen}: {'; '.join(why)}", remedy)
        return
    seen += f": {', '.join(f'{n:,} {split}' for split, n in counts.items())}"
    yield WINDOWS.found("genes", "fine", f"{seen} ({'; '.join(why)})" if why else seen)
    for split, rules in (("valid", spec.splits.valid), ("test", spec.splits.test)):
        if rules and not counts[split]:
            seen = f"no gene is left in the {split} split ({', '.join(rules)})"
            place = spec.place("splits", split)
            remedy = f"choose other chromosomes or regions for '{split}' ({place})"
            yield WINDOWS.found("splits", "fault", seen, remedy)
    if lacks_training(selection, spec):
        seen = "no gene is left for training"
        yield WINDOWS.found("splits", "fault", seen, more_training(selection, spec))
    if spec.target and not counts["valid"] and not counts["test"]:
        seen = "no gene is held out, so nothing tells how well a model does on genes that it has not seen"
        yield WINDOWS.found("splits", "note", seen, _to_hold_out(kept, spec))


def _to_hold_out(kept: pd.DataFrame, spec: DatasetSpec) -> str:
    """Return a rule for 'test' that leaves genes to train on, where one can be named."""
    last = kept["chrom"].iloc[-1]
    rule = last
    if kept["chrom"].nunique() == 1:
        cut = int(kept["tss"].quantile(0.8))
        if not (kept["tss"] < cut - spec.window.binning.width).any():
            return "provide genes of another chromosome to hold out"
        rule = f'"{last}:{cut:,}-{kept["tss"].max() + 1:,}"'
    return f"name chromosomes or regions under 'splits', such as 'test: [{rule}]'"


def _check_divisors(spec: DatasetSpec, selection: GeneSelection) -> list[Finding]:
    """Tell that the numbers that tracks are divided by are not available."""
    if not any(track.scale != "none" for track in spec.tracks) and not spec.scales_from:
        return []
    try:
        with open_sources(spec) as sources:
            track_divisors(spec.tracks, dividing_scales(spec, sources, selection))
    except ClasterError as error:
        return [Item("tracks").fault(error, "scale")]
    return []
