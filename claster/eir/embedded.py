"""Flavours on embeddings: what of the target they predict, and the shape of what is stored."""

from claster.dataset.embeddings import covered_bins, open_embeddings
from claster.dataset.layout import DatasetFolders
from claster.dataset.spec import DatasetSpec
from claster.eir.parts import Embedding, Flavour
from claster.eir.runs import RunRecord
from claster.errors import ClasterError

__all__ = [
    "as_stored",
    "narrowed",
    "predicted_by",
    "predicted_part",
]


def predicted_part(flavour: Flavour, spec: DatasetSpec) -> DatasetSpec:
    """Return the dataset with the target bins that a flavour predicts.

    A flavour on an embedding predicts the central bins that the embedding covers whole, any other
    flavour all of them.

    Raises
    ------
    ClasterError
        If the embedding covers none.
    """
    block = flavour.inputs.get("embedding")
    if block is None or block.embedding is None:
        return spec
    return narrowed(spec, covered_bins(block.embedding.span, spec.require_target().binning))


def narrowed(spec: DatasetSpec, bins: int) -> DatasetSpec:
    """Return the dataset with so many central bins of its target, its own number at most.

    Raises
    ------
    ClasterError
        If there is no bin.
    """
    target = spec.require_target()
    if bins < 1:
        raise ClasterError(
            f"no target bin of {target.bin:,} bp is covered around the TSS",
            remedy="keep more bins with 'claster sequence embed --central-bins'",
        )
    if bins >= target.bins:
        return spec
    return spec.model_copy(update={"target": target.model_copy(update={"bins": bins})})


def predicted_by(record: RunRecord, spec: DatasetSpec) -> DatasetSpec:
    """Return a dataset with the target bins that a run predicts."""
    trained = record.trained_on and record.trained_on.target
    return narrowed(spec, trained.bins) if trained else spec


def as_stored(flavour: Flavour, folders: DatasetFolders) -> Flavour:
    """Return a flavour for the embeddings that a dataset has: their channels, and the bp they cover.

    Raises
    ------
    ClasterError
        If the flavour reads embeddings and there are none.
    """
    block = flavour.inputs.get("embedding")
    if block is None or block.embedding is None:
        return flavour
    record = open_embeddings(folders, block.embedding.model).record
    stored = Embedding(model=record.model, channels=record.channels, span=record.span)
    changed = block.model_copy(update={"embedding": stored})
    return flavour.model_copy(update={"inputs": {**flavour.inputs, "embedding": changed}})
