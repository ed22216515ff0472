"""Enformer, by enformer-pytorch."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from claster.sequence.letters import one_hot
from claster.sequence.trunk import Geometry, Trunk, fill_weights, read_weights
from claster.text import read_json

__all__ = ["load_enformer"]

_LENGTH = 196_608


class _Enformer(Trunk):
    def __init__(self, folder: Path) -> None:
        super().__init__()
        from enformer_pytorch.modeling_enformer import TF_GAMMAS, Attention, Enformer

        config = read_json(folder / "config.json")
        self.model = Enformer.from_hparams(**config)
        fill_weights(self.model, read_weights(folder), named=folder)
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
