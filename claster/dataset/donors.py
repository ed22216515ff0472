"""Built datasets whose arrays another one can share: the same windows of the same files."""

import os
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from claster.dataset.layout import STORE, DatasetFolders, read_genes_table
from claster.dataset.manifest import LIBRARIES, differences, read_checksums, read_manifest
from claster.dataset.spec import DatasetSpec
from claster.dataset.workspace import Shard
from claster.errors import ClasterError
from claster.files import NO_HARD_LINKS, sha256
from claster.genome.windows import FORWARD, REVERSE, sample_id
from claster.text import read_table
from claster.versions import versions

_MADE_BY = {
    "landscape": ("tracks", "window", "summary", "blacklist", "assembly", "chrom_sizes"),
    "contacts": ("contacts", "window", "assembly", "chrom_sizes"),
}
"""Keys of a dataset that the arrays of a modality depend on, beside files, genes and versions."""


@dataclass(frozen=True)
class Donor:
    """The arrays of one modality of a built dataset.

    Attributes
    ----------
    modality
        ``landscape`` or ``contacts``.
    genes
        Kept genes with arrays: `chrom`, `tss` and perhaps `contacts_unknown`, by gene ID.
    dropped
        Detail of the genes whose contact map is mostly unknown, by gene ID.
    checksums
        SHA-256 of every file by its name below the dataset's inputs.
    """

    folder: Path
    modality: str
    genes: pd.DataFrame
    dropped: dict[str, str]
    checksums: dict[str, str]

    def give(self, inputs: Path, genes: pd.DataFrame, *, threads: Executor) -> Shard | None:
        """Link the arrays of genes into another dataset, after comparing them with their checksums.

        Parameters
        ----------
        inputs
            The other dataset's folder; ``<modality>/all`` is in it.

        Returns
        -------
        Shard or None
            None where a gene is not here, an array is not as it was built, or the disk has no hard links.
        """
        here = genes[genes["gene_id"].isin(self.genes.index)]
        gone = genes[genes["gene_id"].isin(self.dropped)]
        known = self.genes.loc[here["gene_id"]]
        same = (known[["chrom", "tss"]].to_numpy() == here[["chrom", "tss"]].to_numpy()).all()
        if len(here) + len(gone) < len(genes) or not same:
            return None
        files = [
            f"{self.modality}/{STORE}/{sample_id(gene, way)}.npy"
            for gene in here["gene_id"]
            for way in (FORWARD, REVERSE)
        ]
        if not all(threads.map(self._is_as_built, files)) or not self._link(inputs, files):
            return None
        shares = known.get("contacts_unknown") if self.modality == "contacts" else None
        return Shard(
            genes=here["gene_id"].tolist(),
            unknown={} if shares is None else shares.to_dict(),
            dropped={gene: ("contacts_missing", self.dropped[gene]) for gene in gone["gene_id"]},
            checksums={file: self.checksums[file] for file in files},
        )

    def _is_as_built(self, file: str) -> bool:
        path = self.folder / file
        return path.is_file() and sha256(path) == self.checksums.get(file)

    def _link(self, inputs: Path, files: list[str]) -> bool:
        for file in files:
            (inputs / file).unlink(missing_ok=True)
            try:
                os.link(self.folder / file, inputs / file)
            except OSError as error:
                if error.errno not in NO_HARD_LINKS:
                    raise
                return False
        return True


def find_donor(spec: DatasetSpec, modality: str) -> Donor | None:
    """Return another built dataset of the project whose arrays of a modality are those of `spec`.

    In this way the folds of a dataset, or datasets that differ in target or splits, share them.

    Parameters
    ----------
    spec
        The dataset that is being built.
    modality
        ``landscape`` or ``contacts``.
    """
    if modality == "landscape" and any(track.scale != "none" for track in spec.tracks):
        return None  # measured in training windows, so it differs where the splits do
    for path in sorted((spec.project / "inputs").glob("*/manifest.json")):
        folders = DatasetFolders(path.parent.name, spec.project)
        try:
            manifest = read_manifest(folders)
        except ClasterError:  # of another version: nothing to share
            continue
        if (
            manifest is not None
            and not folders.is_torn
            and folders.name != spec.name
            and manifest.versions == versions(LIBRARIES)
            and not any(_concerns(change, modality) for change in differences(manifest, spec))
        ):
            return _open_donor(folders, modality)
    return None


def _concerns(change: str, modality: str) -> bool:
    sources = ("contacts",) if modality == "contacts" else ("track ", "blacklist")
    keys = {f"'{key}' of the dataset" for key in _MADE_BY[modality]}
    return change in keys or change.startswith(sources)


def _open_donor(folders: DatasetFolders, modality: str) -> Donor:
    dropped = read_table(folders.dropped, dtype=str)
    dropped = dropped[dropped["reason"] == "contacts_missing"]
    return Donor(
        folder=folders.inputs,
        modality=modality,
        genes=read_genes_table(folders).set_index("gene_id"),
        dropped=dict(zip(dropped["gene_id"], dropped["detail"], strict=True))
        if modality == "contacts"
        else {},
        checksums=read_checksums(folders.inputs),
    )
