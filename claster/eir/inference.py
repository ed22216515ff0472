"""Predictions in memory: a trained run loaded once, arrays in, arrays out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import batched
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from claster.dataset.signal_settings import TargetSpec
from claster.dataset.spec import DatasetSpec
from claster.eir.arrays import on_scale
from claster.eir.bundle import require_unchanged
from claster.eir.first_layer import CutNetwork, FirstLayer, first_layer
from claster.eir.machine import keep_freed_memory, resolve_device
from claster.eir.runs import RunFolder, require_model, trained_weights
from claster.eir.trained_network import Network, load_network, run_network
from claster.eir.trained_on import trained_dataset
from claster.errors import ClasterError
from claster.progress import SILENT, Progress
from claster.settings import Device
from claster.signal.landscape import Transform

_BATCH = {"cpu": 64, "cuda": 512}


@dataclass(frozen=True)
class TrainedModel:
    """A trained run, ready to predict; `spec` is its dataset, with the target on the network's scale."""

    run: Path
    network: Network
    spec: DatasetSpec
    device: torch.device

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the inputs: ``landscape``, ``contacts``, ``activity``, ``embedding``."""
        return tuple(self.network.inputs)

    @property
    def target(self) -> TargetSpec:
        """Conditions, bins and transform of what is predicted."""
        return self.spec.require_target()

    @property
    def profile_shape(self) -> tuple[int, int]:
        """Shape of what is predicted for one sample, (groups, bins)."""
        return len(self.target.groups), self.target.bins


def load_model(run: RunFolder | Path | str, *, device: Device = "auto") -> TrainedModel:
    """Load the best model of a run, on any device, whichever it was trained on.

    The first call in a process imports EIR (20 to 40 s), further ones take a second.

    Parameters
    ----------
    run
        A run, or a folder that `claster export` wrote.

    Raises
    ------
    ClasterError
        If there is no run, it saved no model yet, or a file of it is missing or damaged; for an
        exported model, if a file that decides predictions has changed.
    """
    run = RunFolder.of(run)
    record = require_model(run)
    spec = on_scale(trained_dataset(run, record), record.transform)
    target = spec.require_target()
    folder, weights = trained_weights(run)
    if weights == run.exported_weights:
        require_unchanged(run.path)
    place = torch.device(resolve_device(device))
    if place.type == "cpu":
        keep_freed_memory()
    network = load_network(folder, weights, device=place)
    values = network.output.shape[0]
    if network.columns not in (None, tuple(target.columns)) or values != len(target.columns):
        raise ClasterError(
            f"{run.path} predicts {values} values that are not the {len(target.columns)} target columns "
            f"of {spec.name!r}",
            remedy="restore the dataset YAML that it was trained with, or train again",
        )
    return TrainedModel(run.path, network, spec, place)


def predict_arrays(
    model: TrainedModel,
    *,
    landscape: np.ndarray | None = None,
    contacts: np.ndarray | None = None,
    activity: np.ndarray | None = None,
    embedding: np.ndarray | None = None,
    batch_size: int | None = None,
    progress: Progress = SILENT,
) -> np.ndarray:
    """Predict arrays held in memory.

    The result is the same for any batch size up to rounding (1e-5 of the value).

    Parameters
    ----------
    landscape
        Shape (samples, tracks, bins) or (samples, tracks, 1, bins), as built (on the scale of each
        track's `transform`).
    contacts
        Shape (samples, rows, columns), as built; give what `model.inputs` names.
    activity
        Shape (samples, channels, 1, 1), as `ActivityView` makes it.
    embedding
        Shape (samples, channels, bins), averaged over the target's bins (`EmbeddingView.opened`).
    batch_size
        Samples at a time; None starts with 64 on a CPU and 512 on a GPU. Either is halved as long as
        memory does not suffice.

    Returns
    -------
    numpy.ndarray
        float32, shape (samples, groups, bins): signal in reads. Values may lie below 0; nothing is cut off.

    Raises
    ------
    ClasterError
        If an input is missing or not wanted, has another shape, or leads to values that are not
        finite; or if memory does not suffice for one sample.
    """
    inputs = _named_inputs(
        model.network,
        landscape=landscape,
        contacts=contacts,
        activity=activity,
        embedding=embedding,
    )
    samples = _count_samples(model.network, inputs)
    size = _start(model, batch_size)
    predicted = np.empty((samples, *model.profile_shape), np.float32)
    with progress.step("predict", samples) as step:
        done = 0
        while done < samples:
            rest = {name: array[done:] for name, array in inputs.items()}
            values, size = _predict_batch(model, rest, size, first=done)
            predicted[done : done + len(values)] = values
            done += len(values)
            step.advance(len(values))
    return predicted


def predict_windows(
    model: TrainedModel,
    windows: Iterable[Mapping[str, np.ndarray]],
    *,
    batch_size: int | None = None,
) -> Iterator[np.ndarray]:
    """Predict windows one after the other as they come, a batch of them in memory at a time.

    Parameters
    ----------
    windows
        By input name (``landscape``, ``contacts``), one sample each, shaped as in `predict_arrays`
        without the first axis.
    batch_size
        See `predict_arrays`.

    Yields
    ------
    numpy.ndarray
        float32, shape (groups, bins), one a window, in order; see `predict_arrays`.

    Raises
    ------
    ClasterError
        See `predict_arrays`.
    """
    size = _start(model, batch_size)
    reuse = first_layer(model.network, model.device)
    done = 0
    for some in batched(windows, size, strict=False):
        rest = _named_inputs(
            model.network, **{name: _stack_windows(some, name) for name in some[0]}
        )
        left = _count_samples(model.network, rest)
        while left:
            values, size = _predict_batch(model, rest, size, first=done, reuse=reuse)
            yield from values
            rest = {name: array[len(values) :] for name, array in rest.items()}
            left, done = left - len(values), done + len(values)


def predict_tensors(
    model: TrainedModel,
    *,
    landscape: Tensor | None = None,
    contacts: Tensor | None = None,
    activity: Tensor | None = None,
    embedding: Tensor | None = None,
    scale: Literal["signal", "stored"] = "signal",
    reuse: FirstLayer | None = None,
    behind: CutNetwork | None = None,
) -> Tensor:
    """Predict tensors in one forward pass, differentiable with respect to them.

    Parameters
    ----------
    model
        A loaded run; its weights take no gradients.
    landscape, contacts, activity, embedding
        float32 on `model.device`, shaped as in `predict_arrays`.
    scale
        ``signal``: reads, as `predict_arrays`. ``stored``: the scale that the network is trained on.
    reuse
        What is known of windows before, which these may be edits of (CPU only, no gradients).
    behind
        Where the network is cut; `landscape` is then what its first part gives.

    Returns
    -------
    torch.Tensor
        Shape (samples, groups, bins).

    Raises
    ------
    ClasterError
        If an input is missing or not wanted, or has another shape.
    """
    network = behind.after if behind else model.network
    inputs = _named_inputs(
        network, landscape=landscape, contacts=contacts, activity=activity, embedding=embedding
    )
    samples = _count_samples(network, inputs)
    first = reuse.values(inputs["landscape"]) if reuse else None
    if reuse and first is not None:
        network, inputs = reuse.cut.after, inputs | {"landscape": first}
    stored = run_network(network, inputs).reshape(samples, *model.profile_shape)
    return stored if scale == "stored" else _restored(stored, model.target.transform)


def is_want_of_memory(error: RuntimeError) -> bool:
    """Tell whether PyTorch failed because a batch was too large."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def _restored(stored: Tensor, transform: Transform) -> Tensor:
    match transform:
        case "sqrt":
            return stored * stored.abs()
        case "log1p":
            return torch.expm1(stored)
        case "log1p_10x":
            return torch.expm1(stored) / 10
        case "asinh":
            return torch.sinh(stored)
        case "none":
            return stored


def _start(model: TrainedModel, batch_size: int | None) -> int:
    if batch_size is not None and batch_size < 1:
        raise ClasterError(f"batches of {batch_size} samples", remedy="choose 1 or more")
    return batch_size or _BATCH[model.device.type]


def _predict_batch(
    model: TrainedModel,
    inputs: Mapping[str, np.ndarray],
    size: int,
    *,
    first: int,
    reuse: FirstLayer | None = None,
) -> tuple[np.ndarray, int]:
    """Return predictions of the first samples, at most `size`, and how many fit into memory."""
    while True:
        part = {name: array[:size] for name, array in inputs.items()}
        try:
            with torch.inference_mode():
                tensors: dict[str, Any] = {
                    name: torch.from_numpy(np.ascontiguousarray(array, np.float32)).to(model.device)
                    for name, array in part.items()
                }
                values = predict_tensors(model, **tensors, reuse=reuse).cpu().numpy()
        except RuntimeError as error:
            if not is_want_of_memory(error):
                raise
            size = min(size, len(next(iter(part.values())))) // 2
            if not size:
                raise ClasterError(
                    f"memory of {model.device} does not suffice to predict one sample",
                    remedy="choose another --device, or a machine with more memory",
                ) from error
            torch.cuda.empty_cache()
            continue
        finite = np.isfinite(values).all(axis=(1, 2))
        if not finite.all():
            raise ClasterError(
                f"sample {first + int(np.argmin(finite))} is predicted values that are not finite",
                remedy="check its arrays for NaN; if they are whole, train with a lower learning rate",
            )
        return values, size


def _named_inputs[A: (np.ndarray, Tensor)](network: Network, **given: A | None) -> dict[str, A]:
    """Return the inputs in the network's order."""
    inputs = {name: array for name, array in given.items() if array is not None}
    if inputs.keys() != network.inputs.keys():
        raise ClasterError(
            f"the network takes {' and '.join(network.inputs)}, given: {', '.join(inputs) or 'nothing'}",
            remedy="give exactly these inputs",
        )
    return {name: inputs[name] for name in network.inputs}


def _count_samples(network: Network, inputs: Mapping[str, np.ndarray | Tensor]) -> int:
    """Return the number of samples along the first axis; other axes of length 1 do not count."""
    for name, array in inputs.items():
        wanted, found = network.inputs[name].shape, tuple(array.shape[1:])
        if _without_ones(found) != _without_ones(wanted):
            built = (
                wanted[1:] if wanted[0] == 1 else wanted
            )  # EIR puts an axis of length 1 before two
            raise ClasterError(
                f"{name} has samples of shape {found} where the network takes {built}",
                remedy="cut the windows as the dataset does that it was trained on",
            )
    counts = {name: len(array) for name, array in inputs.items()}
    if len(set(counts.values())) > 1:
        said = ", ".join(f"{count} of {name}" for name, count in counts.items())
        raise ClasterError(f"different numbers of samples: {said}", remedy="give pairs")
    return next(iter(counts.values()))


def _stack_windows(windows: Sequence[Mapping[str, np.ndarray]], name: str) -> np.ndarray:
    """Return one input of several windows as one array."""
    arrays = [window.get(name) for window in windows]
    shapes = {None if array is None else array.shape for array in arrays}
    if len(shapes) > 1:
        raise ClasterError(
            f"windows differ in {name}: {', '.join(sorted(map(str, shapes)))}",
            remedy="give every window the same inputs, of one shape",
        )
    return np.stack([array for array in arrays if array is not None])


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(length for length in shape if length != 1)
