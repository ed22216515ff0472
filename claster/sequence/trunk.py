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


_INDEX = np.full(256, 4, dtype=np.uint8)
"""From an ASCII code to its place in ACGT, 4 for every other letter."""
_INDEX[list(b"ACGT")] = _INDEX[list(b"acgt")] = range(4)


def one_hot(letters: np.ndarray) -> np.ndarray:
    """Return one channel a nucleotide, float32, shape (..., length, 4), in the order A, C, G, T.

    Every other letter is all zeros; case does not count.

    Examples
    --------
    >>> one_hot(np.frombuffer(b"cN", dtype=np.uint8)).tolist()
    [[0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]]
    """
    return np.eye(5, 4, dtype=np.float32)[_INDEX[letters]]


def tokens(letters: np.ndarray) -> np.ndarray:
    """Return HyenaDNA's tokens of single letters, int64: A 7, C 8, G 9, T 10, all others N 11.

    Case does not count; no token for beginning or end is added. The published benchmark dropped letters
    other than A, C, G, T and N, which moves all that follow.

    References
    ----------
    Nguyen et al., HyenaDNA, NeurIPS 2023 (arXiv:2306.15794), character tokenizer.

    Examples
    --------
    >>> tokens(np.frombuffer(b"AcGtNR", dtype=np.uint8)).tolist()
    [7, 8, 9, 10, 11, 11]
    """
    return _INDEX[letters].astype(np.int64) + 7


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


def _whole(model_class: Any, folder: Path) -> tuple[Any, dict[str, Any]]:  # noqa: ANN401
    """Return a model with all of its weights, and its settings, from a folder.

    Layers that a model holds under two names may be there under either.
    """
    config = read_json(folder / "config.json")
    model, weights = model_class.from_hparams(**config), _read_weights(folder)
    try:
        missing, unknown = model.load_state_dict(weights, strict=False)
    except RuntimeError as error:
        raise ClasterError(
            f"{folder}: the weights are another model's ({one_line(error)[:160]})",
            remedy=_ONE_MODEL,
        ) from error
    held = model.state_dict(keep_vars=True)
    filled = {held[name].data_ptr() for name in weights if name in held}
    lacking = [name for name in missing if held[name].data_ptr() not in filled]
    if lacking or unknown:
        fault = f"lack {lacking[0]}" if lacking else f"hold {unknown[0]}, which it has no place for"
        raise ClasterError(f"{folder}: the weights {fault}", remedy=_ONE_MODEL)
    return model, config


_ONE_MODEL = "provide weights and config.json of one model"
_BIN = 128
"""bp; the target's bins are 1 kb wide, so that a quarter of Borzoi's own bins does."""


class Borzoi(Trunk):
    """Borzoi: 524,288 bp in, 1536 bins of 128 bp with 1920 channels out.

    Its own bins of 32 bp are averaged by four.

    References
    ----------
    Linder et al., Nature Genetics 57:949 (2025), doi 10.1038/s41588-024-02053-6.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)  # a regular expression in its source
            import borzoi_pytorch

        self.model, config = _whole(borzoi_pytorch.Borzoi, folder)
        bins = self.model.crop.target_length // 4
        self.geometry = Geometry(int(config.get("input_length", 524_288)), _BIN, bins, 1920)

    @staticmethod
    def encode(letters: np.ndarray) -> np.ndarray:
        """Return one-hot vectors, shape (samples, 4, length)."""
        return np.moveaxis(one_hot(letters), -1, -2)

    def forward(self, encoded: Tensor) -> Tensor:
        """Return what its last joint convolutions answer."""
        last = self.model.final_joined_convs(self.model.get_embs_after_crop(encoded))
        return avg_pool1d(last, 4)


class Enformer(Trunk):
    """Enformer: 196,608 bp in, 896 bins of 128 bp with 3072 channels out.

    ``config.json`` may name another ``input_length`` for a model of one's own.

    References
    ----------
    Avsec et al., Nature Methods 18:1196 (2021), doi 10.1038/s41592-021-01252-x.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        from enformer_pytorch import modeling_enformer as published

        self.model, config = _whole(published.Enformer, folder)
        settings = self.model.config
        length = int(config.get("input_length", 196_608))
        bin = 2**settings.num_downsamples
        self.geometry = Geometry(length, bin, settings.target_length, 2 * settings.dim)
        # The official weights were trained with TensorFlow's gamma densities, which differ.
        features = settings.dim // settings.heads // 6
        official = published.TF_GAMMAS.shape == (2 * length // bin - 1, features)
        for module in self.model.modules():
            if isinstance(module, published.Attention):
                module.use_tf_gamma = official

    @staticmethod
    def encode(letters: np.ndarray) -> np.ndarray:
        """Return one-hot vectors, shape (samples, length, 4)."""
        return one_hot(letters)

    def forward(self, encoded: Tensor) -> Tensor:
        """Return its own embedding."""
        return self.model(encoded, return_only_embeddings=True).transpose(1, 2)


class HyenaDna(Trunk):
    """HyenaDNA: a vector a base, averaged over bins of 128 bp.

    It is causal: a bin knows what lies before it only. The rev sample has the other side. The Python code in
    its folder is run.

    References
    ----------
    Nguyen et al., NeurIPS 2023, arXiv:2306.15794.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        from safetensors import SafetensorError
        from transformers import AutoModel

        try:
            self.model, told = AutoModel.from_pretrained(
                folder,
                trust_remote_code=True,
                local_files_only=True,
                use_safetensors=(folder / "model.safetensors").is_file(),
                weights_only=True,
                output_loading_info=True,
            )
        except (SafetensorError, OSError, RuntimeError, ValueError) as error:
            raise ClasterError(
                f"{folder} does not load ({one_line(error)[:200]})",
                remedy="download its files again",
            ) from error
        if lacking := [*told["missing_keys"], *told["mismatched_keys"]]:
            raise ClasterError(f"{folder}: the weights lack {lacking[0]}", remedy=_ONE_MODEL)
        config = self.model.config
        bins = (config.max_seq_len - 2) // (2 * _BIN) * 2  # it holds two special tokens
        self.geometry = Geometry(bins * _BIN, _BIN, bins, config.d_model)

    @staticmethod
    def encode(letters: np.ndarray) -> np.ndarray:
        """Return tokens, shape (samples, length)."""
        return tokens(letters)

    def forward(self, encoded: Tensor) -> Tensor:
        """Return its last hidden state, averaged over bins."""
        last = self.model(input_ids=encoded).last_hidden_state
        return avg_pool1d(last.transpose(1, 2), _BIN)
