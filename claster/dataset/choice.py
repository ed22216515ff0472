"""Which genes of a dataset get a window."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from claster.dataset.inventory import excluded_chromosomes
from claster.dataset.selection import GeneRules, GeneSelection, drop_genes, select_genes
from claster.dataset.sources import Sources
from claster.dataset.spec import DatasetSpec
from claster.dataset.targets import SHARED, reach_of_targets
from claster.errors import ClasterError
from claster.genome.assembly import chromosome_aliases, rename_chromosomes
from claster.genome.fasta import fasta_records
from claster.genome.regions import read_regions

_REACH = 5_000

_FEWEST = 60

_COMMON = 100

_SHARE = 0.3

_CAPITALS = np.frombuffer(b"ACGT", dtype=np.uint8)

_TO_CAPITAL = np.uint8(0xDF)


def choose_genes(
    spec: DatasetSpec, sources: Sources, *, by_rules: GeneSelection | None = None
) -> GeneSelection:
    """Keep or drop every gene of the annotation, and give those that stay a split.

    Parameters
    ----------
    by_rules
        What the rules of the dataset alone select, where that is known.

    Returns
    -------
    GeneSelection
        Every gene, kept with its split or dropped with its reason; contact maps that are mostly
        unknown are found later, when they are read.

    Raises
    ------
    ClasterError
        If a rule names no region, there are more folds than chromosomes with genes, or the FASTA is of
        another assembly.
    """
    selection = by_rules or _by_rules(spec, sources)
    return _without_copies(_with_values(selection, spec, sources), spec, sources)


def _by_rules(spec: DatasetSpec, sources: Sources) -> GeneSelection:
    sizes, folder = sources.sizes, spec.data_folder
    aliases = chromosome_aliases(spec.assembly)

    def regions(rules: Sequence[str]) -> pd.DataFrame:
        return read_regions(rules, sizes=sizes, folder=folder, aliases=aliases)

    reach = spec.window.binning.half
    if spec.target:
        reach = max(reach, reach_of_targets(spec.target))
    rules = GeneRules(
        sizes=sizes,
        landscape=spec.window.binning,
        reach=reach,
        pad=spec.edges == "pad",
        types=spec.genes.types,
        exclude_chromosomes=excluded_chromosomes(spec, sizes),
        without_signal=sources.without_signal,
        without_contacts=sources.without_contacts,
        regions=regions(spec.regions) if spec.regions else None,
        blacklist=sources.blacklist,
        max_blacklisted=spec.blacklist.max_share if spec.blacklist else 1.0,
        allow_shared_windows=spec.splits.allow_shared_windows,
    )
    valid, test = spec.splits.valid, spec.splits.test
    if spec.splits.folds:
        nowhere = regions(())
        held_out = {"valid": nowhere, "test": nowhere}
        usable = select_genes(sources.genes, rules, held_out=held_out).kept
        valid, test = _fold(usable, sizes, folds=spec.splits.folds, fold=spec.splits.fold)
    held_out = {"valid": regions(valid), "test": regions(test)}
    return select_genes(sources.genes, rules, held_out=held_out)


def lacks_training(selection: GeneSelection, spec: DatasetSpec) -> bool:
    """Tell whether a dataset with a target is left without a training gene, though it could train.

    One whose scales come from another dataset (`scales_from`) is for networks trained on that.
    """
    if spec.target is None or spec.scales_from is not None:
        return False
    return not (selection.kept["split"] == "train").any()


def more_training(selection: GeneSelection, spec: DatasetSpec) -> str:
    """Return what to do about splits that leave no gene for training."""
    remedy = "hold out fewer chromosomes or smaller regions under 'splits'"
    reasons = selection.dropped["reason"]
    if twins := int((reasons == "same_gene").sum()):
        remedy += (
            f"; {twins:,} are the same genes as held-out ones (chrX and chrY, alternate sequences): hold "
            "out both places or neither"
        )
    if (reasons == "shares_window").any():
        remedy += "; genes beside held-out ones stay with 'allow_shared_windows: true'"
    if any(track.scale != "none" for track in spec.tracks):
        remedy += "; a dataset to predict only names the one that is trained on as 'scales_from'"
    return remedy


def _with_values(selection: GeneSelection, spec: DatasetSpec, sources: Sources) -> GeneSelection:
    """Drop genes that the target's table has no value for, and shared values that may not train."""
    if sources.values is None:
        return selection
    drop = partial(drop_genes, landscape=spec.window.binning, sizes=sources.sizes)
    ids = selection.kept["gene_id"]
    lacking = ids[~ids.isin(sources.values.index)]
    selection = drop(selection, dict.fromkeys(lacking, "not in the table"), reason="no_value")
    kept = selection.kept
    kept = kept.assign(**{SHARED: kept["gene_id"].map(sources.values[SHARED])})
    learnt = ["valid"] if spec.require_target().train_shared else ["train", "valid"]
    gone = kept.loc[kept[SHARED] & kept["split"].isin(learnt), ["gene_id", "split"]]
    selection = GeneSelection(kept, selection.dropped, selection.shared_bp)
    return drop(selection, dict(gone.itertuples(index=False)), reason="shared_value")


