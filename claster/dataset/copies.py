"""Genes of different splits with one sequence around the TSS: segmental duplications, PARs, haplotypes."""

from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from claster.errors import ClasterError
from claster.genome.assembly import rename_chromosomes
from claster.genome.fasta import fasta_records

__all__ = ["copies_between"]

_REACH = 5_000
_FEWEST = 60
_COMMON = 100
_SHARE = 0.3
_CAPITALS = np.frombuffer(b"ACGT", dtype=np.uint8)
_TO_CAPITAL = np.uint8(0xDF)


def copies_between(
    genes: pd.DataFrame,
    fasta: Path | str,
    *,
    sizes: Mapping[str, int],
    aliases: Mapping[str, str],
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Find genes of different splits of which the sequence around the TSS is the same, or nearly.

    The 20-mers of TSS +- 5 kb are compared, on both strands, one in 16 by a hash that decides alike
    everywhere. Those with N, soft-masked, of low complexity (period up to 6) or of more than 100 genes count
    for nothing; a sequence all in small letters is not masked, but written so. Two genes are copies where
    they share 30 % of what is left to the one with fewer, and that has at least 60 (1 kb of sequence): 94 %
    of identity without gaps. Random sequence shares none. Genes within 10 kb of each other share the same
    bases, not copies, and do not count.

    Parameters
    ----------
    genes
        `gene_id`, `chrom`, `tss` (0-based), `split`.
    fasta
        The genome.
    sizes, aliases
        The assembly's chromosomes in bp, and its names by other spelling, for the names in the FASTA.

    Returns
    -------
    pairs : pandas.DataFrame
        `gene_id`, `twin` (IDs) and `share` (of k-mers), a row a pair, each pair once.
    uncompared : tuple of str
        IDs of the genes of which fewer than 60 k-mers count: the FASTA lacks their chromosome, or has
        nearly nothing but N and repeats there.

    Raises
    ------
    ClasterError
        If the FASTA does not read, has none of the genes' chromosomes, or one in another length.

    References
    ----------
    FracMinHash: Irber et al. 2022, doi 10.1101/2022.01.11.475838
    """
    rows, hashes = _sketches(genes, fasta, sizes=sizes, aliases=aliases)
    _, kmers, counts = np.unique(hashes, return_inverse=True, return_counts=True)
    sampled = np.bincount(rows, minlength=len(genes))
    rare = counts[kmers] <= _COMMON
    rows, kmers = rows[rare], kmers[rare]
    held = csr_array(
        (np.ones(len(rows), dtype=np.int32), (rows, kmers)), shape=(len(genes), len(counts))
    )
    left = np.asarray(held.sum(axis=1)).ravel()
    ids, splits = genes["gene_id"].to_numpy(), genes["split"].to_numpy()
    chrom, tss = genes["chrom"].to_numpy(), genes["tss"].to_numpy()
    found = []
    for one, other in combinations(pd.unique(splits), 2):
        a, b = np.flatnonzero(splits == one), np.flatnonzero(splits == other)
        shared = (held[a] @ held[b].T).tocoo()
        first, second = a[shared.coords[0]], b[shared.coords[1]]
        fewer = np.minimum(left[first], left[second])
        copied = (fewer >= _FEWEST) & (shared.data >= _SHARE * fewer)
        copied &= (chrom[first] != chrom[second]) | (np.abs(tss[first] - tss[second]) >= 2 * _REACH)
        table = pd.DataFrame({"gene_id": ids[first], "twin": ids[second]})
        found.append(table.assign(share=shared.data / fewer)[copied])
    columns = ["gene_id", "twin", "share"]
    pairs = pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=columns)
    return pairs, tuple(ids[sampled < _FEWEST])


def _sketches(
    genes: pd.DataFrame,
    fasta: Path | str,
    *,
    sizes: Mapping[str, int],
    aliases: Mapping[str, str],
) -> tuple[np.ndarray, np.ndarray]:
    """Return the genes' sampled k-mers: rows of `genes`, and hashes beside them, each once a gene."""
    from claster.genome.kernels import sample_kmers  # numba takes a second

    places = genes.reset_index(drop=True).groupby("chrom")["tss"]
    starts = {str(chrom): those for chrom, those in places}
    rows, hashes = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.uint64)]
    seen = 0
    for name, letters in fasta_records(fasta):
        named = pd.DataFrame({"chrom": [name]})
        chrom = str(rename_chromosomes(named, sizes=sizes, aliases=aliases)["chrom"].iloc[0])
        own = starts.get(chrom, pd.Series(dtype=int))
        if len(own) and sizes[chrom] != len(letters):
            raise ClasterError(
                f"genome ({fasta}): {name} has {len(letters):,} bp and {sizes[chrom]:,} in the assembly",
                remedy="bring the FASTA of the dataset's assembly, or leave 'genome' out",
            )
        seen += len(own)
        if len(own) and not np.isin(letters, _CAPITALS).any():
            letters = letters & _TO_CAPITAL
        for row, tss in own.items():
            kept = np.unique(sample_kmers(letters[max(tss - _REACH, 0) : tss + _REACH]))
            rows.append(np.full(len(kept), row))
            hashes.append(kept)
    if len(genes) and not seen:
        raise ClasterError(
            f"genome ({fasta}) has none of the chromosomes of the genes",
            remedy="bring the FASTA of the dataset's assembly, or leave 'genome' out",
        )
    return np.concatenate(rows), np.concatenate(hashes)
