"""Examine the contact matrix of a dataset."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from claster.contacts.balance import Balance
from claster.dataset.doctor.chromosomes import check_chromosomes
from claster.dataset.doctor.findings import Finding, as_fault
from claster.dataset.doctor.matrices import (
    check_bare,
    check_density,
    check_layout,
    check_maps,
    check_matrix,
    check_weights,
)
from claster.dataset.doctor.matrix_facts import Rows, read_matrix_facts, sample_maps, sample_rows
from claster.dataset.doctor.matrix_layout import Layout, read_layout, why_unfit
from claster.dataset.doctor.setting import Setting, places_without_genes
from claster.dataset.doctor.spread import NEARLY_WHOLE, Spread, measure_spread
from claster.dataset.parts import ContactsSpec
from claster.errors import ClasterError

__all__ = ["ExaminedContacts", "examine_contacts"]

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
    path
        The file.
    contacts
        What the dataset wants of it.
    setting
        What files are held against.
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
        findings += check_layout(layout, contacts, unfit, file=file)
        matrix = layout.matrices.get(contacts.resolution, next(iter(layout.matrices.values())))
        sizes = matrix.sizes
        names, chromosomes = check_chromosomes(sizes, setting, item="contacts", file=file)
        findings.insert(0, chromosomes)
        weights = check_weights(layout, contacts, unfit, uri=matrix.label, file=file)
        findings += [weights] if weights else []
        if not names or contacts.resolution not in layout.matrices:
            return ExaminedContacts(findings, names)
        balance = _there(layout, contacts, matrix.resolution)
        facts = read_matrix_facts(matrix, names, balance=balance)
        centres = setting.centres
        if centres.empty:
            centres = places_without_genes(sizes, half=window.half)
        spread = measure_spread(facts.blocks, centres, held=names, window=window, gap=window.width)
        findings += check_matrix(facts, named=matrix.assembly, file=file, assembly=setting.assembly)
        inside = centres[spread.windows["inside"] >= NEARLY_WHOLE]
        if inside.empty:
            inside = centres[~spread.windows["empty"]]
        separation = min(_SEPARATION, window.half)
        findings += _depth(file, layout, unfit, names, inside, contacts, separation)
        bare = facts.bare
        if contacts.resolution not in unfit and bool(balance) == bool(contacts.balance):
            maps = sample_maps(matrix, names, centres, contacts, setting.spec.contacts_shape)
            findings += check_maps(maps, contacts, file=file)
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
    findings = check_density(wanted, {}, contacts, file=file)
    if not any(finding.verdict == "warning" for finding in findings):
        return findings
    coarser = [size for size in layout.matrices if size > contacts.resolution and size not in unfit]
    coarser = coarser[:_COARSER]
    return check_density(wanted, {size: sample(size) for size in coarser}, contacts, file=file)


def _there(layout: Layout, contacts: ContactsSpec, size: int) -> Balance:
    """Return the wanted weights where a matrix has them."""
    return bool(contacts.balance) and (layout.weights(size, contacts.balance) or False)
