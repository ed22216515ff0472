"""Where the files of a built dataset are."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd

from claster.dataset.selection import DROP_REASONS
from claster.dataset.spec import DatasetSpec
from claster.errors import ClasterError
from claster.files import sha256
from claster.genome.gene_names import find_gene, genes_called
from claster.genome.windows import FORWARD, REVERSE, sample_id
from claster.settings import Split
from claster.signal.landscape import Transform, restored
from claster.text import read_npy, read_table, read_text

SPLITS: tuple[Split, ...] = ("train", "valid", "test")

STORE = "all"
"""Folder of a modality that holds the arrays; the other folders show some of them under the same names."""

TOGETHER = "train_valid"
"""Training and validation as one, which EIR reads from one folder and one table."""

PARTS: tuple[str, ...] = (*SPLITS, TOGETHER)
"""Folders of a modality that show the part of one or two splits."""

CHECKSUMS = "checksums.sha256"
"""Name of the list of a folder's files with their SHA-256; `sha256sum -c` reads it too."""

VIEW_PREFIX = "view_"
"""Begins the name of each folder that is derived from a build and no part of it."""


def part_members(part: str) -> tuple[Split, ...]:
    """Return the splits whose arrays lie in a part's folder."""
    return ("train", "valid") if part == TOGETHER else tuple(s for s in SPLITS if s == part)


def modalities(spec: DatasetSpec) -> tuple[str, ...]:
    """Return the kinds of array that a dataset has."""
    return ("landscape", "contacts") if spec.contacts else ("landscape",)


@dataclass(frozen=True)
class DatasetFolders:
    """The folders of a built dataset, below the project's folder."""

    name: str
    project: Path = Path()

    @classmethod
    def of(cls, spec: DatasetSpec) -> "DatasetFolders":
        """Return the folders of the dataset that `spec` describes, below the project it was loaded from."""
        return cls(spec.name, spec.project)

    @classmethod
    def at(cls, inputs: Path) -> "DatasetFolders":
        """Return the folders of the dataset whose arrays are in ``<project>/inputs/<name>``."""
        return cls(inputs.resolve().name, inputs.parent.parent)

    @property
    def inputs(self) -> Path:
        """Arrays, gene tables and manifest."""
        return self.project / "inputs" / self.name

    @property
    def targets(self) -> Path:
        """Target tables and ID files."""
        return self.project / "targets" / self.name

    @property
    def manifest(self) -> Path:
        """The manifest; written last, so its presence says that the dataset is whole."""
        return self.inputs / "manifest.json"

    @property
    def genes(self) -> Path:
        """Table of the kept genes."""
        return self.inputs / "genes.tsv"

    @property
    def dropped(self) -> Path:
        """Table of the dropped genes, one reason each."""
        return self.inputs / "dropped.tsv"

    def arrays(self, modality: str, part: str) -> Path:
        """Folder of the arrays of a modality or view, and a part: `STORE`, a split or `TOGETHER`."""
        return self.inputs / modality / part

    def profiles(self, part: str, *, bins: int | None = None) -> Path:
        """Folder of the targets as arrays, of all bins or of so many central ones; see `write_profiles`."""
        central = "" if bins is None else f"_{bins}"
        return self.targets / f"{VIEW_PREFIX}profiles{central}" / part

    def table_view(self, transform: Transform, *, bins: int) -> Path:
        """Table of so many central target bins on another scale; see `write_table_view`."""
        return self.targets / f"{VIEW_PREFIX}{transform}_{bins}" / "train_valid.csv"

    def scale_of(self, table: Path) -> Transform | None:
        """Return the scale of a table of the targets that is a view, None for one of the dataset's own."""
        found = re.fullmatch(rf"{VIEW_PREFIX}(.+)_\d+", table.parent.name)
        return next((name for name in get_args(Transform) if found and name == found[1]), None)

    def target_table(self, split: str) -> Path:
        """Target table that holds a split."""
        return self.targets / ("test.csv" if split == "test" else "train_valid.csv")

    def truth_table(self) -> Path:
        """Noise-free targets of the test split; only where the dataset names noise-free tracks."""
        return self.targets / "truth_test.csv"

    def ids(self, split: str) -> Path:
        """Sample names of a split, one a line."""
        return self.targets / f"ids_{split}.txt"

    @property
    def is_torn(self) -> bool:
        """Whether the targets are missing or of another build than the inputs, or the manifest is cut off.

        A build that is killed between the two renames at its end leaves that. The manifest lies with the
        inputs and holds the SHA-256 of the list of checksums in the targets, so it tells its own from others.
        """
        try:
            manifest = json.loads(self.manifest.read_text(encoding="utf-8"))
            listed = manifest["checksums"]["targets"]
        except FileNotFoundError:
            return False
        except ValueError:
            return True
        except (KeyError, TypeError):
            return False  # what else is wrong with the manifest is told where it is read
        path = self.targets / CHECKSUMS
        return not path.is_file() or sha256(path) != listed

    @property
    def is_built(self) -> bool:
        """Whether inputs and targets are there and of one build."""
        return self.manifest.is_file() and not self.is_torn

    def require_built(self) -> None:
        """Raise `ClasterError` unless the dataset was built, inputs and targets in one build."""
        if not self.manifest.is_file():
            raise ClasterError(
                f"dataset {self.name!r} is not built (no {self.manifest})",
                remedy=f"run 'claster data build {self.name}' first, or its build() in Python",
            )
        if self.is_torn:
            torn = f"{self.targets} is not of the same build as {self.inputs}"
            try:
                json.loads(self.manifest.read_text(encoding="utf-8"))
            except ValueError:
                torn = f"{self.manifest} is damaged"
            raise ClasterError(
                f"dataset {self.name!r} is torn: {torn}",
                remedy=f"run 'claster data build {self.name}', which makes both again",
            )


