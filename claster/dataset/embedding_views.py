"""Embeddings as EIR reads them: one array a sample, averaged over the bins of the target."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from claster.dataset.embeddings import covered_bins, open_embeddings, pool_weights
from claster.dataset.layout import (
    SPLITS,
    TOGETHER,
    VIEW_PREFIX,
    DatasetFolders,
    part_members,
    read_ids,
)
from claster.dataset.spec import DatasetSpec
from claster.errors import ClasterError
from claster.files import atomic_folder, link_file, require_disk
from claster.genome.windows import Binning
from claster.progress import SILENT, Progress

__all__ = ["EmbeddingView", "remove_embedding_views", "write_embedding_view"]

_FOLDER = re.compile(
    rf"{VIEW_PREFIX}embedding_(?P<model>\w+)_(?P<channels>\d+)x(?P<bins>\d+)", re.ASCII
)


@dataclass(frozen=True)
class EmbeddingView:
    """The embeddings of one model, averaged over the central bins of the target.

    Parameters
    ----------
    model
        The sequence model.
    channels
        Of its embedding.
    bins
        How many target bins, centred on the TSS, odd.
    """

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


def write_embedding_view(
    view: EmbeddingView,
    spec: DatasetSpec,
    *,
    project: Path | str = ".",
    progress: Progress = SILENT,
) -> None:
    """Write embeddings as float32 arrays (channels, 1, target bins), every split, unless they are there.

    Raises
    ------
    ClasterError
        If there are no embeddings of the dataset, they have other channels or cover fewer bins, or
        the disk is too small.
    """
    folders = DatasetFolders.of(spec, project=project)
    final = folders.inputs / view.folder
    if final.is_dir():
        return
    store = open_embeddings(folders, view.model)
    target = Binning(view.bins, spec.require_target().bin)
    if (
        store.record.channels != view.channels
        or covered_bins(store.record.span, target) < view.bins
    ):
        raise ClasterError(
            f"{store.path} holds {store.record.channels:,} channels over {store.record.span:,} bp where "
            f"{view.channels:,} over {target.width:,} bp are needed",
            remedy="train again, or embed with the same weights and bins as before",
        )
    weights = pool_weights(store.record.bin, store.record.bins, target)
    ids = {split: read_ids(folders, split) for split in SPLITS}
    count = sum(map(len, ids.values()))
    require_disk(folders.inputs, needed=4 * view.channels * view.bins * count, named=view.folder)
    with atomic_folder(final) as folder, progress.step(f"write {view.folder}", count) as step:
        for split, samples in ids.items():
            (folder / split).mkdir()
            for sample in samples:
                pooled = store.read(sample).astype(np.float32) @ weights
                np.save(folder / split / f"{sample}.npy", pooled[:, np.newaxis], allow_pickle=False)
                step.advance()
        (folder / TOGETHER).mkdir()
        for split in part_members(TOGETHER):
            for sample in ids[split]:
                name = f"{sample}.npy"
                link_file(folder / split / name, folder / TOGETHER / name)


def remove_embedding_views(folders: DatasetFolders, model: str) -> None:
    """Remove the arrays that were made from the embeddings of one model, which are about to change."""
    for folder in folders.inputs.glob(f"{VIEW_PREFIX}embedding_*"):
        view = EmbeddingView.of_folder(folder.name)
        if view is not None and view.model == model:
            shutil.rmtree(folder)
