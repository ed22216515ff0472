"""Which source files are there and whole, and what is found in sizes, blacklist, elements and genome."""

import filecmp
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import pandas as pd

from claster.contacts.hic import is_hic
from claster.dataset.doctor.findings import Finding, Item, base_pairs, count_of, listed, percent
from claster.dataset.doctor.setting import Setting
from claster.dataset.inventory import Source, require_source
from claster.dataset.spec import DatasetSpec
from claster.errors import ClasterError
from claster.formats import FileFormat, is_gzip, require_whole
from claster.genome.assembly import (
    assemblies_with,
    chromosome_aliases,
    chromosome_sizes,
    rename_chromosomes,
)
from claster.genome.elements import read_elements, select_elements
from claster.genome.fasta import fasta_records, index_of, indexed_lengths
from claster.genome.regions import covered_shares, read_bed, read_blacklist
from claster.genome.windows import window_table
from claster.text import text_lines

_FEWEST_ON_ASSEMBLY = 0.9
_READ_WHOLE = 20_000_000  # bytes of a FASTA
_FORMATS: dict[str, FileFormat] = {
    "genes": "table",
    "chromosome sizes": "table",
    "contacts": "cooler",
    "target table": "table",
    "elements": "table",
    "blacklist": "bed",
    "genome": "fasta",
}


def check_data_folder(spec: DatasetSpec, sources: Sequence[Source]) -> Finding | None:
    """Tell that the folder of the source files is missing."""
    if spec.data_folder.is_dir():
        return None
    try:
        require_source(spec, sources[0])
    except ClasterError as error:
        remedy = error.remedy
    names = listed((source.file for source in sources), 3)
    seen = (
        f"no folder {spec.data_folder}; {count_of(len(sources), 'file')} should be in it ({names})"
    )
    return Item("data folder", spec.data_folder).found("present", "fault", seen, remedy)


def check_present(spec: DatasetSpec, source: Source) -> Finding | None:
    """Tell that a file is missing, not whole, or something else."""
    item = Item(source.label, source.path)
    try:
        require_source(spec, source)
    except ClasterError as error:
        place = spec.place(*source.location)
        seen = error.found.removeprefix(f"{place}: {source.label}: ")
        return item.found("present", "fault", f"{seen} ({place})", error.remedy)
    try:
        gzipped = is_gzip(source.path)
        format = _FORMATS.get(source.label, "bigwig")
        if source.label == "contacts" and is_hic(source.path):
            format = "hic"
        gzipped = gzipped and format not in ("bigwig", "cooler", "hic")
        require_whole(source.path, format=format, named=source.file, gzipped=gzipped)
    except ClasterError as error:
        return item.fault(error, "kind")
    return None


def check_twins(sources: Sequence[Source]) -> Iterator[Finding]:
    """Tell of signal files that are named twice, or hold the same bytes."""
    alike: dict[int, list[Source]] = {}
    for source in sources:
        if source.label.partition(" ")[0] not in ("track", "target"):
            continue
        others = alike.setdefault(source.path.stat().st_size, [])
        for other in others:
            same = source.path.samefile(other.path)
            if same or filecmp.cmp(source.path, other.path, shallow=False):
                kind = "the same file as" if same else "byte for byte the file of"
                item, remedy = Item(source.label, source.path), "give each its own file"
                yield item.found("twins", "warning", f"{kind} {other.label}", remedy)
                break
        others.append(source)


def examine_assembly(
    spec: DatasetSpec, there: Mapping[str, Path]
) -> tuple[dict[str, int], list[Finding]]:
    """Return the chromosome sizes in bp that the build goes by, empty where they are not known.

    Parameters
    ----------
    there
        The files that can be read, by what messages call them.
    """
    known: dict[str, int] = {}  # without a file
    with suppress(ClasterError):
        known = chromosome_sizes(spec.assembly)
    if spec.chrom_sizes is not None:
        path = there.get("chromosome sizes")
        if path is None:
            return known, []
        item = Item("chromosome sizes", path)
        try:
            sizes = chromosome_sizes(spec.assembly, path)
        except ClasterError as error:
            return known, [item.fault(error, "kind")]
        return sizes, [_check_sizes(sizes, known, item, assembly=spec.assembly)]
    item = Item("assembly")
    if known:
        seen = f"{spec.assembly}, {count_of(len(known), 'chromosome')}"
        return known, [item.found("assembly", "fine", seen)]
    try:
        return chromosome_sizes(spec.assembly), []
    except ClasterError as error:
        return {}, [item.fault(error, "assembly")]


