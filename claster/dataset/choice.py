"""Which genes of a dataset get a window."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import pandas as pd

from claster.dataset.copies import copies_between
from claster.dataset.selection import (
    GeneRules,
    GeneSelection,
    chromosome_folds,
    drop_genes,
    select_genes,
)
from claster.dataset.sources import Sources
from claster.dataset.spec import DatasetSpec
from claster.dataset.targets import reach_of_targets
from claster.dataset.value_table import SHARED
from claster.dataset.words import excluded_chromosomes
from claster.errors import ClasterError
from claster.genome.assembly import chromosome_aliases
from claster.genome.regions import read_regions

__all__ = ["choose_genes", "lacks_training", "more_training"]


def choose_genes(
    spec: DatasetSpec, sources: Sources, *, by_rules: GeneSelection | None = None
) -> GeneSelection:
    """Keep or drop every gene of the annotation, and give those that stay a split.

    Parameters
    ----------
    sources
        Its open files.
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
    pairs, uncompared = copies_between(kept, sources.genome, sizes=sources.sizes, aliases=aliases)
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


def _fold(
    usable: pd.DataFrame, sizes: Mapping[str, int], *, folds: int, fold: int
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the chromosomes to validate and to test on."""
    counts = usable["chrom"].value_counts()
    members = chromosome_folds(
        {chrom: int(counts[chrom]) for chrom in sizes if chrom in counts}, folds=folds
    )
    if not all(members):
        raise ClasterError(
            f"{folds} folds of {len(counts)} chromosomes with usable genes",
            remedy="set 'splits.folds' to a smaller number, or give rules for 'valid' and 'test'",
        )
    return tuple(members[(fold + 1) % folds]), tuple(members[fold])
