"""A build in words, and the story of one gene."""

import pandas as pd
from rich.filesize import decimal

from claster.dataset.build import BuildResult
from claster.dataset.choice import choose_genes
from claster.dataset.downloads.plan import DownloadPlan
from claster.dataset.layout import DatasetFolders, read_genes_table
from claster.dataset.manifest import differences, read_manifest
from claster.dataset.selection import DROP_REASONS
from claster.dataset.sources import open_sources
from claster.dataset.spec import DatasetSpec
from claster.genome.gene_names import find_gene
from claster.genome.windows import FORWARD, sample_id
from claster.text import read_table


def build_lines(result: BuildResult) -> list[str]:
    """Return what came out of a build: genes in, kept, dropped with reasons, shared bases."""
    manifest, folders = result.manifest, result.folders
    kept = manifest.genes_kept
    lines = [f"{folders.inputs} is up to date"] if result.reused else []
    lines.append(
        f"{manifest.genes_in} genes in: {sum(kept.values())} kept "
        f"({', '.join(f'{n} {split}' for split, n in kept.items())}), "
        f"{sum(manifest.genes_dropped.values())} dropped"
    )
    lines += [f"  {n:>6} {DROP_REASONS[reason]}" for reason, n in manifest.genes_dropped.items()]
    if manifest.genes_padded:
        lines.append(f"{manifest.genes_padded} of the kept genes are padded at a chromosome's end")
    shared = ", ".join(f"{pair} {bases:,} bp" for pair, bases in manifest.shared_bp.items())
    lines.append(f"input windows share: {shared}")
    if len([split for split, n in kept.items() if n]) > 1 and not manifest.sequences_compared:
        lines.append(
            f"copies of a sequence in two splits: {manifest.genes_uncompared} genes were not compared, of "
            "which the FASTA has hardly anything but N and repeats, or not the chromosome"
            if manifest.genes_uncompared
            else "copies of a sequence in two splits: not looked for, without a FASTA ('genome')"
        )
    lines.append(f"arrays: {folders.inputs}   targets: {folders.targets}")
    return lines


def reasons_to_build(spec: DatasetSpec) -> list[str]:
    """Return what has changed since a dataset was built, one line each; one line where nothing has.

    Raises
    ------
    ClasterError
        If its manifest cannot be read.
    """
    folders = DatasetFolders.of(spec)
    manifest = read_manifest(folders)
    if manifest is None:
        return [f"{folders.inputs} is not built yet"]
    if folders.is_torn:
        return [f"{folders.targets} is not of the same build as {folders.inputs}"]
    changed = differences(manifest, spec)
    return [f"changed: {name}" for name in changed] or [f"{folders.inputs} is up to date"]


def download_table(spec: DatasetSpec, plan: DownloadPlan) -> pd.DataFrame:
    """Return what a dataset downloads, one row a file.

    Parameters
    ----------
    plan
        From `plan_downloads`.

    Returns
    -------
    pandas.DataFrame
        Indexed by name: `file`, `size` (for people, ``?`` where it is not known), `state`, `format`,
        `assembly`, `licence`, `citation`.
    """
    planned = {file.name: file for file in plan.files}
    rows = {
        download.name: {
            "file": download.file,
            "size": _size(planned[download.name].size),
            "state": planned[download.name].state,
            "format": download.format,
            "assembly": download.assembly or spec.assembly,
            "licence": download.licence,
            "citation": download.citation,
        }
        for download in spec.downloads
        if download.name in planned
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("name")


def plan_line(spec: DatasetSpec, plan: DownloadPlan) -> str:
    """Return how much is to come and how much room there is, as one line."""
    here = sum(file.state == "here" for file in plan.files)
    unknown = f" and {plan.unknown_sizes} files of unknown size" if plan.unknown_sizes else ""
    return (
        f"{here} of {len(plan.files)} files are here; {_size(plan.missing_bytes)}{unknown} to download, "
        f"{_size(plan.free_bytes)} free at {spec.data_folder}"
    )


def _size(count: int | None) -> str:
    return "?" if count is None else decimal(count)


def explain_gene(spec: DatasetSpec, named: str) -> list[str]:
    """Tell what became of a gene, from the built dataset or, before that, from the source files.

    Parameters
    ----------
    named
        Gene ID, with or without its version, or name.

    Returns
    -------
    list of str
        Lines for people; positions are 0-based, half-open.

    Raises
    ------
    ClasterError
        If the annotation has no such gene, or more than one.
    """
    folders = DatasetFolders.of(spec)
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
    gene = find_gene(everyone, named)
    rows = dropped[dropped["gene_id"] == gene["gene_id"]]
    is_kept = bool((kept["gene_id"] == gene["gene_id"]).any())
    lines = [_place(gene), *(_kept(gene, kept, spec, source) if is_kept else [])]
    lines += [
        f"dropped ({source}), {row['reason']}: {DROP_REASONS[row['reason']]}"
        + (f" ({row['detail']})" if row["detail"] else "")
        for _, row in rows.iterrows()
    ]
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
