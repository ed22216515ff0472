"""Check every file of a dataset, without stopping at the first fault."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pandas as pd

from claster.dataset.choice import lacks_training, more_training
from claster.dataset.doctor.findings import (
    Finding,
    Report,
    Verdict,
    as_fault,
    count_of,
    in_order,
    listed,
    percent,
)
from claster.dataset.doctor.intervals import (
    check_blacklisted,
    examine_assembly,
    examine_blacklist,
    examine_genes,
    examine_others,
)
from claster.dataset.doctor.matrices import ExaminedContacts, examine_contacts
from claster.dataset.doctor.pairs import check_scale, check_tracks
from claster.dataset.doctor.present import check_data_folder, check_present, check_twins
from claster.dataset.doctor.promoters import check_promoters
from claster.dataset.doctor.setting import Setting, places_without_genes, select_windows
from claster.dataset.doctor.signals import signal_uses, strand_pairs
from claster.dataset.doctor.spread import check_common, check_spread
from claster.dataset.doctor.tracks import (
    ExaminedSignal,
    examine_pair,
    examine_replicates,
    examine_signal,
)
from claster.dataset.doctor.value_table import examine_values
from claster.dataset.inventory import Source, list_sources, read_sources
from claster.dataset.layout import SPLITS
from claster.dataset.scale import SignalScale, track_divisors
from claster.dataset.selection import DROP_REASONS, GeneSelection
from claster.dataset.sources import open_sources
from claster.dataset.spec import DatasetSpec
from claster.dataset.track_scales import dividing_scales
from claster.dataset.words import excluded_chromosomes
from claster.errors import ClasterError
from claster.formats import is_gzip
from claster.genome.assembly import chromosome_aliases
from claster.progress import SILENT, Progress

_LONG_TO_READ = 4_000_000_000  # bytes of a FASTA
_LONG_TO_UNPACK = 300_000_000


def _check_windows(
    selection: GeneSelection, spec: DatasetSpec, *, once_mended: bool = False
) -> list[Finding]:
    """Tell how many genes are kept, by split, and why the others are not.

    Checks ``genes`` (a fault where none is left) and ``splits`` (a fault where one that the YAML names
    is empty or a dataset with a target has no gene to train on, a note where it holds nothing out). Genes
    whose contact map has too many unknown cells are only dropped by the build itself. `once_mended` says
    that other faults come first.
    """
    kept, dropped = selection.kept, selection.dropped
    counts: dict[str, int] = {split: int((kept["split"] == split).sum()) for split in SPLITS}
    by_split = ", ".join(f"{n:,} {split}" for split, n in counts.items())
    why = "; ".join(
        f"{n:,} because {DROP_REASONS[str(reason)]}"
        for reason, n in dropped["reason"].value_counts().items()
    )
    if spec.contacts and spec.contacts.max_missing < 1:
        later = f"fewer where over {percent(spec.contacts.max_missing)} of a contact map is unknown"
        why = f"{why}; {later}".removeprefix("; ")
    if once_mended:
        why = f"{why}; once the faults are corrected".removeprefix("; ")
    seen = f"{len(kept):,} of {count_of(len(kept) + len(dropped), 'gene')} would get a window"
    if kept.empty:
        return [
            Finding(
                "windows",
                "",
                "genes",
                "fault",
                f"{seen}: {why}",
                "check 'genes', 'regions' and 'window' in the YAML, and the files that lack data",
            )
        ]
    results = [
        Finding(
            "windows", "", "genes", "fine", f"{seen}: {by_split}" + (f" ({why})" if why else "")
        )
    ]
    for split, rules in (("valid", spec.splits.valid), ("test", spec.splits.test)):
        if rules and not counts[split]:
            results.append(
                Finding(
                    "windows",
                    "",
                    "splits",
                    "fault",
                    f"no gene is left in the {split} split ({', '.join(rules)})",
                    f"choose other chromosomes or regions for '{split}' ({spec.place('splits', split)})",
                )
            )
    if lacks_training(selection, spec):
        seen = "no gene is left for training"
        results.append(
            Finding("windows", "", "splits", "fault", seen, more_training(selection, spec))
        )
    if spec.target and not counts["valid"] and not counts["test"]:
        results.append(
            Finding(
                "windows",
                "",
                "splits",
                "note",
                "no gene is held out, so nothing tells how well a model does on genes that it has not seen",
                _to_hold_out(kept, spec),
            )
        )
    return results


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

        there, seen = _present(spec, sources)
        findings += seen
        sizes, seen = examine_assembly(spec, there)
        findings += seen
        genes = None
        if path := now("genes"):
            genes, seen = examine_genes(spec, path, sizes)
            findings += seen
        values = None
        if genes is not None and now("target table"):
            values, seen = examine_values(spec, genes)
            findings += seen
        blacklist, seen = examine_blacklist(spec, there, sizes)
        findings += seen
        setting, seen = _setting(spec, sizes, genes, blacklist)
        findings += seen
        if blacklist is not None:
            findings += check_blacklisted(blacklist, setting, file=str(there["blacklist"]))
        signals = {
            use.label: examine_signal(use, setting) for use in signal_uses(spec) if now(use.label)
        }
        findings += _signal_findings(signals, against or {}, against_named, setting)
        for item, plus, minus in strand_pairs(spec):
            if plus in signals and minus in signals:
                strands = spec.require_target().strands
                findings += examine_pair(item, signals[plus], signals[minus], genes, strands)
        contacts = ExaminedContacts([])
        if spec.contacts and (path := now("contacts")):
            contacts = examine_contacts(path, spec.contacts, setting)
            findings += contacts.findings
        findings += examine_others(spec, there, setting)
        if genes is not None and not setting.centres.empty:
            findings += _coverage_findings(signals, contacts, there, setting)
            faults = any(finding.verdict == "fault" for finding in findings)
            select = partial(
                select_windows,
                setting,
                genes,
                without_signal=_lacking({n: s.names for n, s in signals.items()}, setting),
                without_contacts=_lacking({"contacts": contacts.names}, setting),
                values=values,
            )
            selection, told = _without_copies(select, there.get("genome"))
            findings += _check_windows(selection, spec, once_mended=faults)
            findings += told
            if all(finding.verdict != "fault" for finding in findings):
                findings += _check_divisors(spec, selection)
    order = ["assembly", "tracks", *(source.label for source in sources), "windows"]
    scales = {label: signal.scale for label, signal in signals.items() if signal.scale}
    unread = {source.label for source in sources} - {s.label for s in read_sources(spec)}
    # Groups that name nothing stop every command that reads the elements.
    mild = [f.milder() if f.item in unread and f.check != "groups" else f for f in findings]
    shown = in_order(mild, order)
    return Report(spec.name, spec.assembly, tuple(shown), scales)


def _without_copies(
    select: Callable[..., GeneSelection], genome: Path | None
) -> tuple[GeneSelection, list[Finding]]:
    """Select genes, those with copied sequences apart, and tell of these. Check ``copies`` of the windows."""

    def found(verdict: Verdict, evidence: str, remedy: str = "") -> list[Finding]:
        return [Finding("windows", "", "copies", verdict, evidence, remedy)]

    unread = ""
    if genome is None:
        unread = "there is no FASTA ('genome')"
    elif genome.stat().st_size > (_LONG_TO_UNPACK if is_gzip(genome) else _LONG_TO_READ):
        unread = f"{genome.name} takes minutes; the build looks"
    try:
        selection = select(genome=None if unread else genome)
    except ClasterError as error:
        return select(), found("fault", error.found, error.remedy)
    if selection.kept["split"].nunique() < 2:
        return selection, []
    if unread:
        untold = "whether windows of two splits hold copies of one sequence was not looked at"
        return selection, found("fine", f"{untold}: {unread}")
    gone = selection.dropped[selection.dropped["reason"] == "same_sequence"]
    told = []
    if uncompared := selection.uncompared:
        seen = (
            f"the sequence of {count_of(len(uncompared), 'gene')} of {len(selection.kept)} is not in "
            "the FASTA, or hardly anything but N and repeats: not compared "
            f"({listed(uncompared)})"
        )
        remedy = (
            "bring the FASTA of all chromosomes"
            if len(uncompared) > len(selection.kept) / 10
            else ""
        )
        told = found("warning" if remedy else "note", seen, remedy)
    if gone.empty:
        seen = "no sequence around a TSS (+- 5 kb) is a copy of one in another split"
        return selection, told or found("fine", seen)
    first = gone.iloc[0]
    seen = (
        f"{count_of(len(gone), 'gene')} have a copy of the sequence around the TSS in a later split and are "
        f"left out ({first['gene_id']}: {first['detail']})"
    )
    return selection, told + found("note", seen)


def _present(spec: DatasetSpec, sources: Sequence[Source]) -> tuple[dict[str, Path], list[Finding]]:
    """Return the files that can be read, by what messages call them, and what is said of the others."""
    seen = {source.label: check_present(spec, source) for source in sources}
    there = {source.label: source.path for source in sources if seen[source.label] is None}
    findings = [finding for finding in seen.values() if finding is not None]
    return there, findings + check_twins([s for s in sources if s.label in there])


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
        return setting, [as_fault(error, item="windows", file="", check="rules")]
    centres = selection.kept[["gene_id", "chrom", "tss", "strand"]]
    setting = replace(setting, centres=centres, by_rules=selection)
    if centres.empty:
        return setting, _check_windows(selection, spec)
    return setting, []


def _signal_findings(
    signals: Mapping[str, ExaminedSignal],
    against: Mapping[str, SignalScale],
    against_named: str,
    setting: Setting,
) -> list[Finding]:
    findings = []
    for signal in signals.values():
        findings += signal.findings
        reference = against.get(signal.use.track)
        if signal.scale and reference:
            findings.append(check_scale(signal.scale, reference, signal.use, named=against_named))
    for track in setting.spec.tracks:
        same = [signal for signal in signals.values() if signal.use.track == track.name]
        findings += examine_replicates(same, setting)
    if told := check_promoters([signal.at_promoters for signal in signals.values()], setting):
        findings.append(told)
    return findings


def _coverage_findings(
    signals: Mapping[str, ExaminedSignal],
    contacts: ExaminedContacts,
    there: Mapping[str, Path],
    setting: Setting,
) -> list[Finding]:
    spreads = {
        label: (signal.spread, "signal") for label, signal in signals.items() if signal.spread
    }
    if contacts.spread:
        spreads["contacts"] = contacts.spread, "contacts"
    found = [
        check_spread(spread, setting, item=label, file=str(there[label]), holds=holds)
        for label, (spread, holds) in spreads.items()
    ]
    found.append(check_common([spread for spread, _ in spreads.values()], setting))
    return [finding for finding in found if finding is not None]


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


def _check_divisors(spec: DatasetSpec, selection: GeneSelection) -> list[Finding]:
    """Tell that the numbers that tracks are divided by are not available. Check ``scale``."""
    if not any(track.scale != "none" for track in spec.tracks) and not spec.scales_from:
        return []
    try:
        with open_sources(spec) as sources:
            track_divisors(spec.tracks, dividing_scales(spec, sources, selection))
    except ClasterError as error:
        return [as_fault(error, item="tracks", file="", check="scale")]
    return []
