"""The scales of a dataset's tracks: measured around its training genes, or those of another dataset."""

from collections.abc import Collection, Mapping

from claster.dataset.layout import DatasetFolders
from claster.dataset.manifest import require_manifest
from claster.dataset.scale import SignalScale, measure_scale
from claster.dataset.sources import Sources
from claster.dataset.spec import DatasetSpec
from claster.errors import ClasterError
from claster.genome.selection import GeneSelection

__all__ = ["dividing_scales", "track_scales"]


def dividing_scales(
    spec: DatasetSpec, sources: Sources, selection: GeneSelection
) -> dict[str, SignalScale]:
    """Return the scales that tracks are divided by, which are needed before anything is written.

    Parameters
    ----------
    spec, sources
        The dataset and its open files.
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
            on_error=spec.on_error,
        )
        for track, reader in zip(spec.tracks, sources.tracks, strict=True)
        if track.name in names
    }