def _check_sizes(
    sizes: Mapping[str, int], known: Mapping[str, int], item: Item, *, assembly: str
) -> Finding:
    """Compare a file of chromosome sizes with the assembly of that name."""
    total = f"{count_of(len(sizes), 'chromosome')}, {sum(sizes.values()) / 1e6:,.1f} Mb"
    other = {name: size for name, size in sizes.items() if known.get(name, size) != size}
    if other:
        name, size = next(iter(other.items()))
        seen = f"{name} has {size:,} bp here and {known[name]:,} bp in {assembly}"
        if builds := " or ".join(assemblies_with(sizes)):
            seen += f"; these are the sizes of {builds}"
        remedy = f"leave 'chrom_sizes' out ({assembly} is known without it), or correct 'assembly'"
        return item.found("sizes", "warning", seen, remedy)
    if known and not known.keys() & sizes.keys():
        seen = f"{total}; names are {listed(sizes)}, {assembly} is known with {listed(known)}"
        remedy = f"leave 'chrom_sizes' out to go by the names of {assembly}"
        return item.found("sizes", "note", seen, remedy)
    return item.found("sizes", "fine", f"{assembly}, {total}")


def examine_blacklist(
    spec: DatasetSpec, there: Mapping[str, Path], sizes: Mapping[str, int]
) -> tuple[pd.DataFrame | None, list[Finding]]:
    """Return the regions of the blacklist as the build takes them, None where they cannot be read."""
    if "blacklist" not in there or not sizes:
        return None, []
    item = Item("blacklist", path := there["blacklist"])
    aliases = chromosome_aliases(spec.assembly)
    try:
        table = read_bed(path, named="blacklist")
    except ClasterError as error:
        return None, [_unread(error, item)]
    try:
        blacklist = read_blacklist(path, sizes=sizes, aliases=aliases)
    except ClasterError as error:
        return None, [item.fault(error, "chromosomes")]
    bases = int((blacklist["end"] - blacklist["start"]).sum())
    seen = (
        f"{count_of(len(table), 'region')}, {base_pairs(bases)}, {percent(bases / sum(sizes.values()))} "
        "of the assembly, without data in every track"
    )
    places = _check_places(table, sizes, aliases, item, assembly=spec.assembly)
    return blacklist, [item.found("kind", "fine", seen), *places]


def check_blacklisted(blacklist: pd.DataFrame, setting: Setting, *, path: Path) -> list[Finding]:
    """Tell which share of the windows is without data by the blacklist.

    How many genes it drops stands under ``genes`` of the windows.
    """
    if setting.centres.empty:
        return []
    windows = window_table(setting.centres, setting.spec.window.binning)
    shares = covered_shares(windows, blacklist)
    seen = (
        f"covers {percent(float(shares.mean()))} of the windows' bases, at most "
        f"{percent(float(shares.max()))} of one; {count_of(int((shares > 0).sum()), 'window')} "
        f"of {len(shares):,} hold some of it"
    )
    return [Item("blacklist", path).found("windows", "fine", seen)]


def check_elements(path: Path, setting: Setting) -> Iterator[Finding]:
    """Tell how many elements of which groups there are, and whether they lie on the assembly."""
    item = Item("elements", path)
    try:
        elements = read_elements(path)
    except ClasterError as error:
        yield _unread(error, item)
        return
    groups = elements["group"].replace("", "(no group)").str.split(",").explode().str.strip()
    counts = listed((f"{n:,} {group}" for group, n in groups.value_counts().items()), 4)
    if not elements["group"].any():
        counts = "without groups"
    yield item.found("kind", "fine", f"{count_of(len(elements), 'element')} ({counts})")
    wanted = setting.spec.elements.groups if setting.spec.elements else None
    try:
        kept = select_elements(elements, groups=wanted)
        if wanted:
            yield item.found("groups", "fine", f"{len(kept):,} are {listed(wanted)}")
    except ClasterError as error:
        yield item.fault(error, "groups")
    yield from _check_places(
        elements, setting.sizes, setting.aliases, item, assembly=setting.assembly
    )


