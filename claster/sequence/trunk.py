"""What every sequence model is to the rest: letters in, one vector a bin out, channel first."""

import pickle
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from claster.errors import ClasterError, one_line

__all__ = ["Geometry", "Trunk", "fill_weights", "read_weights"]


@dataclass(frozen=True)
class Geometry:
    """What goes into a model and what comes out; both are centred on the TSS.

    Attributes
    ----------
    length
        bp of sequence that it takes.
    bin
        bp of sequence that one output bin stands for.
    bins, channels
        Shape of what it gives.
    """

    length: int
    bin: int
    bins: int
    channels: int


class Trunk(nn.Module, ABC):
    """A sequence model without its own heads."""

    geometry: Geometry

    @staticmethod
    @abstractmethod
    def encode(letters: np.ndarray) -> np.ndarray:
        """Return what `forward` takes for ASCII codes (uint8) of shape (samples, length)."""

    @abstractmethod
    def forward(self, encoded: Tensor) -> Tensor:
        """Return the embedding, shape (samples, channels, bins)."""


def read_weights(folder: Path) -> dict[str, Tensor]:
    """Return the weights of a folder: ``model.safetensors``, else ``pytorch_model.bin``.

    The latter is a pickle; PyTorch reads nothing but tensors from it (``weights_only``).

    Raises
    ------
    ClasterError
        If the file is damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = folder / "model.safetensors"
    try:
        if path.is_file():
            return load_file(path)
        path = folder / "pytorch_model.bin"
        return torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, RuntimeError, EOFError, pickle.UnpicklingError, ValueError) as error:
        raise ClasterError(
            f"{path} cannot be read as weights ({one_line(error)[:160]})",
            remedy="download the file again",
        ) from error


def fill_weights(model: nn.Module, weights: dict[str, Tensor], *, named: Path) -> None:
    """Load weights into a model, all of them.

    Layers that a model holds under two names may be there under either.

    Raises
    ------
    ClasterError
        If a weight is missing, unknown or of another shape.
    """
    try:
        missing, unknown = model.load_state_dict(weights, strict=False)
    except RuntimeError as error:
        raise ClasterError(
            f"{named}: the weights are another model's ({one_line(error)[:160]})",
            remedy="provide weights and config.json of one model",
        ) from error
    held = model.state_dict(keep_vars=True)
    filled = {held[name].data_ptr() for name in weights if name in held}
    lacking = [name for name in missing if held[name].data_ptr() not in filled]
    if lacking or unknown:
        fault = f"lack {lacking[0]}" if lacking else f"hold {unknown[0]}, which it has no place for"
        raise ClasterError(
            f"{named}: the weights {fault}", remedy="provide weights and config.json of one model"
        )