def read_ids(folders: DatasetFolders, split: Split) -> list[str]:
    """Return the sample names of a split, forward and rev, in file order.

    Raises
    ------
    ClasterError
        If the dataset is not built, or torn.
    """
    folders.require_built()
    return read_text(folders.ids(split)).split()


def read_genes_table(folders: DatasetFolders, *, split: Split | None = None) -> pd.DataFrame:
    """Return the kept genes.

    Returns
    -------
    pandas.DataFrame
        Columns `gene_id`, `name`, `type`, `chrom`, `start`, `end` (0-based half-open), `strand`,
        `tss` (0-based), `split` and, with contacts, `contacts_unknown` (share of the map), ordered by
        chromosome and TSS; with `edges: pad`, `padded` (bp of the windows off the chromosome); where
        the target is a table, `label_shared` (whether a value stands for several genes) if one does.

    Raises
    ------
    ClasterError
        If the dataset is not built, or torn.
    """
    folders.require_built()
    table = read_table(folders.genes)
    if split is not None:
        table = table[table["split"] == split].reset_index(drop=True)
    return table


def find_kept(genes: pd.DataFrame, folders: DatasetFolders, named: str) -> pd.Series:
    """Return the row of the one gene that a name means (`claster.genome.gene_names.genes_called`).

    Parameters
    ----------
    genes
        Those that have a window, all or of one split.
    folders
        Of their dataset; for a gene that is none of them it tells whether it was dropped, and why.
    named
        Its ID, with or without version, or its symbol.

    Raises
    ------
    ClasterError
        If none or several are called so, or the gene was dropped or is of another split.
    """
    (found,) = genes_called(genes, [named])
    if not found and folders.dropped.is_file():
        dropped = read_table(folders.dropped, dtype=str).fillna("")
        for gene_id in genes_called(dropped, [named])[0]:
            row = find_gene(dropped, gene_id)
            detail = f" ({row['detail']})" if row["detail"] else ""
            raise ClasterError(
                f"gene {named!r} has no window: it was dropped, since {DROP_REASONS[row['reason']]}{detail}",
                remedy="choose another gene",
            )
    return find_gene(genes, named)


def read_targets(path: Path, *, transform: Transform = "none") -> pd.DataFrame:
    """Return a target table as signal.

    Parameters
    ----------
    transform
        How it is stored (`TargetSpec.transform`).

    Returns
    -------
    pandas.DataFrame
        float32, samples x columns, indexed by sample name (`ID`).
    """
    table = read_table(path, index_col="ID", engine="c").astype(np.float32)
    table[:] = restored(table.to_numpy(), transform)
    return table


def read_arrays(
    folders: DatasetFolders,
    gene_ids: list[str],
    *,
    split: Split,
    modality: str = "landscape",
    rev: bool = False,
) -> np.ndarray:
    """Return the arrays of several genes as they are stored.

    Returns
    -------
    numpy.ndarray
        float32; (genes, tracks, bins) for landscapes, whichever their `window.layout`, (genes, rows,
        columns) for contact maps.

    Raises
    ------
    ClasterError
        If a file is missing, damaged, or of another shape than the first one.
    """
    orientation = REVERSE if rev else FORWARD
    folder = folders.arrays(modality, split)
    remedy = f"run 'claster data build {folders.name} --force'"
    files = [folder / f"{sample_id(gene, orientation)}.npy" for gene in gene_ids]
    found = [read_npy(file, remedy=remedy) for file in files]
    for file, array in zip(files, found, strict=True):
        if array.shape != found[0].shape:
            raise ClasterError(
                f"{file} has shape {array.shape} where {found[0].shape} is expected", remedy=remedy
            )
    arrays = np.stack(found)
    if modality == "landscape":
        genes, tracks, *_, bins = arrays.shape
        return arrays.reshape(genes, tracks, bins)
    return arrays.astype(np.float32, copy=False)
