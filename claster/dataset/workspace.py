"""The hidden folder in which a build grows until it is whole, and the files that are written into it."""

import hashlib
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pandas as pd
from numpy.lib import format as npy
from pydantic import BaseModel

from claster.dataset.layout import PARTS, SPLITS, STORE, DatasetFolders, modalities, part_members
from claster.dataset.selection import GeneSelection
from claster.dataset.spec import DatasetSpec
from claster.dataset.targets import SHARED
from claster.errors import ClasterError
from claster.files import link_file, sha256, write_text
from claster.genome.genes import GENE_COLUMNS
from claster.genome.windows import FORWARD, REVERSE, sample_id
from claster.text import read_npy, read_record, read_text


def write_array(path: Path, array: np.ndarray) -> str:
    """Write an array in C order to a new file, as float32 unless it is float16, and return its SHA-256.

    The bytes are those of `numpy.save`; they are hashed on their way, not read back. A file of that name
    gives way; other names that it has keep it as it is.

    Parameters
    ----------
    path
        A name ending in ``.npy``, in a folder that exists.
    """
    kind = np.float16 if array.dtype == np.float16 else np.float32
    array = np.ascontiguousarray(array, dtype=kind)
    header = BytesIO()
    npy.write_array_header_1_0(header, npy.header_data_from_array_1_0(array))
    digest = hashlib.sha256(header.getbuffer())
    digest.update(array.data)
    path.unlink(missing_ok=True)
    with path.open("xb") as file:
        file.write(header.getbuffer())
        file.write(array.data)
    return digest.hexdigest()


class Shard(BaseModel):
    """What a build has written of one chromosome.

    Attributes
    ----------
    genes
        IDs of the genes with arrays, in order.
    unknown
        Share of each gene's contact map that is unknown; empty without contacts.
    dropped
        Reason and detail of the genes that turned out not to be usable.
    checksums
        SHA-256 of each array by its name below the folder of arrays.
    values
        SHA-256 of each array that ends up in a table (`Workspace.values`), by name.
    """

    genes: list[str] = []
    unknown: dict[str, float] = {}
    dropped: dict[str, tuple[str, str]] = {}
    checksums: dict[str, str] = {}
    values: dict[str, str] = {}


@dataclass(frozen=True)
class Workspace:
    """A build on its way: `inputs` becomes the dataset's folder, `shards` holds what is done.

    A chromosome is done when its record is there. A build that was killed is taken up by the next one
    with the same plan, which trusts a record only after its arrays have been read and compared.
    """

    folder: Path

    @property
    def inputs(self) -> Path:
        """Arrays so far."""
        return self.folder / "inputs"

    def finish(self, chrom: str, shard: Shard, values: dict[str, np.ndarray]) -> Shard:
        """Keep the record of a chromosome that is done, and return it.

        Parameters
        ----------
        values
            Arrays that end up in tables, float32, by name; first axis: `shard.genes`.
        """
        digests = {name: write_array(self._values(chrom, name), a) for name, a in values.items()}
        shard = shard.model_copy(update={"values": digests})
        write_text(self._record(chrom), shard.model_dump_json())
        return shard

    def finished(self, chrom: str) -> Shard | None:
        """Return the record of a chromosome whose arrays are all as they were written, or None."""
        path = self._record(chrom)
        if not path.is_file():
            return None
        try:
            shard = read_record(path, Shard, remedy="build again")
        except ClasterError:  # cut off with the process that wrote it: the chromosome is done again
            return None
        wanted = {self.inputs / file: digest for file, digest in shard.checksums.items()}
        wanted |= {self._values(chrom, name): digest for name, digest in shard.values.items()}
        with ThreadPoolExecutor() as pool:
            whole = all(pool.map(is_as_written, wanted, wanted.values()))
        return shard if whole else None

    def values(self, chrom: str, name: str) -> np.ndarray:
        """Return an array that `finish` was given."""
        return read_npy(self._values(chrom, name), remedy="build again")

    def _record(self, chrom: str) -> Path:
        return self.folder / "shards" / f"{quote(chrom, safe='')}.json"

    def _values(self, chrom: str, name: str) -> Path:
        return self.folder / "shards" / f"{quote(chrom, safe='')}.{name}.npy"


@contextmanager
def open_workspace(folders: DatasetFolders, *, plan: str) -> Iterator[Workspace]:
    """Yield the workspace of a dataset: the one that a killed build has left, if its plan is the same.

    It is removed when the block succeeds or raises an error, and stays when the process is killed or
    interrupted.

    Parameters
    ----------
    plan
        Everything that the bytes of the build depend on.
    """
    workspace = Workspace(folders.inputs.with_name(f".{folders.name}.building"))
    written = workspace.folder / "plan.json"
    if not written.is_file() or read_text(written) != plan:
        _remove(workspace)
        (workspace.folder / "shards").mkdir(parents=True)
        write_text(written, plan)
    workspace.inputs.mkdir(exist_ok=True)
    try:
        yield workspace
    except Exception:
        _remove(workspace)
        raise
    _remove(workspace)


def _remove(workspace: Workspace) -> None:
    """Remove what is left of a workspace, its plan first: without that, nobody resumes the rest."""
    (workspace.folder / "plan.json").unlink(missing_ok=True)
    if workspace.folder.exists():
        shutil.rmtree(workspace.folder)


def is_as_written(path: Path, digest: str | None) -> bool:
    """Tell whether a file is there with its SHA-256."""
    return path.is_file() and sha256(path) == digest


def write_gene_tables(inputs: Path, selection: GeneSelection, unknown: dict[str, float]) -> None:
    """Write the kept and the dropped genes.

    Parameters
    ----------
    unknown
        Share of each kept gene's contact map that is unknown; empty without contacts.
    """
    table = selection.kept
    told = [name for name in ("padded", SHARED) if name in table and table[name].any()]
    kept = table[[*GENE_COLUMNS, "split", *told]]
    if unknown:
        kept = kept.assign(contacts_unknown=kept["gene_id"].map(unknown))
    dropped = selection.dropped[[*GENE_COLUMNS, "reason", "detail"]]
    kept.to_csv(inputs / "genes.tsv", sep="\t", index=False)
    dropped.to_csv(inputs / "dropped.tsv", sep="\t", index=False)
    (inputs / "README.md").write_text(_INPUTS_README, encoding="utf-8")


def write_sample_lists(targets: Path, kept: pd.DataFrame) -> None:
    """Write the sample names of each split, the lists that EIR and every later step go by."""
    for split in SPLITS:
        ids = _sample_names(kept[kept["split"] == split])
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
            for sample in _sample_names(kept[kept["split"].isin(part_members(part))]):
                link_file(inputs / modality / STORE / f"{sample}.npy", folder / f"{sample}.npy")


def write_target_tables(
    targets: Path, spec: DatasetSpec, kept: pd.DataFrame, values: dict[str, np.ndarray]
) -> None:
    """Write target tables and, where it is known, the truth of the test split.

    Parameters
    ----------
    values
        ``target`` and perhaps ``truth``: float32, shape (genes, 2, columns), forward and mirrored, in
        the order of `kept`.
    """
    if spec.target is None:
        return
    ids = pd.Index(_sample_names(kept), name="ID")
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


def _sample_names(genes: pd.DataFrame) -> list[str]:
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
