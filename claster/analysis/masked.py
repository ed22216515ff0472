"""What a trained run says of genes when all that lies beyond a radius is background."""

from collections.abc import Iterator
from zlib import crc32

import numpy as np
import pandas as pd

from claster.analysis.perturbation.candidates import TSS_MARGIN, known_annotated
from claster.analysis.perturbation.effects import gene_bins, gene_signal
from claster.analysis.perturbation.measure import Window, average_mirrored, built_window
from claster.analysis.perturbation.screen import load_predictor
from claster.contacts.stripe import StripeMap
from claster.dataset.layout import DatasetFolders, read_arrays, read_genes_table
from claster.dataset.scale import MOST_WINDOWS, spread_evenly
from claster.dataset.spec import DatasetSpec
from claster.eir.runs import RunFolder
from claster.errors import ClasterError
from claster.progress import SILENT, Progress
from claster.settings import Device, Split

__all__ = ["predict_masked"]

_MARKS, _CONTACTS = "marks", "contacts"
_QUIET = 0.9


def predict_masked(
    run: RunFolder,
    genes: pd.DataFrame,
    spec: DatasetSpec,
    *,
    split: Split,
    radii: tuple[int, ...],
    seed: int = 0,
    device: Device = "auto",
    progress: Progress = SILENT,
) -> dict[str, np.ndarray]:
    """Predict genes with everything beyond each radius hidden, with and without contacts.

    A hidden bin holds, in all tracks, what a random bin of training windows holds that is 1 kb away from any
    annotated element, 2 kb from any TSS, and in no track among the highest tenth of such bins: the same for
    every radius, so that differences are paired.
    Hidden columns of a stripe hold the mean over training windows; without contacts all do, and of other
    kinds of map the whole. Windows are averaged with their mirror images.

    Parameters
    ----------
    run
        A trained run that takes landscapes, or an ensemble.
    genes
        Genes of `split`, `start` and `end` those of the stretch that is measured.
    spec
        The run's dataset.
    split
        Where the genes are.
    radii
        bp, increasing.
    seed
        Chooses background.
    device, progress
        Where to compute, and where to report to.

    Returns
    -------
    dict of str to numpy.ndarray
        log2(x + 1) by what is seen, ``marks`` and, where the run takes contacts, ``marks and contacts``;
        shape (radii, genes).

    Raises
    ------
    ClasterError
        If the run takes no landscapes, or every bin of the training windows lies near an element or a TSS.
    """
    model = load_predictor(run, spec, device=device, progress=progress)
    if "landscape" not in model.inputs:
        raise ClasterError(
            f"{run.path} does not take landscapes, so there is nothing to hide",
            remedy="choose a run of a flavour with landscapes",
        )
    folders = DatasetFolders.of(spec)
    hider = _Hider(spec, folders, radii, contacts=_CONTACTS in model.inputs, seed=seed)
    read = built_window(folders, split=split, inputs=model.inputs)

    def windows() -> Iterator[Window]:
        for gene in genes.itertuples():
            yield from hider.hidden(str(gene.gene_id), read(gene.gene_id, gene.chrom, gene.tss))

    binning = spec.require_target().binning
    predict = average_mirrored(model.predict, spec)(windows())
    kinds = (_MARKS, f"{_MARKS} and {_CONTACTS}")[: 2 if hider.contacts else 1]
    found = np.empty((len(genes), len(kinds), len(radii)))
    with progress.step("predict", len(genes)) as step:
        for row, gene in enumerate(genes.itertuples()):
            span = gene_bins(gene.start, gene.end, centre=gene.tss, binning=binning)
            for at in np.ndindex(found.shape[1:]):
                found[row][at] = gene_signal(next(predict)[0], span)
            step.advance()
    return dict(zip(kinds, np.log2(found + 1).transpose(1, 2, 0), strict=True))


class _Hider:
    """Hides what lies beyond each radius."""

    def __init__(
        self,
        spec: DatasetSpec,
        folders: DatasetFolders,
        radii: tuple[int, ...],
        *,
        contacts: bool,
        seed: int,
    ) -> None:
        everyone = read_genes_table(folders)
        training = spread_evenly(everyone[everyone["split"] == "train"], MOST_WINDOWS)
        annotated = known_annotated(spec, everyone)
        self.contacts, self._seed = contacts, seed
        pool, maps = [], []
        for gene in training.itertuples():
            edges = spec.window.binning.edges + int(gene.tss)
            low, high = edges[:-1] - TSS_MARGIN, edges[1:] + TSS_MARGIN
            free = ~annotated.touch(str(gene.chrom), low, high)
            pool.append(read_arrays(folders, [gene.gene_id], split="train")[0][..., free])
            if contacts:
                some = read_arrays(folders, [gene.gene_id], split="train", modality=_CONTACTS)
                maps.append(some[0])
        if not sum(part.shape[-1] for part in pool):
            raise ClasterError(
                "every bin of the training windows lies near an element or a TSS",
                remedy="check the elements of the dataset",
            )
        free_bins = np.concatenate(pool, axis=-1)
        # Flanks of elements and promoters that nobody listed are no background.
        quiet = free_bins <= np.quantile(free_bins, _QUIET, axis=-1, keepdims=True)
        self._pool = free_bins[..., quiet.reshape(-1, quiet.shape[-1]).all(axis=0)]
        self._mean = np.mean(maps, axis=0, dtype=np.float32) if contacts else None
        apart = np.abs(np.arange(spec.window.bins) - spec.window.bins // 2) * spec.window.bin
        self._seen = [apart <= radius for radius in radii]
        columns: list[np.ndarray | bool] = [True] * len(radii)
        if contacts and isinstance(spec.contacts_shape, StripeMap):
            assert spec.contacts is not None
            half = spec.contacts_shape.half
            away = np.abs(np.arange(-half, half + 1)) * spec.contacts.resolution
            columns = [away <= radius for radius in radii]
        self._met = columns

    def hidden(self, name: str, window: Window) -> Iterator[Window]:
        """Yield a window as it is seen, by what is seen, then radius."""
        rng = np.random.default_rng([self._seed, crc32(name.encode())])
        landscape = window["landscape"]
        chosen = rng.integers(self._pool.shape[-1], size=landscape.shape[-1])
        background = self._pool[..., chosen]
        for with_contacts in (False, True)[: 2 if self.contacts else 1]:
            for seen, met in zip(self._seen, self._met, strict=True):
                shown = {"landscape": np.where(seen, landscape, background)}
                if self._mean is not None:
                    kept = window[_CONTACTS]
                    shown[_CONTACTS] = (
                        np.where(met, kept, self._mean) if with_contacts else self._mean
                    )
                yield shown
