"""What is found in the contact matrices of a dataset."""

from claster.dataset.doctor.findings import Finding, Verdict
from claster.dataset.doctor.matrix_facts import MatrixFacts, Rows
from claster.dataset.doctor.matrix_layout import Layout
from claster.dataset.doctor.wording import base_pairs, count_of, listed, percent
from claster.dataset.parts import ContactsSpec

__all__ = ["check_density", "check_layout", "check_matrix", "check_weights"]

_MOST_EMPTY = 0.8
_MOST_MASKED = 0.25
_FEWEST_BINS = 20


def _found(file: str, check: str, verdict: Verdict, evidence: str, remedy: str = "") -> Finding:
    return Finding("contacts", file, check, verdict, evidence, remedy)


def check_layout(layout: Layout, contacts: ContactsSpec, *, file: str) -> list[Finding]:
    """Tell which resolutions there are and in which zoom layout. Check ``resolution``."""
    have = ", ".join(base_pairs(size) for size in layout.matrices)
    results = []
    if contacts.resolution in layout.matrices:
        wanted = base_pairs(contacts.resolution)
        evidence = f"{wanted}, {layout.name}"
        if len(layout.matrices) > 1:
            group = layout.groups.get(contacts.resolution)
            evidence = f"{wanted}{f' at ::{group}' if group else ''}; {layout.name} ({have})"
        results.append(_found(file, "resolution", "fine", evidence))
    else:
        near = sorted(layout.matrices, key=lambda size: abs(size - contacts.resolution))[:2]
        offered = " or ".join(f"'resolution: {size}'" for size in near)
        results.append(
            _found(
                file,
                "resolution",
                "fault",
                f"no matrix of {base_pairs(contacts.resolution)}; {layout.name} ({have})",
                f"write {offered} under 'contacts'"
                + (", or make it with 'cooler zoomify'" if layout.groups else ""),
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


def check_weights(layout: Layout, contacts: ContactsSpec, *, uri: str, file: str) -> Finding | None:
    """Tell whether the wanted matrix has the wanted weights. Check ``weights``."""
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
        said = "" if name == "weight" else f" ({name})"
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
    choices += [f"'resolution: {weighted[0]}'"] if weighted else []
    remedy = f"write {', or '.join([*choices, "'balance: false'"])}, under 'contacts'"
    if layout.groups and contacts.balance is True:
        remedy = f"run 'cooler balance {uri}' on a copy that you may write to, or {remedy}"
    return _found(file, "weights", "fault", seen, remedy)


def check_matrix(facts: MatrixFacts, *, named: str, file: str, assembly: str) -> list[Finding]:
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


def check_density(
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
