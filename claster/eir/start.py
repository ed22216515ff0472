"""A training that starts from the weights of another run: on another cell, more tracks, fewer genes.

EIR loads a checkpoint by the names of its layers and ends where a shape differs. All layers but those that
read tracks have the same shape whatever the tracks are. There, what belongs to a track is taken by the
track's name, and a new track starts from zero, so that training begins with what the run made of the tracks
that both have.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from claster.dataset.embeddings import EmbeddingView
from claster.dataset.spec import DatasetSpec
from claster.dataset.views import ArrayView, View
from claster.dataset.yaml_file import parse_yaml, read_yaml
from claster.eir.arrays import input_views, predicted_part
from claster.eir.machine import Machine
from claster.eir.parts import Flavour
from claster.eir.runs import (
    RunFolder,
    StartedFrom,
    require_complete,
    require_model,
    run_views,
    trained_weights,
)
from claster.eir.trained_on import trained_dataset
from claster.eir.yaml_files import configuration_texts, plan_schedule
from claster.errors import ClasterError
from claster.files import atomic_path, sha256

if TYPE_CHECKING:
    from torch import Tensor


_NETWORK = ("model_type", "model_config", "tensor_broker_config")
_OF_THE_DATASET = (
    "first_kernel_expansion_height",
    "first_kernel_expansion_width",
    "first_stride_expansion_width",
)
"""Settings of a first convolution that follow from the dataset, whose geometry is compared itself."""
_READER = "input_modules.{name}.feature_extractor."
_FIRST_WEIGHTS = "conv.0.conv_1.weight"
_POSITIONS = "pos_representation.embedding"


def write_start(run: RunFolder, weights: "Mapping[str, Tensor]") -> None:
    """Write weights where EIR finds them when it trains `run`."""
    import torch

    with atomic_path(run.start) as partial, partial.open("wb") as handle:
        torch.save(dict(weights), handle)


def find_start(
    source: RunFolder, flavour: Flavour, spec: DatasetSpec
) -> "tuple[StartedFrom, dict[str, Tensor]]":
    """Return what a record says of a run's weights, and these as a training can take them, by EIR's names.

    Parameters
    ----------
    source
        A complete run, exported or not.
    flavour, spec
        What is to be trained, on which dataset.

    Raises
    ------
    ClasterError
        If the run is not complete or holds no model, its network or the geometry of its inputs and outputs
        differs in more than the tracks, or no track has the name of one of its own.
    """
    from claster.eir.trained_network import read_weights  # PyTorch: seconds

    require_model(source)
    record = require_complete(source)
    spec = predicted_part(flavour, spec)
    before = trained_dataset(source, record)
    views = input_views(flavour, spec)
    earlier = run_views(source)
    for what, there, here in _differences(source, flavour, (before, earlier), (spec, views)):
        if there != here:
            raise ClasterError(
                f"{source.path} is no start for flavour {flavour.name!r} on dataset {spec.name!r}: {what} "
                f"was {there} and is {here}",
                remedy="choose a run of the same network, bins and contact maps; only tracks may differ",
            )
    _, checkpoint = trained_weights(source)
    weights = read_weights(checkpoint)
    new: dict[str, None] = {}
    left: dict[str, None] = {}
    for name in views:
        there, here = _tracks(earlier[name], before), _tracks(views[name], spec)
        if here and not set(here) & set(there):
            raise ClasterError(
                f"{source.path} is no start for dataset {spec.name!r}: no track has the name of one of its "
                f"own ({', '.join(there)})",
                remedy="name the tracks of one kind alike in both datasets",
            )
        new |= dict.fromkeys(track for track in here if track not in there)
        left |= dict.fromkeys(track for track in there if track not in here)
        if there != here:
            _take_tracks(weights, name, there, here, rows=_has_rows(views[name], spec))
    told = StartedFrom(
        run=source.path.as_posix(),
        sha256=sha256(checkpoint),
        new=tuple(new),
        left=tuple(left),
    )
    return told, weights


type _Side = tuple[DatasetSpec, Mapping[Any, View]]


def _differences(
    source: RunFolder, flavour: Flavour, before: _Side, after: _Side
) -> Iterator[tuple[str, object, object]]:
    """Yield what must be equal, and what it was and is."""
    there, here = before[1], after[1]
    yield "its inputs", ", ".join(sorted(there)), ", ".join(sorted(here))
    for (what, was), (_, now) in zip(_geometry(*before), _geometry(*after), strict=True):
        yield what, was, now
    texts = configuration_texts(
        flavour,
        after[0],
        output_folder="",
        schedule=plan_schedule(flavour, None, None),
        machine=Machine(),
        made_by="",
    )
    for name, text in texts.items():
        if name == "globals.yaml":
            continue
        path = source.configurations / name
        was, now = dict(_settings(read_yaml(path)[0])), dict(_settings(parse_yaml(text, path)[0]))
        for key in sorted(was.keys() | now.keys()):
            yield f"{key} in {name}", was.get(key, "not set"), now.get(key, "not set")


def _geometry(spec: DatasetSpec, views: Mapping[Any, View]) -> Iterator[tuple[str, object]]:
    target = spec.require_target()
    yield (
        "whether tracks are left out (--drop-tracks)",
        any(not isinstance(view, EmbeddingView) and bool(view.drop) for view in views.values()),
    )
    yield "target.bin", target.bin
    yield "target.bins", target.bins
    yield "the number of conditions", len(target.groups)
    for name, view in sorted(views.items()):
        *_, height, columns = (1, *view.shape(spec))
        if name != "embedding":
            yield "window.bin", spec.window.bin
        if name == "landscape":
            yield "window.layout", spec.window.layout
        if name in ("contacts", "activity"):
            assert spec.contacts is not None
            yield "contacts.map", spec.contacts.map
            yield "contacts.resolution", spec.contacts.resolution
        if name == "contacts":
            yield "the number of rows of the contact map", height
        if name in ("embedding", "activity"):
            yield f"the array of {name}", view.folder
        yield f"the number of columns of {name}", columns


def _settings(content: object, place: str = "") -> Iterator[tuple[str, object]]:
    """Yield each setting of a network by its place in EIR's file."""
    if isinstance(content, dict):
        for key, value in content.items():
            if (not place and key not in _NETWORK) or key in _OF_THE_DATASET:
                continue
            yield from _settings(value, f"{place}.{key}" if place else str(key))
    else:
        yield place, content


