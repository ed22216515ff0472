"""What every sequence model is to the rest: letters in, one vector a bin out, channel first."""

import pickle
import warnings
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool1d

from claster.errors import ClasterError, one_line
from claster.sequence.letters import one_hot, tokens
from claster.text import read_json


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


def _read_weights(folder: Path) -> dict[str, Tensor]:
    """Return the weights of a folder: ``model.safetensors``, else ``pytorch_model.bin``.

    The latter is a pickle; PyTorch reads nothing but tensors from it (``weights_only``).
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


def _fill_weights(model: nn.Module, weights: dict[str, Tensor], *, named: Path) -> None:
    """Load weights into a model, all of them.

    Layers that a model holds under two names may be there under either.
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


_BORZOI_LENGTH = 524_288
_NATIVE_BIN = 32
_POOL = 4  # the target's bins are 1 kb wide; 128 bp keep the store at a quarter
_CHANNELS = 1920


class _Borzoi(Trunk):
    def __init__(self, folder: Path) -> None:
        super().__init__()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)  # a regular expression in its source
            from borzoi_pytorch import Borzoi

        config = read_json(folder / "config.json")
        self.model = Borzoi.from_hparams(**config)
        _fill_weights(self.model, _read_weights(folder), named=folder)
        length = int(config.get("input_length", _BORZOI_LENGTH))
        bins = self.model.crop.target_length // _POOL
        self.geometry = Geometry(length, _NATIVE_BIN * _POOL, bins, _CHANNELS)

    @staticmethod
    def encode(letters: np.ndarray) -> np.ndarray:
        return np.moveaxis(one_hot(letters), -1, -2)

    def forward(self, encoded: Tensor) -> Tensor:
        last = self.model.final_joined_convs(self.model.get_embs_after_crop(encoded))
        return avg_pool1d(last, _POOL)


def load_borzoi(folder: Path, *, trust_remote_code: bool) -> Trunk:
    """Return Borzoi's trunk: 524,288 bp in, 1536 bins of 128 bp with 1920 channels out.

    Its own bins of 32 bp are averaged by four.

    Parameters
    ----------
    folder
        ``config.json`` and weights, as in the repository of the hub.
    trust_remote_code
        No code comes with it.

    References
    ----------
    Linder et al., Nature Genetics 57:949 (2025), doi 10.1038/s41588-024-02053-6.
    """
    with torch.random.fork_rng(devices=[]):
        return _Borzoi(folder)


_LENGTH = 196_608


class _Enformer(Trunk):
    def __init__(self, folder: Path) -> None:
        super().__init__()
        from enformer_pytorch.modeling_enformer import TF_GAMMAS, Attention, Enformer

        config = read_json(folder / "config.json")
        self.model = Enformer.from_hparams(**config)
        _fill_weights(self.model, _read_weights(folder), named=folder)
        settings = self.model.config
        length = int(config.get("input_length", _LENGTH))
        bin = 2**settings.num_downsamples
        self.geometry = Geometry(length, bin, settings.target_length, 2 * settings.dim)
        # The official weights were trained with TensorFlow's gamma densities, which differ.
        features = settings.dim // settings.heads // 6
        official = TF_GAMMAS.shape == (2 * length // bin - 1, features)
        for module in self.model.modules():
            if isinstance(module, Attention):
                module.use_tf_gamma = official

    @staticmethod
    def encode(letters: np.ndarray) -> np.ndarray:
        return one_hot(letters)

    def forward(self, encoded: Tensor) -> Tensor:
        return self.model(encoded, return_only_embeddings=True).transpose(1, 2)


def load_enformer(folder: Path, *, trust_remote_code: bool) -> Trunk:
    """Return Enformer's trunk: 196,608 bp in, 896 bins of 128 bp with 3072 channels out.

    ``config.json`` may name another ``input_length`` for a model of one's own.

    Parameters
    ----------
    folder
        ``config.json`` and weights, as in the repository of the hub.
    trust_remote_code
        No code comes with it.

    References
    ----------
    Avsec et al., Nature Methods 18:1196 (2021), doi 10.1038/s41592-021-01252-x.
    """
    with torch.random.fork_rng(devices=[]):
        return _Enformer(folder)


_BIN = 128
_ADDED = 2  # positions that `max_seq_len` holds for special tokens


class _HyenaDna(Trunk):
    def __init__(self, model: Any) -> None:  # noqa: ANN401
        super().__init__()
        self.model = model
        length = (model.config.max_seq_len - _ADDED) // (2 * _BIN) * (2 * _BIN)
        self.geometry = Geometry(length, _BIN, length // _BIN, model.config.d_model)

    @staticmethod
    def encode(letters: np.ndarray) -> np.ndarray:
        return tokens(letters)

    def forward(self, encoded: Tensor) -> Tensor:
        last = self.model(input_ids=encoded).last_hidden_state
        return avg_pool1d(last.transpose(1, 2), _BIN)


def load_hyenadna(folder: Path, *, trust_remote_code: bool) -> Trunk:
    """Return HyenaDNA's trunk: a vector a base, averaged over bins of 128 bp.

    It is causal: a bin knows what lies before it only. The rev sample has the other side.

    Parameters
    ----------
    folder
        ``config.json``, weights and modelling code, as in the repository of the hub.
    trust_remote_code
        Whether the code of that folder may run.

    Raises
    ------
    ClasterError
        If it may not, or weights or code do not load.

    References
    ----------
    Nguyen et al., NeurIPS 2023, arXiv:2306.15794.
    """
    if not trust_remote_code:
        raise ClasterError(
            f"the model in {folder} is made by Python code that lies there and not in this package",
            remedy="read that code, then pass --trust-remote-code to run it with your rights",
        )
    from safetensors import SafetensorError
    from transformers import AutoModel

    safe = (folder / "model.safetensors").is_file()
    try:
        with torch.random.fork_rng(devices=[]):
            model, told = AutoModel.from_pretrained(
                folder,
                trust_remote_code=True,
                local_files_only=True,
                use_safetensors=safe,
                weights_only=True,
                output_loading_info=True,
            )
    except (SafetensorError, OSError, RuntimeError, ValueError) as error:
        raise ClasterError(
            f"{folder} does not load ({one_line(error)[:200]})", remedy="download its files again"
        ) from error
    if told["missing_keys"] or told["mismatched_keys"]:
        lacking = [*told["missing_keys"], *told["mismatched_keys"]][0]
        raise ClasterError(
            f"{folder}: the weights lack {lacking}",
            remedy="provide weights and config.json of one model",
        )
    return _HyenaDna(model)
