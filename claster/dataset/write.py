"""The tables of a built dataset, and the views of its arrays that EIR reads."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd

from claster.dataset.layout import PARTS, SPLITS, STORE, modalities, part_members
from claster.dataset.spec import DatasetSpec
from claster.files import link_file
from claster.genome.genes import GENE_COLUMNS
from claster.genome.selection import GeneSelection
from claster.genome.windows import FORWARD, REVERSE, sample_id

__all__ = ["link_parts", "write_gene_tables", "write_sample_lists", "write_target_tables"]


def write_gene_tables(inputs: Path, selection: GeneSelection, unknown: dict[str, float]) -> None:
    """Write the kept and the dropped genes.

    Parameters
    ----------
    inputs
        The dataset's folder.
    selection
        Every gene.
    unknown
        Share of each kept gene's contact map that is unknown; empty without contacts.
    """
    padded = ["padded"] if selection.kept["padded"].any() else []
    kept = selection.kept[[*GENE_COLUMNS, "split", *padded]]
    if unknown:
        kept = kept.assign(contacts_unknown=kept["gene_id"].map(unknown))
    dropped = selection.dropped[[*GENE_COLUMNS, "reason", "detail"]]
    kept.to_csv(inputs / "genes.tsv", sep="\t", index=False)
    dropped.to_csv(inputs / "dropped.tsv", sep="\t", index=False)
    (inputs / "README.md").write_text(_INPUTS_README, encoding="utf-8")


def write_sample_lists(targets: Path, kept: pd.DataFrame) -> None:
    """Write the sample names of each split, the lists that EIR and every later step go by."""
    for split in SPLITS:
        ids = sample_names(kept[kept["split"] == split])
        (targets / f"ids_{split}.txt").write_text("".join(f"{i}\n" for i in ids), encoding="utf-8")
    (targets / "README.md").write_text(_TARGETS_README, encoding="utf-8")


def link_parts(inputs: Path, spec: DatasetSpec, kept: pd.DataFrame) -> None:
    """Make the folders that show a split's part of the store: other names of the same files.

    EIR reads one folder without sub-folders, training and validation as one.
    """
    for modality in modalities(spec):
        for part in PARTS:
            folder = inputs / modality / part
            if folder.exists():
                shutil.rmtree(folder)
            folder.mkdir(parents=True)
            for sample in sample_names(kept[kept["split"].isin(part_members(part))]):
                link_file(inputs / modality / STORE / f"{sample}.npy", folder / f"{sample}.npy")


def write_target_tables(
    targets: Path, spec: DatasetSpec, kept: pd.DataFrame, values: dict[str, np.ndarray]
) -> None:
    """Write target tables and, where it is known, the truth of the test split.

    Parameters
    ----------
    targets
        The dataset's folder.
    spec
        The dataset.
    kept
        Its genes.
    values
        ``target`` and perhaps ``truth``: float32, shape (genes, 2, columns), forward and mirrored, in
        the order of `kept`.
    """
    if spec.target is None:
        return
    ids = pd.Index(sample_names(kept), name="ID")
    split = np.repeat(kept["split"].to_numpy(), 2)
    tables = {
        name: pd.DataFrame(array.reshape(len(ids), -1), index=ids, columns=spec.target.columns)
        for name, array in values.items()
    }
    target = tables["target"]
    together = pd.concat([target[split == "train"], target[split == "valid"]])
    _write_table(targets / "train_valid.csv", together)
    _write_table(targets / "test.csv", target[split == "test"])
    if "truth" in tables:
        _write_table(targets / "truth_test.csv", tables["truth"][split == "test"])


def sample_names(genes: pd.DataFrame) -> list[str]:
    """Return the two samples of each gene, forward first."""
    return [sample_id(gene, way) for gene in genes["gene_id"] for way in (FORWARD, REVERSE)]


def _write_table(path: Path, table: pd.DataFrame) -> None:
    table.to_csv(path, float_format="%.6g")


_INPUTS_README = """\
Made by `claster data build`; safe to delete, made again by the same command.

landscape/all/<gene>_<forward|rev>.npy   float32 (tracks, 1, bins), genome orientation or mirrored;
                                         (tracks, bins) where 'window.layout' is 'rows'; on the scale of
                                         each track's 'scale' and 'transform' in the dataset YAML
contacts/all/<gene>_<forward|rev>.npy    float32 (rows, columns), where the dataset has contacts
*/{train,valid,test,train_valid}/        the samples of a split: other names of the files in `all` (hard
                                         links, no copies); EIR reads train and valid together
view_*/                                  parts of these arrays that a flavour asked for
genes.tsv, dropped.tsv                   every gene of the annotation, kept with a split or dropped
                                         with a reason; intervals and TSS 0-based, half-open
manifest.json                            sources, settings, versions, counts
checksums.sha256                         of every file here (`claster verify`, `sha256sum -c`)
"""

_TARGETS_README = """\
Made by `claster data build`; safe to delete, made again by the same command.

train_valid.csv, test.csv   ID and one column a bin and condition (-200_ctrl ... 200_ctrl)
truth_test.csv              the same without noise, where the dataset names noise-free tracks
                            (all on the scale of 'target.transform' in the dataset YAML)
ids_<split>.txt             sample names of a split, one a line
checksums.sha256            of every file here (`claster verify`, `sha256sum -c`)
"""