def _tracks(view: View, spec: DatasetSpec) -> list[str]:
    """Return the tracks that an input is made from, in order."""
    if view.modality not in ("landscape", "activity"):
        return []
    without = view.without if isinstance(view, ArrayView) else ()
    names = [track.name for track in spec.tracks if track.name not in without]
    if isinstance(view, EmbeddingView) or not view.drop or _has_rows(view, spec):
        return names
    return [*names, *(f"{name} (whether it is known)" for name in names)]


def _has_rows(view: View, spec: DatasetSpec) -> bool:
    return view.modality == "landscape" and spec.window.layout == "rows"


def _take_tracks(
    weights: "dict[str, Tensor]",
    name: str,
    there: Sequence[str],
    here: Sequence[str],
    *,
    rows: bool,
) -> None:
    """Replace what belongs to tracks by what belongs to those of their names, and zero for new ones.

    A landscape has its tracks as `rows` or as channels; an activity has several channels a track.
    """
    reader = _READER.format(name=name)
    axis = 2 if rows else 1
    for key, place in ((_FIRST_WEIGHTS, axis), *(((_POSITIONS, 1),) if axis == 2 else ())):
        weights[reader + key] = _by_name(weights[reader + key], place, there, here)


def _by_name(values: "Tensor", axis: int, there: Sequence[str], here: Sequence[str]) -> "Tensor":
    shape = values.shape
    split = values.reshape(*shape[:axis], len(there), -1, *shape[axis + 1 :])
    taken = split.new_zeros(*shape[:axis], len(here), *split.shape[axis + 1 :])
    for row, track in enumerate(here):
        if track in there:
            taken.select(axis, row).copy_(split.select(axis, there.index(track)))
    return taken.reshape(*shape[:axis], -1, *shape[axis + 1 :])
