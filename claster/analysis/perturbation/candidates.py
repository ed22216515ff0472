"""The elements of a screen, and which of them are tried on which genes."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import bioframe
import numpy as np
import pandas as pd

from claster.dataset.spec import DatasetSpec
from claster.errors import ClasterError
from claster.files import require_file
from claster.genome.assembly import chromosome_aliases, rename_chromosomes
from claster.genome.elements import read_elements, select_elements
from claster.text import text_lines

TSS_MARGIN = 1000
"""Bases on either side of a TSS that count as annotated."""


@dataclass(frozen=True)
class Annotated:
    """Merged stretches by chromosome, each an array of starts and one of ends, sorted."""

    stretches: Mapping[str, tuple[np.ndarray, np.ndarray]]

    def touch(self, chrom: str, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """Tell which intervals (0-based half-open) share a base with a stretch."""
        if chrom not in self.stretches:
            return np.zeros(np.shape(starts), dtype=bool)
        firsts, lasts = self.stretches[chrom]
        return np.searchsorted(firsts, ends) > np.searchsorted(lasts, starts, side="right")


def annotated_stretches(elements: pd.DataFrame, genes: pd.DataFrame) -> Annotated:
    """Return where elements are, and TSSs with `TSS_MARGIN` bp on either side.

    Examples
    --------
    >>> elements = pd.DataFrame({"chrom": ["chr1"], "start": [50], "end": [60]})
    >>> genes = pd.DataFrame({"chrom": ["chr1"], "tss": [5000]})
    >>> annotated = annotated_stretches(elements, genes)
    >>> annotated.touch("chr1", np.array([40, 59, 60]), np.array([50, 70, 4001])).tolist()
    [False, True, True]
    """
    promoters = pd.DataFrame(
        {
            "chrom": genes["chrom"],
            "start": (genes["tss"] - TSS_MARGIN).clip(lower=0),
            "end": genes["tss"] + TSS_MARGIN + 1,
        }
    )
    together = pd.concat([elements[["chrom", "start", "end"]], promoters], ignore_index=True)
    merged = bioframe.merge(together, min_dist=0)
    return Annotated(
        {
            str(chrom): (rows["start"].to_numpy(np.int64), rows["end"].to_numpy(np.int64))
            for chrom, rows in merged.groupby("chrom")
        }
    )


def known_annotated(spec: DatasetSpec, genes: pd.DataFrame) -> Annotated:
    """Return where the dataset's elements and the TSSs of its genes are; without elements the TSSs alone."""
    elements = genes[["chrom", "start", "end"]][:0]
    if spec.elements is not None and spec.source(spec.elements.file).is_file():
        sizes = spec.chromosome_sizes()
        elements, _ = read_candidates(spec, None, sizes=sizes)
    return annotated_stretches(elements, genes)


def read_candidates(
    spec: DatasetSpec, file: Path | None, *, sizes: Mapping[str, int]
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Read elements and leave out those that lie on no chromosome of the assembly.

    Parameters
    ----------
    file
        BED or cCRE table; None takes the dataset's own `elements` and their groups.

    Returns
    -------
    elements : pandas.DataFrame
        `element_id`, `chrom`, `start`, `end` (0-based half-open), `group`, ordered by place.
    counts : dict of str to int
        `elements` in the file, and among them `unknown_chromosome`, `beyond_chromosome`, `out_of_order`
        (start before the row above them) and `overlapping` (share a base with another one).

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
            remedy="provide a BED with the assembly's chromosome names",
        )
    fits = known & (elements["end"] <= elements["chrom"].map(sizes))
    if not fits.any():
        raise ClasterError(
            f"elements ({path}): all {int(known.sum()):,} end beyond their chromosomes",
            remedy="provide a BED for this assembly",
        )
    kept = elements[fits].sort_values(["chrom", "start", "end"], kind="stable")
    same = elements["chrom"] == elements["chrom"].shift()
    clusters = bioframe.cluster(kept, min_dist=None)["cluster"]
    counts = {
        "elements": len(elements),
        "unknown_chromosome": int((~known).sum()),
        "beyond_chromosome": int((known & ~fits).sum()),
        "out_of_order": int((same & (elements["start"] < elements["start"].shift())).sum()),
        "overlapping": int(clusters.duplicated(keep=False).sum()),
    }
    return kept.reset_index(drop=True), counts


