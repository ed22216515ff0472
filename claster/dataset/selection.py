"""Which genes get a window, in which split, and why the others do not."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import pandas as pd

from claster.genome.gene_names import one_gene
from claster.genome.regions import contained_in, covered_shares, overlapping, shared_bases
from claster.genome.windows import Binning, window_table

DROP_REASONS = {
    "type_not_selected": "the gene's type is not among 'genes.types'",
    "chromosome_excluded": "the chromosome is among 'genes.exclude_chromosomes'",
    "chromosome_unknown": "the assembly has no such chromosome",
    "duplicate_id": "an earlier row has the same gene ID",
    "window_leaves_chromosome": "the input or target window reaches past an end of the chromosome",
    "outside_regions": "the input window is not whole inside 'regions'",
    "tss_blacklisted": "the TSS is on the blacklist",
    "window_blacklisted": "more of the input window is on the blacklist than 'blacklist.max_share' allows",
    "no_signal": "a track or target file has no data for the chromosome",
    "no_contacts": "the contact file has no data for the chromosome",
    "no_weights": "the contact file has no weights for the chromosome",
    "contacts_missing": "more of the contact map is unknown than 'contacts.max_missing' allows",
    "unreadable": "a track, target or contact file cannot be read there, and 'on_error' is 'drop'",
    "no_value": "the target's table has no value for the gene",
    "shared_value": "the gene's value in the target's table stands for several genes",
    "same_gene": "the same gene, under another ID or on another chromosome, is held out",
    "same_sequence": "the sequence around the TSS is a copy of that of a gene that is held out",
    "shares_window": "the input window shares bases with the window of a gene that is held out",
}


@dataclass(frozen=True)
class GeneSelection:
    """The genes in, each either kept with a split or dropped with one reason.

    Attributes
    ----------
    kept
        Gene columns, `split` and `padded` (bp read off the chromosome, 0 unless padded), ordered by
        chromosome and TSS.
    dropped
        Gene columns, `reason` (a key of `DROP_REASONS`) and `detail`.
    shared_bp
        Bases of the chromosomes that input windows of two splits share, by pair ("train-test").
    uncompared
        IDs of the genes of which a FASTA could not tell whether their sequence is that of another one.
    """

    kept: pd.DataFrame
    dropped: pd.DataFrame
    shared_bp: dict[str, int]
    uncompared: tuple[str, ...] = ()


@dataclass(frozen=True)
class GeneRules:
    """What decides whether a gene is kept.

    Attributes
    ----------
    sizes
        Chromosome sizes in bp.
    reach
        Distance in bp from the TSS that must lie on the chromosome: the half width of the wider of
        input and target window.
    pad
        Whether it need not: what lies off the chromosome holds nothing then.
    types
        None: all.
    without_signal, without_contacts
        Chromosomes that a file has no data for, with what is said of them.
    regions
        Intervals that an input window must lie in, or None.
    blacklist, max_blacklisted
        Regions that no TSS may lie in (`read_blacklist`), and the largest share of an input window's bases
        on the chromosome that they may cover.
    allow_shared_windows
        Whether training windows may share bases with held-out ones.
    """

    sizes: Mapping[str, int]
    landscape: Binning
    reach: int
    pad: bool
    types: Collection[str] | None
    exclude_chromosomes: Collection[str]
    without_signal: Mapping[str, str]
    without_contacts: Mapping[str, str]
    regions: pd.DataFrame | None
    allow_shared_windows: bool
    blacklist: pd.DataFrame | None = None
    max_blacklisted: float = 1.0


def select_genes(
    genes: pd.DataFrame, rules: GeneRules, *, held_out: Mapping[str, pd.DataFrame]
) -> GeneSelection:
    """Give every gene a split or a reason: ``len(kept) + len(dropped) == len(genes)``.

    Parameters
    ----------
    genes
        Checked gene table (0-based half-open, `tss`).
    held_out
        Intervals of the splits `valid` and `test`; a gene belongs to the one that holds its TSS,
        test first, otherwise to `train`.
    """
    sizes, landscape, regions = rules.sizes, rules.landscape, rules.regions
    windows = _on_chromosome(window_table(genes, landscape), sizes)
    chrom, tss = genes["chrom"], genes["tss"]
    size = chrom.map(sizes).fillna(0)
    low, high = tss - rules.reach, tss + rules.reach
    leaves = (tss < 0) | (tss > size) if rules.pad else (low < 0) | (high > size)
    bases = pd.DataFrame({"chrom": chrom, "start": tss, "end": tss + 1})
    blacklist = bases.iloc[:0] if rules.blacklist is None else rules.blacklist
    spoilt = covered_shares(windows, blacklist)
    reason = pd.Series("", index=genes.index)
    detail = pd.Series("", index=genes.index)

    def drop(name: str, broken: pd.Series, said: pd.Series | str) -> None:
        hit = broken & (reason == "")
        if hit.any():
            reason[hit] = name
            detail[hit] = said if isinstance(said, str) else said[hit]

    if rules.types is not None:
        drop("type_not_selected", ~genes["type"].isin(rules.types), genes["type"])
    drop("chromosome_excluded", chrom.isin(rules.exclude_chromosomes), chrom)
    drop("chromosome_unknown", ~chrom.isin(sizes), chrom)
    earlier = genes["gene_id"].where(reason == "").duplicated()
    drop("duplicate_id", earlier, genes["gene_id"])
    reached = chrom + ":" + low.astype(str) + "-" + high.astype(str)
    drop("window_leaves_chromosome", leaves, reached)
    if regions is not None:
        drop("outside_regions", ~contained_in(windows, regions), chrom)
    drop("tss_blacklisted", overlapping(bases, blacklist), chrom + ":" + tss.astype(str))
    covered = spoilt.map("{:.1%} covered".format)
    drop("window_blacklisted", spoilt > rules.max_blacklisted, covered)
    for name, without in (
        ("no_signal", rules.without_signal),
        ("no_contacts", rules.without_contacts),
    ):
        drop(name, chrom.isin(without), chrom.map(without))

    split = pd.Series("train", index=genes.index)
    for name in ("valid", "test"):
        split[overlapping(bases, held_out[name])] = name
    keys = one_gene(genes)
    for name, later in (("valid", ("test",)), ("train", ("valid", "test"))):
        held = (reason == "") & split.isin(later)
        twins = genes.loc[held, "gene_id"].groupby(keys[held]).first()
        told = name + " twin of " + keys.map(twins).astype(str)
        drop("same_gene", (split == name) & keys.isin(twins.index), told)
        if not rules.allow_shared_windows:
            beside = overlapping(windows, windows.loc[held, ["chrom", "start", "end"]])
            told = f"{name} window beside {' or '.join(later)}"
            drop("shares_window", (split == name) & beside, told)

    kept = reason == ""
    order = {name: rank for rank, name in enumerate(sizes)}
    padded = (-low).clip(lower=0) + (high - size).clip(lower=0)
    table = genes.assign(split=split, padded=padded.astype(int))[kept]
    table = (
        table.assign(_rank=table["chrom"].map(order))
        .sort_values(["_rank", "tss", "gene_id"])
        .drop(columns="_rank")
        .reset_index(drop=True)
    )
    dropped = genes.assign(reason=reason, detail=detail)[~kept].reset_index(drop=True)
    return GeneSelection(table, dropped, _shared(table, landscape, sizes))


def drop_genes(
    selection: GeneSelection,
    gone: Mapping[str, str],
    *,
    reason: str,
    landscape: Binning,
    sizes: Mapping[str, int],
) -> GeneSelection:
    """Move genes from kept to dropped.

    Parameters
    ----------
    gone
        Detail by gene ID.
    reason
        A key of `DROP_REASONS`.
    landscape, sizes
        The input window and the chromosomes' sizes in bp, to count shared bases again.
    """
    leaving = selection.kept["gene_id"].isin(gone)
    moved = selection.kept[leaving].drop(columns=["split", "padded"])
    moved = moved.assign(reason=reason, detail=moved["gene_id"].map(gone))
    kept = selection.kept[~leaving].reset_index(drop=True)
    dropped = pd.concat([selection.dropped, moved], ignore_index=True)
    shared = _shared(kept, landscape, sizes)
    uncompared = tuple(gene for gene in selection.uncompared if gene not in gone)
    return GeneSelection(kept, dropped, shared, uncompared)


def _shared(kept: pd.DataFrame, landscape: Binning, sizes: Mapping[str, int]) -> dict[str, int]:
    windows = _on_chromosome(window_table(kept, landscape), sizes)[["chrom", "start", "end"]]
    parts = {name: windows[kept["split"] == name] for name in ("train", "valid", "test")}
    pairs = (("train", "valid"), ("train", "test"), ("valid", "test"))
    return {f"{a}-{b}": shared_bases(parts[a], parts[b]) for a, b in pairs}


def _on_chromosome(windows: pd.DataFrame, sizes: Mapping[str, int]) -> pd.DataFrame:
    """Return the part of each window that lies on its chromosome."""
    size = windows["chrom"].map(sizes).fillna(0).astype(int)
    return windows.assign(
        start=windows["start"].clip(lower=0).clip(upper=size),
        end=windows["end"].clip(lower=0).clip(upper=size),
    )
