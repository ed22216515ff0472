"""The story of one gene in a data set: in the annotation, kept or dropped, and where its samples are."""

from pathlib import Path

import pandas as pd

from claster.dataset.choice import choose_genes
from claster.dataset.layout import DatasetFolders, read_genes_table
from claster.dataset.sources import open_sources
from claster.dataset.spec import DatasetSpec
from claster.dataset.words import find_gene
from claster.genome.selection import DROP_REASONS
from claster.genome.windows import FORWARD, sample_id
from claster.text import read_table

__all__ = ["explain_gene"]


def explain_gene(spec: DatasetSpec, named: str, *, project: Path | str = ".") -> list[str]:
    """Tell what became of a gene, from the built dataset or, before that, from the source files.

    Parameters
    ----------
    spec
        The dataset.
    named
        Gene ID, with or without its version, or name.
    project
        The project's folder.

    Returns
    -------
    list of str
        Lines for people; positions are 0-based, half-open.

    Raises
    ------
    ClasterError
        If the annotation has no such gene, or more than one.
    """
    folders = DatasetFolders.of(spec, project=project)
    if folders.manifest.is_file():
        kept, dropped = read_genes_table(folders), read_table(folders.dropped, dtype=str)
        dropped = dropped.astype({"start": int, "end": int, "tss": int}).fillna("")
        source = "as built"
    else:
        with open_sources(spec) as sources:
            selection = choose_genes(spec, sources)
        kept, dropped = selection.kept, selection.dropped
        source = "not built yet; contact maps not looked at"
    everyone = pd.concat([kept, dropped], ignore_index=True).fillna({"type": ""})
    gene = find_gene(everyone.drop_duplicates("gene_id"), named)
    rows = dropped[dropped["gene_id"] == gene["gene_id"]]
    is_kept = bool((kept["gene_id"] == gene["gene_id"]).any())
    lines = [_place(gene), *(_kept(gene, kept, spec, source) if is_kept else [])]
    lines += [_dropped(row, source) for _, row in rows.iterrows()]
    if is_kept and folders.manifest.is_file():
        lines += _files(gene, spec, folders)
    return lines


def _place(gene: pd.Series) -> str:
    return (
        f"{gene['gene_id']} ({gene['name']}), {gene['type'] or 'no type'}: "
        f"{gene['chrom']}:{gene['start']:,}-{gene['end']:,} {gene['strand']}, TSS {gene['tss']:,}"
    )


def _kept(gene: pd.Series, kept: pd.DataFrame, spec: DatasetSpec, source: str) -> list[str]:
    start, end = spec.window.binning.span(int(gene["tss"]))
    window = f"{gene['chrom']}:{start:,}-{end:,}"
    lines = [f"kept ({source}), split {gene['split']}; input window {window}"]
    if "padded" in kept and gene["padded"]:
        lines.append(
            f"padded: {int(gene['padded']):,} bp of its windows lie off the chromosome and hold nothing, "
            f"as in {int((kept['padded'] > 0).sum())} of {len(kept)} kept genes"
        )
    return lines


def _dropped(row: pd.Series, source: str) -> str:
    return f"dropped ({source}), {row['reason']}: {DROP_REASONS[row['reason']]}" + (
        f" ({row['detail']})" if row["detail"] else ""
    )


def _files(gene: pd.Series, spec: DatasetSpec, folders: DatasetFolders) -> list[str]:
    sample = sample_id(gene["gene_id"], FORWARD)
    modalities = ["landscape", *(["contacts"] if spec.contacts else [])]
    lines = [
        f"{modality}: {folders.arrays(modality, gene['split']) / f'{sample}.npy'}"
        for modality in modalities
    ]
    if spec.target:
        lines.append(f"target: row {sample} of {folders.target_table(gene['split'])}")
    return lines
