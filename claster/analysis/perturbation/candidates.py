"""The elements of a screen: read, put onto the assembly's names, and counted where they do not count."""

from collections.abc import Mapping
from pathlib import Path

import bioframe
import pandas as pd

from claster.dataset.spec import DatasetSpec
from claster.errors import ClasterError
from claster.files import require_file
from claster.genome.assembly import chromosome_aliases, rename_chromosomes
from claster.genome.elements import read_elements, select_elements
from claster.text import text_lines

__all__ = ["elements_file", "read_candidates", "read_listed_pairs", "tell_candidates", "widen"]


def read_candidates(
    spec: DatasetSpec, file: Path | None, *, sizes: Mapping[str, int]
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Read elements and leave out those that lie on no chromosome of the assembly.

    Parameters
    ----------
    spec
        The dataset with its assembly.
    file
        BED or cCRE table; None takes the dataset's own `elements` and their groups.
    sizes
        Chromosome sizes in bp.

    Returns
    -------
    elements : pandas.DataFrame
        `element_id`, `chrom`, `start`, `end` (0-based half-open), `group`, ordered by place.
    counts : dict of str to int
        `elements` in the file, `unknown_chromosome`, `beyond_chromosome`, `out_of_order` and
        `overlapping` (share a base with another one) among them.

    Raises
    ------
    ClasterError
        If there is no such file, it holds no element, or none of them is on the assembly.
    """
    path = elements_file(spec, file)
    groups = spec.elements.groups if file is None and spec.elements else None
    elements = select_elements(read_elements(path), groups=groups)
    found = elements["chrom"].unique()
    elements = rename_chromosomes(elements, sizes=sizes, aliases=chromosome_aliases(spec.assembly))
    known = elements["chrom"].isin(sizes.keys())
    if not known.any():
        raise ClasterError(
            f"elements ({path}): none of {len(elements):,} is on a chromosome of {spec.assembly}; they are "
            f"on {', '.join(found[:4])}, the assembly has {', '.join(list(sizes)[:4])}",
            remedy="bring a BED with the assembly's chromosome names",
        )
    fits = known & (elements["end"] <= elements["chrom"].map(sizes))
    if not fits.any():
        raise ClasterError(
            f"elements ({path}): all {int(known.sum()):,} end beyond their chromosomes",
            remedy="bring a BED for this assembly",
        )
    kept = elements[fits].sort_values(["chrom", "start", "end"], kind="stable")
    clusters = bioframe.cluster(kept, min_dist=None)["cluster"]
    counts = {
        "elements": len(elements),
        "unknown_chromosome": int((~known).sum()),
        "beyond_chromosome": int((known & ~fits).sum()),
        "out_of_order": _out_of_order(elements),
        "overlapping": int(clusters.duplicated(keep=False).sum()),
    }
    return kept.reset_index(drop=True), counts


def elements_file(spec: DatasetSpec, file: Path | None) -> Path:
    """Return the file of elements, `file` or the dataset's own.

    Raises
    ------
    ClasterError
        If there is none.
    """
    if file is None:
        if spec.elements is None:
            raise ClasterError(
                f"dataset {spec.name!r} names no elements", remedy="give a BED with --elements"
            )
        file = spec.source(spec.elements.file)
    return require_file(file, named="elements", remedy="check the file name")


def read_listed_pairs(file: Path, elements: pd.DataFrame) -> pd.DataFrame:
    """Read which elements are edited together.

    Parameters
    ----------
    file
        Two columns of element IDs, separated by tabs or blanks, without header.
    elements
        The elements, with `element_id`.

    Returns
    -------
    pandas.DataFrame
        `element_id`, `partner_id`; each pair once, in file order.

    Raises
    ------
    ClasterError
        If there is no such file, or a line holds no two different elements that are known.
    """
    lines = text_lines(file, named="pairs of elements", remedy="check the file name")
    known = set(elements["element_id"])
    pairs: dict[frozenset[str], tuple[str, str]] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        names = line.split()
        if len(names) != 2 or names[0] == names[1] or not known.issuperset(names):
            raise ClasterError(
                f"{file}, line {number}: {line!r} does not name two elements of the list",
                remedy="write two element IDs a line, as in the BED",
            )
        pairs.setdefault(frozenset(names), (names[0], names[1]))
    if not pairs:
        raise ClasterError(f"{file} names no pair", remedy="write two element IDs a line")
    return pd.DataFrame(list(pairs.values()), columns=["element_id", "partner_id"])


def tell_candidates(counts: Mapping[str, int]) -> str:
    """Return the counts as one sentence for people.

    Examples
    --------
    >>> tell_candidates({"elements": 9, "unknown_chromosome": 2, "overlapping": 0})
    '9 elements: 2 unknown chromosome'
    """
    told = [
        f"{count:,} {name.replace('_', ' ')}"
        for name, count in counts.items()
        if count and name != "elements"
    ]
    return f"{counts['elements']:,} elements" + (f": {', '.join(told)}" if told else "")


def widen(elements: pd.DataFrame, width: int | None, *, sizes: Mapping[str, int]) -> pd.DataFrame:
    """Return elements of `width` bp around their middles, cut at the ends of chromosomes.

    Parameters
    ----------
    elements
        `chrom`, `start`, `end` (0-based half-open).
    width
        bp; None leaves elements as they are.
    sizes
        Chromosome sizes in bp.

    Examples
    --------
    >>> elements = pd.DataFrame({"chrom": ["chr1"], "start": [40], "end": [60]})
    >>> widen(elements, 101, sizes={"chr1": 90})[["start", "end"]].to_numpy().tolist()
    [[0, 90]]
    """
    if width is None:
        return elements
    start = (elements["start"] + elements["end"]) // 2 - width // 2
    end = (start + width).clip(upper=elements["chrom"].map(sizes))
    widened = elements.assign(start=start.clip(lower=0), end=end)
    return widened.sort_values(["chrom", "start", "end"], kind="stable", ignore_index=True)


def _out_of_order(elements: pd.DataFrame) -> int:
    """Return how many rows start before the row above them on the same chromosome."""
    same = elements["chrom"] == elements["chrom"].shift()
    return int((same & (elements["start"] < elements["start"].shift())).sum())