def widen_elements(
    elements: pd.DataFrame, width: int | None, *, sizes: Mapping[str, int]
) -> pd.DataFrame:
    """Return elements of `width` bp around their middles, cut at the ends of chromosomes.

    Examples
    --------
    >>> elements = pd.DataFrame({"chrom": ["chr1"], "start": [40], "end": [60]})
    >>> widen_elements(elements, 101, sizes={"chr1": 90})[["start", "end"]].to_numpy().tolist()
    [[0, 90]]
    """
    if width is None:
        return elements
    start = (elements["start"] + elements["end"]) // 2 - width // 2
    end = (start + width).clip(upper=elements["chrom"].map(sizes))
    widened = elements.assign(start=start.clip(lower=0), end=end)
    return widened.sort_values(["chrom", "start", "end"], kind="stable", ignore_index=True)


def read_listed_pairs(file: Path, elements: pd.DataFrame) -> pd.DataFrame:
    """Read which elements are edited together: `element_id`, `partner_id`, each pair once, in file order.

    Raises
    ------
    ClasterError
        If a line does not name two of the elements, or there is none.
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


def elements_file(spec: DatasetSpec, file: Path | None) -> Path:
    """Return the file of elements, `file` or the dataset's own, or raise `ClasterError` if there is none."""
    if file is None:
        if spec.elements is None:
            raise ClasterError(
                f"dataset {spec.name!r} names no elements", remedy="give a BED with --elements"
            )
        file = spec.source(spec.elements.file)
    return require_file(file, named="elements", remedy="check the file name")


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


PAIR_NAMES = [
    "gene_id",
    "gene_name",
    "chrom",
    "tss",
    "strand",
    "element_id",
    "element_start",
    "element_end",
]
"""What a table of effects names a gene and an element by."""

PAIR_COLUMNS = [
    "gene_id",
    "gene_name",
    "chrom",
    "gene_start",
    "gene_end",
    "strand",
    "tss",
    "element_id",
    "start",
    "end",
]


def pair_elements(genes: pd.DataFrame, elements: pd.DataFrame, *, reach: int) -> pd.DataFrame:
    """Return every element that lies whole within reach of a TSS, for every gene.

    Parameters
    ----------
    elements
        Columns `element_id`, `chrom`, `start`, `end`, ordered by start within a chromosome.
    reach
        An element within ``[tss - reach, tss + reach)`` counts.

    Returns
    -------
    pandas.DataFrame
        The columns of `PAIR_COLUMNS` (`start`, `end`: the element's), a pair a row, genes in their order
        and elements by start.
    """
    of_chromosome = {str(chrom): rows for chrom, rows in elements.groupby("chrom", sort=False)}
    gene_rows, element_rows = [], []
    for row, gene in enumerate(genes.itertuples(index=False)):
        near = of_chromosome.get(str(gene.chrom))
        if near is None:
            continue
        low, high = np.searchsorted(near["start"], [gene.tss - reach, gene.tss + reach])
        found = near.iloc[low:high]
        index = found.index[found["end"].to_numpy() <= gene.tss + reach]
        gene_rows += [row] * len(index)
        element_rows += index.tolist()
    left = genes.iloc[gene_rows].rename(
        columns={"name": "gene_name", "start": "gene_start", "end": "gene_end"}
    )
    right = elements.loc[element_rows, ["element_id", "start", "end"]]
    together = pd.concat([left.reset_index(drop=True), right.reset_index(drop=True)], axis=1)
    return together[PAIR_COLUMNS]


def describe_pairs(pairs: pd.DataFrame, genes: pd.DataFrame) -> pd.DataFrame:
    """Add what lies between gene and element to pairs; `genes` are all that may lie between.

    Returns
    -------
    pandas.DataFrame
        `pairs` with `width` (bp), `distance` (bp from the TSS to the element's middle, genome
        orientation), `gene_distance` (the same in the gene's orientation: negative is upstream) and
        `genes_between` (TSSs of other genes between the TSS and the element's middle).
    """
    middle = (pairs["start"] + pairs["end"]) // 2
    distance = middle - pairs["tss"]
    between = np.zeros(len(pairs), dtype=np.int64)
    for chrom, rows in pairs.groupby("chrom").indices.items():
        tss = np.sort(genes.loc[genes["chrom"] == chrom, "tss"].to_numpy())
        own, other = pairs["tss"].to_numpy()[rows], middle.to_numpy()[rows]
        low, high = np.minimum(own, other), np.maximum(own, other)
        # The own TSS is one end of the stretch; genes that share it lie on its edge, not between.
        after = np.searchsorted(tss, low, side="right")
        between[rows] = (np.searchsorted(tss, high, side="left") - after).clip(min=0)
    return pairs.assign(
        width=pairs["end"] - pairs["start"],
        distance=distance,
        gene_distance=distance.where(pairs["strand"] == "+", -distance),
        genes_between=between,
    )
