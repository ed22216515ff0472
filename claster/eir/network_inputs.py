"""The arrays that a network takes, checked before they reach it."""

from collections.abc import Mapping, Sequence

import numpy as np
from torch import Tensor

from claster.eir.trained_network import Network
from claster.errors import ClasterError

__all__ = ["count_samples", "named_inputs", "stack_windows"]


def named_inputs[A: (np.ndarray, Tensor)](network: Network, **given: A | None) -> dict[str, A]:
    """Return the inputs in the network's order.

    Raises
    ------
    ClasterError
        If an input is missing, or one is given that the network does not take.
    """
    inputs = {name: array for name, array in given.items() if array is not None}
    if inputs.keys() != network.inputs.keys():
        raise ClasterError(
            f"the network takes {' and '.join(network.inputs)}, given: {', '.join(inputs) or 'nothing'}",
            remedy="give exactly these inputs",
        )
    return {name: inputs[name] for name in network.inputs}


def count_samples(network: Network, inputs: Mapping[str, np.ndarray | Tensor]) -> int:
    """Return the number of samples along the first axis; other axes of length 1 do not count.

    Raises
    ------
    ClasterError
        If samples have another shape than the network takes, or inputs differ in their number.
    """
    for name, array in inputs.items():
        wanted, found = network.inputs[name].shape, tuple(array.shape[1:])
        if _without_ones(found) != _without_ones(wanted):
            raise ClasterError(
                f"{name} has samples of shape {found} where the network takes {_as_built(wanted)}",
                remedy="cut the windows as the dataset does that it was trained on",
            )
    counts = {name: len(array) for name, array in inputs.items()}
    if len(set(counts.values())) > 1:
        said = ", ".join(f"{count} of {name}" for name, count in counts.items())
        raise ClasterError(f"different numbers of samples: {said}", remedy="give pairs")
    return next(iter(counts.values()))


def stack_windows(windows: Sequence[Mapping[str, np.ndarray]], name: str) -> np.ndarray:
    """Return one input of several windows as one array.

    Raises
    ------
    ClasterError
        If a window lacks it, or has it in another shape.
    """
    arrays = [window.get(name) for window in windows]
    shapes = {None if array is None else array.shape for array in arrays}
    if len(shapes) > 1:
        raise ClasterError(
            f"windows differ in {name}: {', '.join(sorted(map(str, shapes)))}",
            remedy="give every window the same inputs, of one shape",
        )
    return np.stack([array for array in arrays if array is not None])


def _as_built(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape as built: EIR puts an axis of length 1 before two."""
    return shape[1:] if shape[0] == 1 else shape


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(length for length in shape if length != 1)
