"""Borzoi, by borzoi-pytorch."""

import warnings
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool1d

from claster.sequence.letters import one_hot
from claster.sequence.trunk import Geometry, Trunk, fill_weights, read_weights
from claster.text import read_json

__all__ = ["load_borzoi"]

_LENGTH = 524_288
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
        fill_weights(self.model, read_weights(folder), named=folder)
        length = int(config.get("input_length", _LENGTH))
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