def _without_copies(selection: GeneSelection, spec: DatasetSpec, sources: Sources) -> GeneSelection:
    """Drop genes whose sequence is that of a gene in a later split, where there is a FASTA to tell by."""
    kept = selection.kept
    if sources.genome is None or kept["split"].nunique() < 2:
        return selection
    aliases = chromosome_aliases(spec.assembly)
    pairs, uncompared = _copies_between(kept, sources.genome, sizes=sources.sizes, aliases=aliases)
    split = dict(zip(kept["gene_id"], kept["split"], strict=True))
    either = pd.concat([pairs, pairs.rename(columns={"gene_id": "twin", "twin": "gene_id"})])
    gone: dict[str, str] = {}
    for name, later in (("valid", ("test",)), ("train", ("valid", "test"))):
        own = either[either["gene_id"].map(split).eq(name) & either["twin"].map(split).isin(later)]
        own = own[~own["twin"].isin(gone.keys())].sort_values("share", ascending=False)
        gone |= {
            gene: f"{name} copy of {twin}, {share:.0%} of its sequence"
            for gene, twin, share in own.drop_duplicates("gene_id").itertuples(index=False)
        }
    return drop_genes(
        replace(selection, uncompared=uncompared),
        gone,
        reason="same_sequence",
        landscape=spec.window.binning,
        sizes=sources.sizes,
    )


def _copies_between(
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

    Returns pairs: `gene_id`, `twin` (IDs) and `share` (of k-mers), a row a pair, each pair once.
    uncompared: IDs of the genes of which fewer than 60 k-mers count: the FASTA lacks their
    chromosome, or has nearly nothing but N and repeats there.

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


def _fold(
    usable: pd.DataFrame, sizes: Mapping[str, int], *, folds: int, fold: int
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the chromosomes to validate and to test on."""
    counts = usable["chrom"].value_counts()
    members = _chromosome_folds(
        {chrom: int(counts[chrom]) for chrom in sizes if chrom in counts}, folds=folds
    )
    if not all(members):
        raise ClasterError(
            f"{folds} folds of {len(counts)} chromosomes with usable genes",
            remedy="set 'splits.folds' to a smaller number, or give rules for 'valid' and 'test'",
        )
    return tuple(members[(fold + 1) % folds]), tuple(members[fold])


def _chromosome_folds(genes: Mapping[str, int], *, folds: int) -> list[list[str]]:
    """Divide chromosomes into folds, the largest first, each into the fold that has fewest genes so far.

    Returns the chromosomes of each fold, in the order of `genes`; the same for the same counts.

    Examples
    --------
    >>> _chromosome_folds({"chr1": 9, "chr2": 5, "chr3": 4, "chr4": 4, "chr5": 1}, folds=3)
    [['chr1'], ['chr2', 'chr5'], ['chr3', 'chr4']]
    """
    members: list[list[str]] = [[] for _ in range(folds)]
    loads = [0] * folds
    order = list(genes)
    for chrom in sorted(order, key=lambda chrom: (-genes[chrom], order.index(chrom))):
        lightest = loads.index(min(loads))
        members[lightest].append(chrom)
        loads[lightest] += genes[chrom]
    return [sorted(fold, key=order.index) for fold in members]
