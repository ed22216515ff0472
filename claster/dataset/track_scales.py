"""The scales of a dataset's tracks: measured around its training genes, or those of another dataset."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from claster.dataset.layout import DatasetFolders, read_arrays
from claster.dataset.manifest import require_manifest
from claster.dataset.scale import SignalScale, measure_scale, track_divisors
from claster.dataset.selection import GeneSelection
from claster.dataset.sources import Sources
from claster.dataset.spec import DatasetSpec
from claster.errors import ClasterError
from claster.settings import Split
from claster.signal.landscape import restored


def dividing_scales(
    spec: DatasetSpec, sources: Sources, selection: GeneSelection
) -> dict[str, SignalScale]:
    """Return the scales that tracks are divided by, which are needed before anything is written.

    Parameters
    ----------
    selection
        Its genes; those that turn out later not to be usable take part.

    Returns
    -------
    dict of str to SignalScale
        By track name: tracks with a `scale`, or all of the dataset that `scales_from` names.

    Raises
    ------
    ClasterError
        If there is no training gene, the other dataset is not built, or a file cannot be read.
    """
    if spec.scales_from:
        return require_manifest(DatasetFolders(spec.scales_from, spec.project)).scales
    divided = {track.name for track in spec.tracks if track.scale != "none"}
    if divided and not (selection.kept["split"] == "train").any():
        raise ClasterError(
            f"dataset {spec.name!r} has no training gene to measure the 'scale' of its tracks with",
            remedy="name the built dataset that the model was trained on as 'scales_from'",
        )
    return _measured(spec, sources, selection, divided)


def track_scales(
    spec: DatasetSpec,
    sources: Sources,
    selection: GeneSelection,
    *,
    known: Mapping[str, SignalScale],
) -> dict[str, SignalScale]:
    """Return the scale of every track, for the manifest: what is `known`, the others measured.

    Without training genes, all kept genes stand in.
    """
    names = [track.name for track in spec.tracks]
    scales = {**known, **_measured(spec, sources, selection, set(names) - set(known))}
    return {name: scales[name] for name in names}


def _measured(
    spec: DatasetSpec, sources: Sources, selection: GeneSelection, names: Collection[str]
) -> dict[str, SignalScale]:
    training = selection.kept[selection.kept["split"] == "train"]
    return {
        track.name: measure_scale(
            reader,
            selection.kept if training.empty else training,
            bin=spec.window.bin,
            bins=spec.window.bins,
            summary=spec.summary,
            rescale=track.rescale,
            on_error=spec.on_error,
        )
        for track, reader in zip(spec.tracks, sources.tracks, strict=True)
        if track.name in names
    }


def read_landscapes(
    folders: DatasetFolders,
    spec: DatasetSpec,
    gene_ids: list[str],
    *,
    split: Split,
    rev: bool = False,
    tracks: Sequence[str] | None = None,
) -> np.ndarray:
    """Return the landscapes of several genes as signal, whatever scale they are stored on.

    Returns
    -------
    numpy.ndarray
        float32, shape (genes, tracks, bins); of the named `tracks`, in their order, or of all.

    Raises
    ------
    ClasterError
        If a track has a `scale` and the dataset's manifest is missing or cannot be read.
    """
    arrays = read_arrays(folders, gene_ids, split=split, rev=rev)
    scaled = any(track.scale != "none" for track in spec.tracks)
    divisors = track_divisors(spec.tracks, require_manifest(folders).scales if scaled else {})
    for row, (track, divisor) in enumerate(zip(spec.tracks, divisors, strict=True)):
        arrays[:, row] = restored(arrays[:, row], track.transform, divisor=divisor)
    if tracks is None:
        return arrays
    names = [track.name for track in spec.tracks]
    return arrays[:, [names.index(name) for name in tracks]]


def stored_arrays(
    spec: DatasetSpec, scales: Mapping[str, SignalScale], arrays: Mapping[str, np.ndarray | None]
) -> dict[str, np.ndarray]:
    """Return a person's own arrays as the files of a dataset hold them.

    Parameters
    ----------
    arrays
        ``landscape``: signal, shape (genes, tracks, bins); ``contacts``: (genes, rows, columns). One gene may
        come without the first axis.

    Returns
    -------
    dict of str to numpy.ndarray
        float32, genes first, landscapes divided and transformed as those of the dataset.

    Raises
    ------
    ClasterError
        If an array holds no numbers or has another shape, or the counts of genes differ.
    """
    stored = {}
    for name, values in arrays.items():
        rows, columns = spec.landscape_shape if name == "landscape" else spec.contacts_shape.shape
        try:
            signal = np.array(values, np.float32)
        except (TypeError, ValueError):
            raise ClasterError(
                f"{name} holds no numbers", remedy="give an array of numbers"
            ) from None
        if signal.ndim not in (2, 3) or signal.shape[-2:] != (rows, columns):
            tracks = (
                f": tracks {', '.join(t.name for t in spec.tracks)}" if name == "landscape" else ""
            )
            raise ClasterError(
                f"{name} of shape {signal.shape}", remedy=f"give (genes, {rows}, {columns}){tracks}"
            )
        stored[name] = signal.reshape(-1, rows, columns)
    counts = {name: len(values) for name, values in stored.items()}
    if len(set(counts.values())) > 1:
        told = " and ".join(f"{name} of {count} genes" for name, count in counts.items())
        raise ClasterError(told, remedy="give both of the same genes")
    if "landscape" in stored:
        divisors = track_divisors(spec.tracks, scales)
        for row, (track, divisor) in enumerate(zip(spec.tracks, divisors, strict=True)):
            stored["landscape"][:, row] = track.stored(stored["landscape"][:, row], divisor=divisor)
        stored["landscape"] = stored["landscape"].reshape(-1, *spec.landscape_file_shape)
    return stored
