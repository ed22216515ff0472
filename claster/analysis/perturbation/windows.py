"""Windows as a network sees them, around TSSs or anywhere, and what predicts them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from claster.contacts.cut import map_cutter
from claster.contacts.shapes import mirror_map
from claster.dataset.layout import DatasetFolders, Split, read_arrays
from claster.dataset.sources import Sources
from claster.dataset.spec import DatasetSpec
from claster.dataset.targets import mirror_targets
from claster.errors import ClasterError
from claster.genome.windows import mirror
from claster.signal.landscape import landscape

__all__ = [
    "Predict",
    "Predictor",
    "ReadWindow",
    "Window",
    "average_mirrored",
    "built_window",
    "source_window",
]

Window = Mapping[str, np.ndarray]
"""By input name (``landscape``, ``contacts``), on the scale that a network sees."""


class Predict(Protocol):
    """What predicts windows: a trained run, or any function that keeps to this."""

    def __call__(self, windows: Iterable[Window], /) -> Iterator[np.ndarray]:
        """Yield a profile a window, in order: signal, shape (conditions, bins)."""
        ...


@dataclass(frozen=True)
class Predictor:
    """A model: what predicts, and the names of the inputs that it takes."""

    predict: Predict
    inputs: tuple[str, ...] = ("landscape",)


class ReadWindow(Protocol):
    """What returns the window around a centre; `name` is that of a gene where the centre is its TSS."""

    def __call__(self, name: str, chrom: str, centre: int) -> dict[str, np.ndarray]:
        """Return the arrays by input name."""
        ...


def average_mirrored(predict: Predict, spec: DatasetSpec) -> Predict:
    """Return what predicts the mean over each window and its mirror image, turned back."""
    target = spec.require_target()

    def both(windows: Iterable[Window]) -> Iterator[Window]:
        for window in windows:
            yield window
            turned = {"landscape": mirror(window["landscape"])} if "landscape" in window else {}
            if "contacts" in window:
                turned["contacts"] = mirror_map(window["contacts"], spec.contacts_shape)
            yield turned

    def predict_both(windows: Iterable[Window], /) -> Iterator[np.ndarray]:
        profiles = predict(both(windows))
        for ahead in profiles:
            yield (ahead + mirror_targets(target, next(profiles))) / 2

    return predict_both


def built_window(
    folders: DatasetFolders, *, split: Split, inputs: Iterable[str] = ("landscape",)
) -> ReadWindow:
    """Return what reads the built arrays of a gene of a split, in genome orientation."""
    names = tuple(inputs)

    def read(name: str, chrom: str, centre: int) -> dict[str, np.ndarray]:
        return {
            modality: read_arrays(folders, [name], split=split, modality=modality)[0]
            for modality in names
        }

    return read


def source_window(
    spec: DatasetSpec,
    sources: Sources,
    *,
    divisors: Sequence[float],
    inputs: Iterable[str] = ("landscape",),
) -> ReadWindow:
    """Return what cuts the window around any base out of the source files, as a build does.

    Contacts of one chromosome are held at a time: ask for windows chromosome by chromosome.

    Parameters
    ----------
    spec, sources
        The dataset and its open files.
    divisors
        What each track is divided by (`track_divisors`).
    inputs
        What is wanted.
    """
    names = tuple(inputs)
    cutters: dict[str, Callable[[int], tuple[np.ndarray, float]]] = {}

    def contacts(chrom: str, centre: int) -> np.ndarray:
        if spec.contacts is None or sources.contacts is None:
            raise ClasterError(
                f"dataset {spec.name!r} has no contacts, which the model takes",
                remedy="add 'contacts' to its YAML",
            )
        if chrom not in cutters:
            cutters.clear()
            cutters[chrom] = map_cutter(
                sources.contacts,
                sources.contact_names[chrom],
                spec.contacts_shape,
                balance=spec.contacts.balance,
                value=spec.contacts.value,
            )
        return cutters[chrom](centre)[0].astype(np.float32)

    def read(name: str, chrom: str, centre: int) -> dict[str, np.ndarray]:
        window: dict[str, np.ndarray] = {}
        if "landscape" in names:
            array = landscape(
                sources.tracks, chrom, centre, binning=spec.window.binning, summary=spec.summary
            )
            for row, (track, divisor) in enumerate(zip(spec.tracks, divisors, strict=True)):
                array[row] = track.stored(array[row], divisor=divisor)
            window["landscape"] = array
        if "contacts" in names:
            window["contacts"] = contacts(chrom, centre)
        return window

    return read
