"""A build in words."""

from pathlib import Path

import pandas as pd
from rich.filesize import decimal

from claster.dataset.build import BuildResult
from claster.dataset.downloads.plan import DownloadPlan
from claster.dataset.layout import DatasetFolders
from claster.dataset.manifest import differences, read_manifest
from claster.dataset.spec import DatasetSpec
from claster.genome.selection import DROP_REASONS

__all__ = ["build_lines", "download_table", "plan_line", "reasons_to_build"]


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
    lines.append(f"arrays: {folders.inputs}   targets: {folders.targets}")
    return lines


def reasons_to_build(spec: DatasetSpec, *, project: Path | str = ".") -> list[str]:
    """Return what has changed since a dataset was built, one line each; one line where nothing has.

    Raises
    ------
    ClasterError
        If its manifest does not read.
    """
    folders = DatasetFolders.of(spec, project=project)
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
    spec
        The dataset.
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
        f"{here} of {len(plan.files)} files are here; {_size(plan.missing_bytes)}{unknown} to come, "
        f"{_size(plan.free_bytes)} free at {spec.data_folder}"
    )


def _size(count: int | None) -> str:
    return "?" if count is None else decimal(count)
