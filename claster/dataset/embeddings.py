"""Embeddings of DNA sequence beside a dataset: where they are, and how they meet the target's bins."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd

from claster.dataset.layout import VIEW_PREFIX, DatasetFolders, read_genes_table
from claster.dataset.spec import DatasetSpec
from claster.errors import ClasterError
from claster.genome.windows import Binning, split_sample_id
from claster.settings import Record
from claster.text import read_record, read_table


class EmbeddingRecord(Record):
    """What `record.json` of a store of embeddings holds (format version 1).

    A sequence of `length` bp centred on the TSS gives `bins` bins of `bin` bp, centred as well, with
    `channels` numbers each; the model itself gives `model_bins`. `weights` is the SHA-256 of each file
    that the model was made from.
    """

    format: Literal[1] = 1
    model: str
    dataset: str
    length: int
    bin: int
    bins: int
    model_bins: int
    channels: int
    samples: int
    precision: str
    batch_size: int
    repository: str | None
    revision: str | None
    licence: str
    weights: dict[str, str]
    genome: dict[str, str | int]
    padded: int
    versions: dict[str, str]

    @property
    def span(self) -> int:
        """Width in bp of what the bins cover."""
        return self.bin * self.bins


def sequence_folder(folders: DatasetFolders) -> Path:
    """Return where sequences and embeddings of a dataset are: beside its arrays, so a build keeps them."""
    return folders.project / "inputs" / "sequence" / folders.name


def embedding_path(folders: DatasetFolders, model: str) -> Path:
    """Return the folder of the embeddings of one model."""
    return sequence_folder(folders) / f"embeddings_{model}"


@dataclass(frozen=True)
class EmbeddingStore:
    """Embeddings of every sample of a dataset, one chunk a sample (zarr, float16), in the folder `path`."""

    path: Path
    record: EmbeddingRecord

    @cached_property
    def samples(self) -> pd.DataFrame:
        """Columns `chrom`, `tss` (0-based) and `row`, indexed by sample name."""
        table = read_table(self.path / "samples.tsv", index_col="ID")
        return table.assign(row=np.arange(len(table)))

    @cached_property
    def _array(self) -> Any:  # noqa: ANN401
        import zarr

        return zarr.open_array(self.path / "embeddings.zarr", mode="r")

    def read(self, sample: str) -> np.ndarray:
        """Return the embedding of a sample, float16, shape (channels, bins).

        Raises
        ------
        ClasterError
            If it is damaged.
        """
        values = np.asarray(self._array[self.samples.at[sample, "row"]])
        if not np.isfinite(values).all():
            raise ClasterError(
                f"{self.path} holds values that are not finite at {sample}",
                remedy=f"run 'claster sequence embed' for {self.record.model} again with --force",
            )
        return values


def open_embeddings(folders: DatasetFolders, model: str) -> EmbeddingStore:
    """Return the embeddings of a dataset's samples by one model.

    Raises
    ------
    ClasterError
        If there are none, their record cannot be read, or they were made for other genes or TSSs.
    """
    path = embedding_path(folders, model)
    again = f"claster sequence embed {folders.name} --model {model}"
    file = path / "record.json"
    if not file.is_file():
        raise ClasterError(
            f"no embeddings of dataset {folders.name!r} by {model} (no {file})",
            remedy=f"run '{again}' first",
        )
    record = read_record(
        file, EmbeddingRecord, kind="the record of a store", remedy=f"run '{again} --force'"
    )
    store = EmbeddingStore(path, record)
    held, place = store.samples, read_genes_table(folders).set_index("gene_id")[["chrom", "tss"]]
    owner = held.index.map(lambda name: split_sample_id(name)[0])
    same = set(owner) == set(place.index) and len(held) == 2 * len(place)
    if not same or (held[["chrom", "tss"]].to_numpy() != place.loc[owner].to_numpy()).any():
        raise ClasterError(
            f"{store.path} holds embeddings of other genes or TSSs than the dataset",
            remedy=f"run '{again} --force'",
        )
    return store


def covered_bins(span: int, target: Binning) -> int:
    """Return the number of central target bins that lie wholly within `span` bp around the TSS.

    Examples
    --------
    >>> covered_bins(114_688, Binning(401, 1000)), covered_bins(32_768, Binning(401, 1000))
    (113, 31)
    """
    inside = min(span // target.size, target.bins)
    return inside if inside % 2 else inside - 1


def pool_weights(bin: int, bins: int, target: Binning) -> np.ndarray:
    """Return how embedding bins make up target bins: each is the mean over its bases.

    Parameters
    ----------
    bin, bins
        Width in bp and number of the embedding's bins; they and the target's are centred on the TSS.

    Returns
    -------
    numpy.ndarray
        float32, shape (embedding bins, target bins); each column sums to 1.

    Raises
    ------
    ValueError
        If a target bin lies outside the embedding.
    """
    edges = (np.arange(bins + 1) - bins / 2) * bin
    low, high = target.edges[:-1], target.edges[1:]
    if low[0] < edges[0] or high[-1] > edges[-1]:
        raise ValueError(f"{target.width:,} bp are not within {bin * bins:,} bp")
    covered = np.minimum(edges[1:, None], high) - np.maximum(edges[:-1, None], low)
    return (covered.clip(min=0) / target.size).astype(np.float32)


_FOLDER = re.compile(
    rf"{VIEW_PREFIX}embedding_(?P<model>\w+)_(?P<channels>\d+)x(?P<bins>\d+)", re.ASCII
)


@dataclass(frozen=True)
class EmbeddingView:
    """The embeddings of one model, averaged over the central `bins` (odd) of the target."""

    model: str
    channels: int
    bins: int
    modality: ClassVar[str] = "embedding"

    @property
    def folder(self) -> str:
        """Name of the folder of arrays, as `DatasetFolders.arrays` takes it.

        Examples
        --------
        >>> EmbeddingView("enformer", 3072, 113).folder
        'view_embedding_enformer_3072x113'
        """
        return f"{VIEW_PREFIX}embedding_{self.model}_{self.channels}x{self.bins}"

    @classmethod
    def of_folder(cls, folder: str) -> "EmbeddingView | None":
        """Return the view that lies in a folder of that name, None if it names none."""
        found = _FOLDER.fullmatch(folder)
        return found and cls(found["model"], int(found["channels"]), int(found["bins"]))

    def shape(self, spec: DatasetSpec) -> tuple[int, ...]:
        """Return the shape of its arrays, (channels, 1, bins)."""
        return self.channels, 1, self.bins

    def opened(self, spec: DatasetSpec) -> Callable[[Sequence[str], str], Iterator[np.ndarray]]:
        """Return what reads the arrays of samples of a split, float32, from the embeddings of a dataset.

        They must have as many channels, and cover as many bins.
        """
        store = open_embeddings(DatasetFolders.of(spec), self.model)
        record, target = store.record, Binning(self.bins, spec.require_target().bin)
        if record.channels != self.channels or covered_bins(record.span, target) < self.bins:
            raise ClasterError(
                f"{store.path} holds {record.channels:,} channels over {record.span:,} bp where "
                f"{self.channels:,} over {target.width:,} bp are needed",
                remedy="train again, or embed with the same weights and bins as before",
            )
        weights = pool_weights(record.bin, record.bins, target)

        def arrays(samples: Sequence[str], _: str) -> Iterator[np.ndarray]:
            for sample in samples:
                yield (store.read(sample).astype(np.float32) @ weights)[:, np.newaxis]

        return arrays
