"""What is found in the contact matrices of a dataset."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from claster.contacts.cool import CoolMatrix
from claster.contacts.direction import Balance
from claster.dataset.doctor.findings import (
    Finding,
    Verdict,
    as_fault,
    base_pairs,
    count_of,
    listed,
    percent,
)
from claster.dataset.doctor.matrix_facts import (
    Maps,
    MatrixFacts,
    Rows,
    read_matrix_facts,
    sample_maps,
    sample_rows,
)
from claster.dataset.doctor.matrix_layout import Layout, check_bare, read_layout, why_unfit
from claster.dataset.doctor.setting import Setting, check_chromosomes, places_without_genes
from claster.dataset.doctor.spread import NEARLY_WHOLE, Spread, measure_spread
from claster.dataset.signal_settings import ContactsSpec
from claster.errors import ClasterError
from claster.quoting import pasteable

_MOST_EMPTY = 0.8
_MOST_MASKED = 0.25
_FEWEST_BINS = 20
_FEWEST_KEPT = 0.5


def _found(file: str, check: str, verdict: Verdict, evidence: str, remedy: str = "") -> Finding:
    return Finding("contacts", file, check, verdict, evidence, remedy)


def _check_layout(
    layout: Layout, contacts: ContactsSpec, unfit: Mapping[int, str], *, file: str
) -> list[Finding]:
    """Tell which resolutions there are, in which zoom layout, and which are of use.

    Checks ``resolution`` and ``storage``; `unfit` holds the resolutions of which no gene can have a map,
    with the reason.
    """
    have = ", ".join(base_pairs(size) for size in layout.matrices)
    near = sorted(
        layout.matrices.keys() - unfit.keys(),
        key=lambda size: (abs(size - contacts.resolution), -size),
    )[:2]
    offer = "take a file with a finer matrix, or a map of fewer 'rows' or over a wider 'window'"
    if near:
        offer = f"write {' or '.join(f"'resolution: {size}'" for size in near)} under 'contacts'"
    results = []
    if why := unfit.get(contacts.resolution):
        results.append(_found(file, "resolution", "fault", f"{why}; {layout.name} ({have})", offer))
    elif contacts.resolution in layout.matrices:
        wanted = base_pairs(contacts.resolution)
        evidence = f"{wanted}, {layout.name}"
        if len(layout.matrices) > 1:
            group = layout.groups.get(contacts.resolution)
            evidence = f"{wanted}{f' at ::{group}' if group else ''}; {layout.name} ({have})"
        results.append(_found(file, "resolution", "fine", evidence))
    else:
        results.append(
            _found(
                file,
                "resolution",
                "fault",
                f"no matrix of {base_pairs(contacts.resolution)}; {layout.name} ({have})",
                offer + (", or make it with 'cooler zoomify'" if layout.groups else ""),
            )
        )
    wanted_matrix = layout.matrices.get(contacts.resolution)
    if wanted_matrix and wanted_matrix.square:
        results.append(
            _found(
                file,
                "storage",
                "note",
                "holds both halves of the matrix; the upper one is used, where the lower is its mirror image",
            )
        )
    if not layout.listed:
        results.append(
            _found(
                file,
                "resolution",
                "note",
                "cooler's own listing does not name this matrix (it was written by another program), "
                "but it opens",
            )
        )
    return results


def _check_weights(
    layout: Layout, contacts: ContactsSpec, unfit: Collection[int], *, uri: str, file: str
) -> Finding | None:
    """Tell whether the wanted matrix has the wanted weights, and which way. Check ``weights``."""
    wanted = contacts.resolution
    if wanted not in layout.matrices:
        return None
    if not contacts.balance:
        if not layout.weights(wanted, balance=True):
            return _found(file, "weights", "fine", "raw counts, as 'balance: false' says")
        return _found(
            file,
            "weights",
            "note",
            "has balance weights, but 'balance: false' asks for raw counts",
            "write 'balance: true' under 'contacts' to use them",
        )
    if name := layout.weights(wanted, contacts.balance):
        matrix = layout.matrices[wanted]
        divide = matrix.divides(contacts.balance) if isinstance(matrix, CoolMatrix) else True
        said = "" if name == "weight" and not divide else f" ({name})"
        if divide and isinstance(matrix, CoolMatrix):
            said += ", and counts are divided by them"
        return _found(file, "weights", "fine", f"balance weights are there{said}")
    if isinstance(contacts.balance, str) or not layout.groups:
        named = contacts.balance if isinstance(contacts.balance, str) else "balanced matrix"
        seen = f"no {named} at {base_pairs(wanted)}"
    else:
        seen = f"no 'weight' column at {base_pairs(wanted)}"
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
    return _found(file, "weights", "fault", seen, remedy)


def _check_matrix(facts: MatrixFacts, *, named: str, file: str, assembly: str) -> list[Finding]:
    """Tell of counts that are not whole, masked bins, another assembly's name.

    Checks ``counts``, ``masked`` and ``assembly``; `named` is what the file calls its assembly.
    """
    results = []
    if not facts.whole:
        results.append(
            _found(
                file,
                "counts",
                "note",
                "counts are floating point numbers, not whole: already normalised or corrected, perhaps",
            )
        )
    if facts.masked is not None:
        share = f"{percent(facts.masked)} of the bins between the first and last contact are masked"
        if not facts.masked:
            share = "no bin is masked"
        results.append(
            _found(
                file,
                "masked",
                "warning" if facts.masked > _MOST_MASKED else "fine",
                share,
                "take a coarser resolution, or balance with a milder filter"
                if facts.masked > _MOST_MASKED
                else "",
            )
        )
    if named not in ("", "unknown", assembly):
        results.append(
            _found(
                file,
                "assembly",
                "note",
                f"the file calls its assembly {named!r}, the YAML {assembly!r}; lengths agree",
            )
        )
    return results


def _unread(maps: Maps, file: str) -> list[Finding]:
    if not maps.unread:
        return []
    read, held = (f"{pixels / 1e6:,.3g}" for pixels in maps.pixels)
    seen = (
        f"the pixels of {listed(maps.unread)} were not looked at ({read} of {held} million were): a build "
        "stops where they are damaged"
    )
    return [_found(file, "pixels", "fine", seen)]


def _kept(maps: Maps, contacts: ContactsSpec, file: str) -> list[Finding]:
    if not maps.tried:
        return []
    tried = count_of(maps.tried, "map")
    seen = f"{maps.kept} of {tried} tried: at most {percent(contacts.max_missing)} of its cells unknown"
    if maps.kept >= _FEWEST_KEPT * maps.tried:
        return [_found(file, "maps", "fine", seen)] if maps.kept < maps.tried else []
    remedy = "take a matrix that covers the genes' windows, or balance with a milder filter"
    if maps.least < 1:
        remedy += (
            f", or raise 'max_missing' under 'contacts' (the best map has {percent(maps.least)})"
        )
    verdict: Verdict = "fault" if not maps.unread and not maps.kept else "warning"
    return [_found(file, "maps", verdict, f"{seen}; the build drops the others", remedy)]


def _check_density(
    rows: Rows | None, coarser: dict[int, Rows | None], contacts: ContactsSpec, *, file: str
) -> list[Finding]:
    """Tell whether the matrix is deep enough for its resolution, and has a main diagonal.

    Checks ``density`` (a warning when over 80 % of the pixels at the sampled separation are empty) and
    ``diagonal``. `coarser` holds samples of coarser matrices of the file, to offer one of them.
    """
    if rows is None:
        return []
    results = []
    share = percent(rows.empty) if rows.empty else "none"
    seen = f"{share} of the pixels at {base_pairs(rows.separation)} of separation are empty"
    if rows.empty <= _MOST_EMPTY:
        results.append(_found(file, "density", "fine", seen))
    else:
        better = [size for size, sample in coarser.items() if sample and sample.empty <= 0.5]
        remedy = (
            f"write 'resolution: {min(better)}' under 'contacts'"
            if better
            else ("take a coarser resolution ('cooler zoomify' makes one), or a deeper experiment")
        )
        results.append(
            _found(
                file,
                "density",
                "warning",
                f"{seen}: too few contacts for {base_pairs(contacts.resolution)}",
                remedy,
            )
        )
    bins, with_diagonal = rows.diagonal
    if bins >= _FEWEST_BINS and not with_diagonal:
        results.append(
            _found(
                file,
                "diagonal",
                "note",
                f"no main diagonal: none of {count_of(bins, 'sampled bin')} has a contact with itself; "
                "the map takes what is expected at the next separation there",
            )
        )
    return results


_SEPARATION = 100_000
_COARSER = 6


@dataclass(frozen=True)
class ExaminedContacts:
    """What an examination of a contact matrix gave; `names` and `spread` as in `ExaminedSignal`.

    Chromosomes on which no gene can have a map are not among the names.
    """

    findings: list[Finding]
    names: Mapping[str, str] = field(default_factory=dict)
    spread: Spread | None = None


def examine_contacts(path: Path, contacts: ContactsSpec, setting: Setting) -> ExaminedContacts:
    """Look into a `.cool`, `.mcool` or `.hic`; faults become findings.

    Parameters
    ----------
    contacts
        What the dataset wants of it.
    """
    file = str(path)
    window = setting.spec.window.binning
    findings: list[Finding] = []
    try:
        layout = read_layout(path, contacts.file.partition("::")[2])
        longest = max(size for matrix in layout.matrices.values() for size in matrix.sizes.values())
        unfit = {
            size: why
            for size in layout.matrices
            if (why := why_unfit(size, contacts, window, longest=longest))
        }
        findings += _check_layout(layout, contacts, unfit, file=file)
        matrix = layout.matrices.get(contacts.resolution, next(iter(layout.matrices.values())))
        sizes = matrix.sizes
        names, chromosomes = check_chromosomes(sizes, setting, item="contacts", file=file)
        findings.insert(0, chromosomes)
        weights = _check_weights(layout, contacts, unfit, uri=matrix.label, file=file)
        findings += [weights] if weights else []
        if not names or contacts.resolution not in layout.matrices:
            return ExaminedContacts(findings, names)
        balance = _there(layout, contacts, matrix.resolution)
        facts = read_matrix_facts(matrix, names, balance=balance)
        centres = setting.centres
        if centres.empty:
            centres = places_without_genes(sizes, half=window.half)
        spread = measure_spread(facts.blocks, centres, held=names, window=window, gap=window.width)
        findings += _check_matrix(
            facts, named=matrix.assembly, file=file, assembly=setting.assembly
        )
        inside = centres[spread.windows["inside"] >= NEARLY_WHOLE]
        if inside.empty:
            inside = centres[~spread.windows["empty"]]
        separation = min(_SEPARATION, window.half)
        findings += _depth(file, layout, unfit, names, inside, contacts, separation)
        bare = facts.bare
        if contacts.resolution not in unfit and bool(balance) == bool(contacts.balance):
            maps = sample_maps(matrix, names, centres, contacts, setting.spec.contacts_shape)
            findings += [*_unread(maps, file), *_kept(maps, contacts, file)]
            bare = bare | maps.bare
        findings += check_bare(bare, centres, file=file)
    except ClasterError as error:
        return ExaminedContacts(
            [*findings, as_fault(error, item="contacts", file=file, check="kind")]
        )
    held = {chrom: name for chrom, name in names.items() if chrom not in bare}
    return ExaminedContacts(findings, held, spread)


def _depth(
    file: str,
    layout: Layout,
    unfit: Mapping[int, str],
    names: Mapping[str, str],
    centres: pd.DataFrame,
    contacts: ContactsSpec,
    separation: int,
) -> list[Finding]:
    """Sample the wanted matrix, and coarser ones of the file where it is too sparse."""

    def sample(size: int) -> Rows | None:
        balance = _there(layout, contacts, size)
        matrix = layout.matrices[size]
        return sample_rows(matrix, names, centres, separation=separation, balance=balance)

    wanted = sample(contacts.resolution)
    findings = _check_density(wanted, {}, contacts, file=file)
    if not any(finding.verdict == "warning" for finding in findings):
        return findings
    coarser = [size for size in layout.matrices if size > contacts.resolution and size not in unfit]
    coarser = coarser[:_COARSER]
    return _check_density(wanted, {size: sample(size) for size in coarser}, contacts, file=file)


def _there(layout: Layout, contacts: ContactsSpec, size: int) -> Balance:
    """Return the wanted weights where a matrix has them."""
    return bool(contacts.balance) and (layout.weights(size, contacts.balance) or False)
