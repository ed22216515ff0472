"""Views: parts of a built dataset's arrays that some flavours train on, made from the store.

A view lies beside the arrays that it is made from and goes with them when the dataset is built again.
No source file is read again.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import batched
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from claster.dataset.activity import ActivityView
from claster.dataset.embeddings import EmbeddingView
from claster.dataset.layout import (
    SPLITS,
    TOGETHER,
    VIEW_PREFIX,
    DatasetFolders,
    modalities,
    part_members,
    read_ids,
)
from claster.dataset.missing import leave_out, tracks_by_name, with_flags, with_flags_of
from claster.dataset.spec import DatasetSpec
from claster.errors import ClasterError, choose_among
from claster.files import atomic_folder, link_file, require_disk
from claster.progress import SILENT, Progress
from claster.settings import Split
from claster.text import read_npy

if TYPE_CHECKING:
    from torch import Tensor


_FOLDER = re.compile(
    rf"(?:{VIEW_PREFIX})?(?P<modality>landscape|contacts)"
    r"(?:_(?P<columns>\d+))?(?:_drop_(?P<drop>\d+))?(?:_without_(?P<without>.+))?"
)

_AT_A_TIME = 64
"""Windows in memory when a view is written."""


@dataclass(frozen=True)
class ArrayView:
    """The middle columns of the arrays of a modality, without some tracks.

    Parameters
    ----------
    modality
        ``landscape`` or ``contacts``.
    columns
        How many columns (bins, or columns of a contact map), centred; None: all of them.
    without
        Tracks of a landscape that are left out.
    drop
        Percent of the training samples in which each track, or the contact map, is left out at random; if
        not 0, flags follow the values (`with_flags`).
    """

    modality: str
    columns: int | None = None
    without: tuple[str, ...] = ()
    drop: int = 0

    @property
    def folder(self) -> str:
        """Name of the folder of arrays, as `DatasetFolders.arrays` takes it.

        Examples
        --------
        >>> ArrayView("landscape").folder
        'landscape'
        >>> ArrayView("landscape", columns=201, without=("ATAC",)).folder
        'view_landscape_201_without_ATAC'
        """
        columns = "" if self.columns is None else f"_{self.columns}"
        drop = f"_drop_{self.drop}" if self.drop else ""
        without = f"_without_{'+'.join(self.without)}" if self.without else ""
        prefix = VIEW_PREFIX if columns or drop or without else ""
        return f"{prefix}{self.modality}{columns}{drop}{without}"

    @classmethod
    def of_folder(cls, folder: str) -> "ArrayView":
        """Return the view that lies in a folder of that name.

        Examples
        --------
        >>> ArrayView.of_folder("view_landscape_201_without_ATAC+H3K4me3")
        ArrayView(modality='landscape', columns=201, without=('ATAC', 'H3K4me3'), drop=0)

        Raises
        ------
        ValueError
            If it is not the name of a view or modality.
        """
        found = _FOLDER.fullmatch(folder)
        if found is None:
            raise ValueError(f"{folder!r} names no view")
        columns, without = found["columns"], found["without"]
        return cls(
            found["modality"],
            int(columns) if columns else None,
            tuple(without.split("+")) if without else (),
            int(found["drop"] or 0),
        )

    def shape(self, spec: DatasetSpec) -> tuple[int, ...]:
        """Return the shape of its arrays.

        Raises
        ------
        ClasterError
            If the dataset lacks the modality, a track or so many columns, or no track is left.
        """
        if self.modality == "contacts":
            *rest, columns = spec.contacts_shape.shape
        else:
            _, *rest, columns = spec.landscape_file_shape
            rest = [len(_kept(self, spec)), *rest]
        wanted = columns if self.columns is None else self.columns
        if wanted > columns:
            raise ClasterError(
                f"a part of {wanted:,} columns is needed and the {self.modality} of dataset "
                f"{spec.name!r} has {columns:,}",
                remedy="choose another flavour, or a wider 'window' or narrower 'target'",
            )
        if not self.drop:
            return (*rest, wanted)
        channels, height = (1, *rest)[-2:]
        return 2 * channels, height, wanted

    def cut(self, array: np.ndarray, spec: DatasetSpec) -> np.ndarray:
        """Return this part of one array of the modality.

        Parameters
        ----------
        array
            Shape (tracks, ..., columns) of a landscape, (rows, columns) of a contact map.

        Raises
        ------
        ClasterError
            If the dataset lacks a track that is left out, or no track is left.
        """
        part = array[..., self._middle(array.shape[-1])]
        if self.without:
            part = part[_kept(self, spec)]
        if not self.drop:
            return part
        channels, *rest = self.shape(spec)
        return with_flags(part.reshape(channels // 2, *rest))

    def of(self, windows: Mapping[str, "Tensor"], spec: DatasetSpec) -> "Tensor":
        """Return this part of some windows, (samples, ...), by modality, with gradients."""
        array = windows[self.modality]
        rows = slice(None) if self.modality == "contacts" else _kept(self, spec)
        part = array[:, rows][..., self._middle(array.shape[-1])]
        if not self.drop:
            return part
        channels, *rest = self.shape(spec)
        return with_flags_of(part.reshape(len(part), channels // 2, *rest))

    def _middle(self, columns: int) -> slice:
        wanted = columns if self.columns is None else self.columns
        first = (columns - wanted) // 2
        return slice(first, first + wanted)


type View = ArrayView | EmbeddingView | ActivityView


def sources_of(views: Iterable[View]) -> tuple[str, ...]:
    """Return the modalities of a dataset that views are made from, each once."""
    names = [view.sources if isinstance(view, ActivityView) else (view.modality,) for view in views]
    return tuple(dict.fromkeys(name for some in names for name in some))


def readable(views: Iterable[View], spec: DatasetSpec) -> tuple[str, ...]:
    """Return the modalities of `sources_of` that a dataset has."""
    return tuple(name for name in sources_of(views) if name in modalities(spec))


def network_window(
    views: Mapping[str, View],
    window: Mapping[str, np.ndarray],
    spec: DatasetSpec,
    trained: DatasetSpec,
) -> dict[str, np.ndarray]:
    """Return what a network reads of one window.

    Parameters
    ----------
    views
        By input name; of embeddings none.
    window
        By modality, whole and as stored; all that are `readable`.
    spec, trained
        The dataset of the window, and the one that the network was trained on, whose tracks are found by
        their names.
    """
    window = dict(window)
    if "landscape" in window:
        window["landscape"] = tracks_by_name(window["landscape"], spec, trained)
    if "contacts" not in window and "contacts" in sources_of(views.values()):
        window["contacts"] = np.full(trained.contacts_shape.shape, np.nan, np.float32)
    spec = trained
    read = {}
    for name, view in views.items():
        if isinstance(view, ActivityView):
            some = {source: window[source][np.newaxis] for source in view.sources}
            read[name] = view.of_windows(some, spec)[0]
        else:
            assert isinstance(view, ArrayView)
            read[name] = view.cut(window[view.modality], spec)
    return read


def view_of_folder(folder: str) -> View:
    """Return the view that lies in a folder of that name, of arrays, activity or embeddings.

    Raises
    ------
    ValueError
        If it is not the name of a view or modality.
    """
    return (
        EmbeddingView.of_folder(folder)
        or ActivityView.of_folder(folder)
        or ArrayView.of_folder(folder)
    )


def write_view(view: View, spec: DatasetSpec, *, progress: Progress = SILENT) -> None:
    """Write a view of a built dataset, every split of it, unless it is there.

    Raises
    ------
    ClasterError
        If the dataset lacks what the view shows, an array has another shape than the dataset's YAML
        says, or the disk is too small.
    """
    folders = DatasetFolders.of(spec)
    final = folders.inputs / view.folder
    if view.folder == view.modality or final.is_dir():
        return
    arrays_of: Callable[[Sequence[str], Split], Iterable[np.ndarray]]
    if isinstance(view, EmbeddingView):
        arrays_of = view.opened(spec)
        samples = {split: read_ids(folders, split) for split in SPLITS}
    else:
        arrays_of = partial(_of_samples, view, spec)
        stored = folders.inputs / sources_of([view])[0]
        samples = {s: sorted(file.stem for file in (stored / s).glob("*.npy")) for s in SPLITS}
    count = sum(map(len, samples.values()))
    needed = 4 * int(np.prod(view.shape(spec))) * count
    require_disk(folders.inputs, needed=needed, named=view.folder)
    with atomic_folder(final) as folder, progress.step(f"write {view.folder}", count) as step:
        for split in SPLITS:
            (folder / split).mkdir()
            for some in batched(samples[split], _AT_A_TIME, strict=False):
                for sample, array in zip(some, arrays_of(some, split), strict=True):
                    np.save(folder / split / f"{sample}.npy", array, allow_pickle=False)
                step.advance(len(some))
        (folder / TOGETHER).mkdir()
        for split in part_members(TOGETHER):
            for sample in samples[split]:
                link_file(folder / split / f"{sample}.npy", folder / TOGETHER / f"{sample}.npy")


def _of_samples(
    view: ArrayView | ActivityView, spec: DatasetSpec, samples: Sequence[str], split: Split
) -> Iterable[np.ndarray]:
    """Return the arrays of some samples; of training samples with tracks left out at random."""
    folders = DatasetFolders.of(spec)
    windows = {}
    for name in sources_of([view]):
        shape, folder = ArrayView(name).shape(spec), folders.arrays(name, split)
        windows[name] = np.stack([_read(folder / f"{s}.npy", shape, spec) for s in samples])
    if view.drop and split == "train":
        without = view.without if isinstance(view, ArrayView) else ()
        parts = [
            leave_out(
                sample,
                {name: array[number] for name, array in windows.items()},
                spec,
                percent=view.drop,
                without=without,
            )
            for number, sample in enumerate(samples)
        ]
        windows = {name: np.stack([part[name] for part in parts]) for name in windows}
    if isinstance(view, ActivityView):
        return view.of_windows(windows, spec)
    return (view.cut(array, spec) for array in windows[view.modality])


def _read(file: Path, shape: tuple[int, ...], spec: DatasetSpec) -> np.ndarray:
    remedy = f"run 'claster data build {spec.name} --force'"
    array = read_npy(file, remedy=remedy)
    if array.shape != shape:
        raise ClasterError(
            f"{file} has shape {array.shape} where {shape} is expected", remedy=remedy
        )
    return array


def _kept(view: ArrayView, spec: DatasetSpec) -> list[int]:
    """Return the rows of the tracks that stay."""
    names = [track.name for track in spec.tracks]
    strange = [name for name in view.without if name not in names]
    kept = [row for row, name in enumerate(names) if name not in view.without]
    if strange or not kept:
        fault = f"no track {strange[0]!r}" if strange else "no other track"
        remedy = choose_among(strange[0], names) if strange else "leave fewer tracks out"
        raise ClasterError(
            f"dataset {spec.name!r} has {fault}", remedy=f"{remedy}, or choose another flavour"
        )
    return kept