def check_fasta(path: Path, setting: Setting) -> Finding:
    """Compare a genome FASTA with the assembly.

    By all its sequences where it is small or its `.fai` index fits it, else by its first header.
    """
    item = Item("genome", path)
    try:
        found = indexed_lengths(path)
        if found is None and path.stat().st_size <= _READ_WHOLE:
            found = {name: len(letters) for name, letters in fasta_records(path)}
        if found is not None:
            return _check_lengths(found, setting, item)
        header = next(iter(text_lines(path, named="genome"))).strip()
    except ClasterError as error:
        return item.fault(error, "kind")
    first = pd.DataFrame({"chrom": header.removeprefix(">").split()[:1]})
    renamed = rename_chromosomes(first, sizes=setting.sizes, aliases=setting.aliases)
    has_index = index_of(path).is_file()
    beside = "the index beside it is older or does not fit" if has_index else "no index beside it"
    seen = f"starts with '{header[:40]}'; {beside}, so only the first name was looked at"
    if not setting.sizes or bool(renamed["chrom"].isin(setting.sizes.keys()).all()):
        return item.found("chromosomes", "fine", seen)
    seen += f"; {setting.assembly} has no such chromosome"
    return item.found("chromosomes", "warning", seen, f"use the FASTA of {setting.assembly}")


def _check_lengths(found: Mapping[str, int], setting: Setting, item: Item) -> Finding:
    table = rename_chromosomes(
        pd.DataFrame({"chrom": list(found), "length": list(found.values())}),
        sizes=setting.sizes,
        aliases=setting.aliases,
    )
    lengths = dict(zip(table["chrom"], table["length"], strict=True))
    other = [chrom for chrom, size in setting.sizes.items() if lengths.get(chrom, size) != size]
    lacking = [chrom for chrom in setting.wanted if chrom not in lengths]
    if other:
        seen = (
            f"{other[0]} has {lengths[other[0]]:,} bp here and {setting.sizes[other[0]]:,} bp in "
            f"{setting.assembly}"
        )
        if builds := assemblies_with(found):
            seen += f"; this is {' or '.join(builds)}"
    elif lacking:
        seen = f"lacks {listed(lacking)}, which have genes"
    else:
        seen = f"{setting.assembly}, {count_of(len(found), 'sequence')}"
        return item.found("chromosomes", "fine", seen)
    return item.found("chromosomes", "warning", seen, f"use the FASTA of {setting.assembly}")


def _check_places(
    table: pd.DataFrame,
    sizes: Mapping[str, int],
    aliases: Mapping[str, str],
    item: Item,
    *,
    assembly: str,
) -> list[Finding]:
    """Tell whether intervals lie on the assembly."""
    if not sizes:
        return []
    named = rename_chromosomes(table, sizes=sizes, aliases=aliases)
    on = named[named["chrom"].isin(sizes.keys())]
    past = on[on["end"] > on["chrom"].map(sizes)]
    share = len(on) / max(len(named), 1)
    if len(past):
        first = past.iloc[0]
        seen = (
            f"{count_of(len(past), 'interval')} past the end of the chromosome (first at "
            f"{first['chrom']}:{first['end']:,}, which has {sizes[first['chrom']]:,} bp)"
        )
    elif share < _FEWEST_ON_ASSEMBLY:
        seen = (
            f"only {percent(share)} lie on chromosomes of {assembly}; "
            f"the file names {listed(table['chrom'].unique())}"
        )
    else:
        seen = f"{assembly}, {count_of(on['chrom'].nunique(), 'chromosome')}"
        return [item.found("chromosomes", "fine", seen)]
    remedy = f"use the file for {assembly}, or correct 'assembly' in the YAML"
    return [item.found("chromosomes", "warning", seen, remedy)]


def _unread(error: ClasterError, item: Item) -> Finding:
    """Return the error that a file of intervals raises as a finding; ``starts`` where they count from 1."""
    if "without bases" not in error.found:
        return item.fault(error, "kind")
    seen = f"{error.found}: its starts seem to count from 1, those of a BED count from 0"
    return item.found("starts", "fault", seen, "subtract 1 from every start")
