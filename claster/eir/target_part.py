"""What part of the target flavours and runs predict, and the embeddings that may decide it."""

from claster.dataset.embeddings import covered_bins, open_embeddings
from claster.dataset.layout import DatasetFolders
from claster.dataset.load import NoDatasetError, load_dataset
from claster.dataset.spec import DatasetSpec
from claster.eir.parts import Embedding, Flavour
from claster.eir.runs import RunFolder, RunRecord
from claster.errors import ClasterError
from claster.signal.landscape import Transform


def predicted_part(flavour: Flavour, spec: DatasetSpec) -> DatasetSpec:
    """Return the dataset with the target bins that a flavour predicts.

    They are the central ones that lie whole within its `Output.span` or within what its embedding covers,
    else all.

    Raises
    ------
    ClasterError
        If there is none.
    """
    block = flavour.inputs.get("embedding")
    span = block.embedding.span if block and block.embedding else flavour.output.span
    if span is None:
        return spec
    return narrowed(spec, covered_bins(span, spec.require_target().binning))


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
            remedy="choose another flavour, or keep more bins with 'claster sequence embed --central-bins'",
        )
    if bins >= target.bins:
        return spec
    return spec.model_copy(update={"target": target.model_copy(update={"bins": bins})})


def on_scale(spec: DatasetSpec, transform: Transform | None) -> DatasetSpec:
    """Return the dataset with its target on another scale, as it is for None."""
    if transform is None:
        return spec
    target = spec.require_target().model_copy(update={"transform": transform})
    return spec.model_copy(update={"target": target})


def predicted_by(record: RunRecord, spec: DatasetSpec) -> DatasetSpec:
    """Return a dataset with the target bins that a run predicts."""
    trained = record.trained_on and record.trained_on.target
    return narrowed(spec, trained.bins) if trained else spec


def trained_dataset(run: RunFolder, record: RunRecord) -> DatasetSpec:
    """Return the dataset as it was when a run was trained; as it is now where an old run does not record it.

    Raises
    ------
    ClasterError
        If the dataset of an old run is not there or has a fault.
    """
    if record.trained_on is None:
        return load_dataset(record.dataset, project=run.project)
    return record.trained_on.within(run.project)


def run_dataset(run: RunFolder, record: RunRecord) -> DatasetSpec:
    """Return the dataset that a run names, with the target bins that the run predicts.

    Of an exported run that comes from elsewhere, whose dataset is not here, it is the one that it was
    trained on.

    Raises
    ------
    ClasterError
        If the dataset is not there or has a fault.
    """
    try:
        return predicted_by(record, load_dataset(record.dataset, project=run.project))
    except NoDatasetError:
        if record.trained_on is None or not run.exported_weights.is_file():
            raise
        return record.trained_on.within(run.project)


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
