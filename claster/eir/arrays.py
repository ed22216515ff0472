"""Which arrays and targets of a dataset a flavour trains on, and how its first convolutions meet them."""

import numpy as np

from claster.dataset.activity import ActivityView
from claster.dataset.embeddings import EmbeddingView, covered_bins, open_embeddings
from claster.dataset.layout import DatasetFolders, read_targets
from claster.dataset.spec import DatasetSpec
from claster.dataset.views import ArrayView, View, write_view
from claster.eir.parts import Embedding, Flavour, InputBlock, Modality
from claster.errors import ClasterError
from claster.files import atomic_folder, atomic_path, require_disk
from claster.progress import SILENT, Progress
from claster.signal.landscape import Transform, transformed
from claster.text import read_table


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


def central_bins(flavour: Flavour, spec: DatasetSpec) -> int | None:
    """Return how many central target bins a flavour on an embedding predicts, None for any other."""
    if "embedding" not in flavour.inputs:
        return None
    return predicted_part(flavour, spec).require_target().bins


def input_views(flavour: Flavour, spec: DatasetSpec) -> dict[Modality, View]:
    """Return the part of each modality's arrays that a flavour reads.

    Raises
    ------
    ClasterError
        If the dataset lacks the modality, has another kind of contact map than the branch is made
        for, its windows are too small, or no track can be left out.
    """
    views: dict[Modality, View] = {}
    drop = _percent_left_out(flavour, spec)
    for modality, block in flavour.inputs.items():
        view: View
        if block.embedding is not None:
            bins = predicted_part(flavour, spec).require_target().bins
            view = EmbeddingView(block.embedding.model, block.embedding.channels, bins)
        elif modality == "activity":
            assert isinstance(block.window, int)
            view = ActivityView(block.window // 2, contacts=block.map is not None, drop=drop)
        else:
            ArrayView(modality).shape(spec)
            if modality == "contacts":
                _require_map(flavour, block, spec)
            view = ArrayView(modality, _columns(modality, block, spec), block.without, drop)
        view.shape(spec)  # refuses what the dataset lacks
        views[modality] = view
    return views


def first_expansions(modality: Modality, block: InputBlock, spec: DatasetSpec) -> dict[str, float]:
    """Return EIR's settings of the first convolution that follow from the dataset.

    A landscape's ``target`` window is read in steps of a target bin, by a kernel that reaches half a
    target bin beyond it on either side (further where the branch is dilated) and is centred on it:
    position ``i`` is target bin ``i``. An embedding has a column a target bin already and is read by a
    kernel of one.
    """
    match modality:
        case "contacts":
            rows = spec.contacts_shape.shape[0]
        case "embedding" | "activity":
            rows = 1
        case "landscape":
            rows = spec.landscape_file_shape[-2]
            rows -= len(block.without) if spec.window.layout == "rows" else 0
    settings: dict[str, float] = {}
    if block.cnn.first_kernel_expansion_height == "whole":
        settings["first_kernel_expansion_height"] = rows
    if block.window == "target" and modality == "landscape":
        stride, kernel = _target_step(spec)
        settings["first_kernel_expansion_width"] = kernel / block.cnn.kernel_width
        settings["first_stride_expansion_width"] = stride
    if modality in ("embedding", "activity"):
        # EIR pads no first convolution; a wider one would leave fewer positions than bins.
        settings["first_kernel_expansion_width"] = 1 / block.cnn.kernel_width
    return settings


def write_arrays(flavour: Flavour, spec: DatasetSpec, *, progress: Progress = SILENT) -> None:
    """Write what a flavour reads beside a dataset's own arrays and targets."""
    for view in input_views(flavour, spec).values():
        write_view(view, spec, progress=progress)
    if flavour.output.output_type == "array":
        _write_profiles(spec, bins=central_bins(flavour, spec), progress=progress)
    if flavour.output.transform is not None:
        bins = predicted_part(flavour, spec).require_target().bins
        _write_table_view(spec, flavour.output.transform, bins=bins)


def _write_profiles(
    spec: DatasetSpec, *, bins: int | None = None, progress: Progress = SILENT
) -> None:
    """Write the targets of training and validation as arrays, unless they are there.

    The files are float32, (groups of columns, 1, bins), on the scale of `target.transform`, in
    ``DatasetFolders.profiles("train_valid", bins=bins)``, named as the samples.
    """
    folders = DatasetFolders.of(spec)
    final = folders.profiles("train_valid", bins=bins).parent
    if final.is_dir():
        return
    target = spec.require_target()
    target = target.model_copy(update={"bins": bins or target.bins})
    table = read_table(folders.target_table("train"), index_col="ID")
    shape = (len(table), len(target.groups), 1, target.bins)
    profiles = table[target.columns].to_numpy(np.float32).reshape(shape)
    require_disk(folders.targets, needed=profiles.nbytes, named="targets as arrays")
    with atomic_folder(final) as folder, progress.step("write profiles", len(table)) as step:
        part = folder / "train_valid"
        part.mkdir()
        for sample, profile in zip(table.index, profiles, strict=True):
            np.save(part / f"{sample}.npy", profile, allow_pickle=False)
            step.advance()


def _write_table_view(spec: DatasetSpec, transform: Transform, *, bins: int) -> None:
    """Write central target bins of training and validation on another scale, unless they are there."""
    folders = DatasetFolders.of(spec)
    final = folders.table_view(transform, bins=bins)
    if final.is_file():
        return
    target = spec.require_target()
    path = folders.target_table("train")
    table = read_targets(path, transform=target.transform)
    table = table[target.model_copy(update={"bins": bins}).columns]
    if (lowest := table.to_numpy().min()) < 0:
        raise ClasterError(
            f"{path} holds values below 0 ({lowest:g}), and the flavour is trained on their logarithms",
            remedy="choose another flavour",
        )
    table[:] = transformed(table.to_numpy(), transform)
    with atomic_path(final) as partial:
        table.to_csv(partial, float_format="%.6g")


def _percent_left_out(flavour: Flavour, spec: DatasetSpec) -> int:
    """Return in which percent of the training samples a track is left out.

    A flag that is always 1 has no deviation to be divided by, so there must be one that is not.
    """
    percent = round(100 * flavour.training.drop_tracks)
    if not percent:
        return 0
    if "embedding" in flavour.inputs or not {"landscape", "activity"} & flavour.inputs.keys():
        raise ClasterError(
            f"flavour {flavour.name!r} reads {' and '.join(flavour.inputs)}: nothing can be left out",
            remedy="train it without --drop-tracks, or choose a flavour with tracks",
        )
    if len(spec.tracks) < 2:
        raise ClasterError(
            f"dataset {spec.name!r} has one track, which cannot be left out",
            remedy="train without --drop-tracks",
        )
    return percent


def _columns(modality: Modality, block: InputBlock, spec: DatasetSpec) -> int | None:
    """Return how many columns a branch reads, None for all."""
    if block.window == "whole":
        return None
    size = spec.window.bin
    if modality == "contacts":
        assert spec.contacts is not None
        size = spec.contacts.resolution
    if isinstance(block.window, int):
        return 2 * (block.window // 2 // size) + 1
    target = spec.require_target()
    if modality == "landscape":
        stride, kernel = _target_step(spec)
        return stride * (target.bins - 1) + (kernel - 1) * block.cnn.dilation_factor_width + 1
    # The odd number of columns whose width is nearest to the target's, and what the kernel takes.
    half = round((target.binning.width / size - 1) / 2)
    kernel = block.cnn.kernel_width * block.cnn.first_kernel_expansion_width
    return 2 * half + kernel


def _target_step(spec: DatasetSpec) -> tuple[int, int]:
    """Return stride and width in landscape bins of a kernel for one target bin."""
    target = spec.require_target()
    if target.bin % spec.window.bin:
        raise ClasterError(
            f"dataset {spec.name!r} has target bins of {target.bin:,} bp, not a multiple of its "
            f"landscape bins of {spec.window.bin:,} bp",
            remedy="choose another flavour, or another 'window.bin' or 'target.bin'",
        )
    stride = target.bin // spec.window.bin
    return stride, 2 * stride + 1


def _require_map(flavour: Flavour, block: InputBlock, spec: DatasetSpec) -> None:
    assert spec.contacts is not None
    if block.map and spec.contacts.map != block.map:
        raise ClasterError(
            f"{spec.place('contacts', 'map')}: flavour {flavour.name!r} is made for "
            f"'map: {block.map}' and the contacts of dataset {spec.name!r} are "
            f"'map: {spec.contacts.map}'",
            remedy="choose another flavour, or build a dataset with that map",
        )
