"""What is found in the contact matrices of a dataset."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import pandas as pd

from claster.contacts.cool import CoolMatrix
from claster.contacts.direction import Balance
from claster.contacts.shapes import DiagonalMap, map_over
from claster.dataset.doctor.findings import Finding, Item, base_pairs, count_of, listed, percent
from claster.dataset.doctor.matrix_facts import (
    Layout,
    Maps,
    MatrixFacts,
    Rows,
    read_layout,
    read_matrix_facts,
    sample_maps,
    sample_rows,
)
from claster.dataset.doctor.setting import Setting, check_chromosomes, places_without_genes
from claster.dataset.doctor.spread import Spread, measure_spread
from claster.dataset.signal_settings import ContactsSpec
from claster.errors import ClasterError
from claster.genome.windows import Binning
from claster.quoting import pasteable

_MOST_EMPTY = 0.8
_MOST_MASKED = 0.25
_FEWEST_BINS = 20
_FEWEST_KEPT = 0.5
_SEPARATION = 100_000
_COARSER = 6


def examine_contacts(
    path: Path, contacts: ContactsSpec, setting: Setting
) -> tuple[list[Finding], dict[str, str], Spread | None]:
    """Look into a `.cool`, `.mcool` or `.hic`; faults become findings.

    Parameters
    ----------
    contacts
        What the dataset wants of it.

    Returns
    -------
    findings
        In the order in which they were made.
    names
        The file's name of each chromosome with genes of which one can have a map.
    spread
        How the windows lie to its data; None where that could not be told.
    """
    item = Item("contacts", path)
    window = setting.spec.window.binning
    findings: list[Finding] = []
    try:
        layout = read_layout(path, contacts.file.partition("::")[2])
        longest = max(size for matrix in layout.matrices.values() for size in matrix.sizes.values())
        unfit = {
            size: why
            for size in layout.matrices
            if (why := _why_unfit(size, contacts, window, longest=longest))
        }
        findings += _check_layout(layout, contacts, unfit, item)
        matrix = layout.matrices.get(contacts.resolution, next(iter(layout.matrices.values())))
        names, chromosomes = check_chromosomes(matrix.sizes, setting, item)
        findings.insert(0, chromosomes)
        if contacts.resolution in layout.matrices:
            findings.append(_check_weights(layout, contacts, unfit, item, uri=matrix.label))
        if not names or contacts.resolution not in layout.matrices:
            return findings, names, None
        balance = _there(layout, contacts, matrix.resolution)
        facts = read_matrix_facts(matrix, names, balance=balance)
        centres = setting.centres
        if centres.empty:
            centres = places_without_genes(matrix.sizes, half=window.half)
        spread = measure_spread(facts.blocks, centres, held=names, window=window, gap=window.width)
        findings += _check_matrix(facts, item, named=matrix.assembly, assembly=setting.assembly)

        def sample(size: int) -> Rows | None:
            return sample_rows(
                layout.matrices[size],
                names,
                spread.centres_with_data(centres),
                separation=min(_SEPARATION, window.half),
                balance=_there(layout, contacts, size),
            )

        if rows := sample(contacts.resolution):
            larger = [s for s in layout.matrices if s > contacts.resolution and s not in unfit]
            better = (s for s in larger[:_COARSER] if (r := sample(s)) and r.empty <= 0.5)
            findings += _check_density(rows, better, item, resolution=contacts.resolution)
        bare = facts.bare
        if contacts.resolution not in unfit and bool(balance) == bool(contacts.balance):
            maps = sample_maps(matrix, names, centres, contacts, setting.spec.contacts_shape)
            findings += _check_maps(maps, contacts, item)
            bare = bare | maps.bare
        findings += _check_bare(bare, centres, item)
    except ClasterError as error:
        return [*findings, item.fault(error, "kind")], {}, None
    return findings, {chrom: name for chrom, name in names.items() if chrom not in bare}, spread


def _why_unfit(
    resolution: int, contacts: ContactsSpec, window: Binning, *, longest: int
) -> str | None:
    """Return why no gene can have a map of some resolution, None where one can.

    `longest` is the length of the file's longest chromosome in bp.
    """
    try:
        shape = map_over(contacts.map, window, resolution=resolution, rows=contacts.rows)
    except ClasterError as error:
        return error.found.removeprefix("contacts: ")
    if not isinstance(shape, DiagonalMap):
        return None
    off = shape.share_off(-(-longest // resolution))
    if off <= contacts.max_missing:
        return None
    reach = base_pairs((shape.separations - 1) * resolution)
    return (
        f"{shape.rows} rows of {base_pairs(resolution)} reach {reach} of separation: even in the middle of "
        f"the longest chromosome {percent(off)} of the map lies off it, more than 'max_missing' allows"
    )


def _check_layout(
    layout: Layout, contacts: ContactsSpec, unfit: Mapping[int, str], item: Item
) -> Iterator[Finding]:
    """Tell which resolutions there are, in which zoom layout, and which are of use."""
    wanted = contacts.resolution
    have = f"{layout.name} ({', '.join(map(base_pairs, layout.matrices))})"
    usable = sorted(
        layout.matrices.keys() - unfit.keys(), key=lambda size: (abs(size - wanted), -size)
    )
    offer = "take a file with a finer matrix, or a map of fewer 'rows' or over a wider 'window'"
    if usable:
        near = " or ".join(f"'resolution: {size}'" for size in usable[:2])
        offer = f"write {near} under 'contacts'"
    matrix = layout.matrices.get(wanted)
    if why := unfit.get(wanted):
        yield item.found("resolution", "fault", f"{why}; {have}", offer)
    elif matrix is None:
        offer += ", or make it with 'cooler zoomify'" if layout.groups else ""
        seen = f"no matrix of {base_pairs(wanted)}; {have}"
        yield item.found("resolution", "fault", seen, offer)
    elif len(layout.matrices) == 1:
        yield item.found("resolution", "fine", f"{base_pairs(wanted)}, {layout.name}")
    else:
        group = layout.groups.get(wanted)
        at = f" at ::{group}" if group else ""
        yield item.found("resolution", "fine", f"{base_pairs(wanted)}{at}; {have}")
    if matrix and matrix.square:
        seen = "holds both halves of the matrix; the upper one is used, where the lower is its mirror image"
        yield item.found("storage", "note", seen)
    if not layout.listed:
        seen = (
            "cooler's own listing does not name this matrix (it was written by another program), "
            "but it opens"
        )
        yield item.found("resolution", "note", seen)


def _check_weights(
    layout: Layout, contacts: ContactsSpec, unfit: Collection[int], item: Item, *, uri: str
) -> Finding:
    """Tell whether the wanted matrix has the wanted weights, and which way."""
    wanted = contacts.resolution
    if not contacts.balance:
        if not layout.weights(wanted, balance=True):
            return item.found("weights", "fine", "raw counts, as 'balance: false' says")
        seen = "has balance weights, but 'balance: false' asks for raw counts"
        remedy = "write 'balance: true' under 'contacts' to use them"
        return item.found("weights", "note", seen, remedy)
    if name := layout.weights(wanted, contacts.balance):
        matrix = layout.matrices[wanted]
        divide = matrix.divides(contacts.balance) if isinstance(matrix, CoolMatrix) else True
        said = "" if name == "weight" and not divide else f" ({name})"
        if divide and isinstance(matrix, CoolMatrix):
            said += ", and counts are divided by them"
        return item.found("weights", "fine", f"balance weights are there{said}")
    lacking = contacts.balance if isinstance(contacts.balance, str) else "balanced matrix"
    if layout.groups and contacts.balance is True:
        lacking = "'weight' column"
    seen = f"no {lacking} at {base_pairs(wanted)}"
    weighted = [size for size in layout.matrices if layout.weights(size, contacts.balance)]
    if weighted:
        seen += f"; weights are at {listed(base_pairs(size) for size in weighted)} only"
    if others := layout.columns[wanted]:
        seen += f"; the bins have {listed(others)} instead"
    choices = [f"'balance: {others[0]}'"] if others else []
    usable = [size for size in weighted if size not in unfit]
    choices += [f"'resolution: {usable[0]}'"] if usable else []
    remedy = f"write {', or '.join([*choices, "'balance: false'"])}, under 'contacts'"
    if layout.groups and contacts.balance is True:
        balance = pasteable(["cooler", "balance", uri])
        remedy = f"run '{balance}' on a copy that you may write to, or {remedy}"
    return item.found("weights", "fault", seen, remedy)


def _check_matrix(
    facts: MatrixFacts, item: Item, *, named: str, assembly: str
) -> Iterator[Finding]:
    """Tell of counts that are not whole, masked bins, and another name of the assembly in the file."""
    if not facts.whole:
        seen = (
            "counts are floating point numbers, not whole: already normalised or corrected, perhaps"
        )
        yield item.found("counts", "note", seen)
    if facts.masked is not None:
        seen = f"{percent(facts.masked)} of the bins between the first and last contact are masked"
        if not facts.masked:
            seen = "no bin is masked"
        if facts.masked > _MOST_MASKED:
            remedy = "take a coarser resolution, or balance with a milder filter"
            yield item.found("masked", "warning", seen, remedy)
        else:
            yield item.found("masked", "fine", seen)
    if named not in ("", "unknown", assembly):
        seen = f"the file calls its assembly {named!r}, the YAML {assembly!r}; lengths agree"
        yield item.found("assembly", "note", seen)


def _check_density(
    rows: Rows, better: Iterator[int], item: Item, *, resolution: int
) -> Iterator[Finding]:
    """Tell whether the matrix is deep enough for its resolution, and has a main diagonal.

    A warning when over 80 % of the pixels at the sampled separation are empty; `better` finds coarser
    resolutions of the file where they are not.
    """
    share = percent(rows.empty) if rows.empty else "none"
    seen = f"{share} of the pixels at {base_pairs(rows.separation)} of separation are empty"
    if rows.empty <= _MOST_EMPTY:
        yield item.found("density", "fine", seen)
    else:
        seen += f": too few contacts for {base_pairs(resolution)}"
        remedy = "take a coarser resolution ('cooler zoomify' makes one), or a deeper experiment"
        if (finest := min(better, default=None)) is not None:
            remedy = f"write 'resolution: {finest}' under 'contacts'"
        yield item.found("density", "warning", seen, remedy)
    bins, with_diagonal = rows.diagonal
    if bins >= _FEWEST_BINS and not with_diagonal:
        seen = (
            f"no main diagonal: none of {count_of(bins, 'sampled bin')} has a contact with itself; "
            "the map takes what is expected at the next separation there"
        )
        yield item.found("diagonal", "note", seen)


def _check_maps(maps: Maps, contacts: ContactsSpec, item: Item) -> Iterator[Finding]:
    """Tell which pixels were not looked at, and how many of the maps that were cut a build keeps."""
    if maps.unread:
        read, held = (f"{pixels / 1e6:,.3g}" for pixels in maps.pixels)
        seen = (
            f"the pixels of {listed(maps.unread)} were not looked at ({read} of {held} million were): a "
            "build stops where they are damaged"
        )
        yield item.found("pixels", "fine", seen)
    if maps.kept == maps.tried:
        return
    seen = (
        f"{maps.kept} of {count_of(maps.tried, 'map')} tried: at most {percent(contacts.max_missing)} of "
        "its cells unknown"
    )
    if maps.kept >= _FEWEST_KEPT * maps.tried:
        yield item.found("maps", "fine", seen)
        return
    seen += "; the build drops the others"
    remedy = "take a matrix that covers the genes' windows, or balance with a milder filter"
    if maps.least < 1:
        best = f"the best map has {percent(maps.least)}"
        remedy += f", or raise 'max_missing' under 'contacts' ({best})"
    none = not maps.unread and not maps.kept
    yield item.found("maps", "fault" if none else "warning", seen, remedy)


def _check_bare(bare: Mapping[str, str], centres: pd.DataFrame, item: Item) -> list[Finding]:
    """Tell of chromosomes whose genes the build drops; `bare` says what each lacks."""
    lost = int(centres["chrom"].isin(bare).sum())
    if not lost:
        return []
    first, why = next(iter(bare.items()))
    why = why.removeprefix("contacts: ").replace(str(item.path), Path(item.path).name)
    others = f", and so for {listed(list(bare)[1:])}" if len(bare) > 1 else ""
    seen = f"{first}: {why}{others}; the build drops {count_of(lost, 'gene')} of {len(centres)}"
    remedy = "set 'balance' under 'contacts' to other weights or to false, or leave these chromosomes out"
    return [item.found("bare", "fault" if lost == len(centres) else "warning", seen, remedy)]


def _there(layout: Layout, contacts: ContactsSpec, size: int) -> Balance:
    """Return the wanted weights where a matrix has them."""
    return bool(contacts.balance) and (layout.weights(size, contacts.balance) or False)
