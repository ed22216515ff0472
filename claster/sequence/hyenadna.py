"""HyenaDNA, by the modelling code that comes with its weights."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool1d

from claster.errors import ClasterError, one_line
from claster.sequence.letters import tokens
from claster.sequence.trunk import Geometry, Trunk

__all__ = ["load_hyenadna"]

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
            f"{folder} does not load ({one_line(error)[:200]})", remedy="bring its files again"
        ) from error
    if told["missing_keys"] or told["mismatched_keys"]:
        lacking = [*told["missing_keys"], *told["mismatched_keys"]][0]
        raise ClasterError(
            f"{folder}: the weights lack {lacking}",
            remedy="bring weights and config.json of one model",
        )
    return _HyenaDna(model)
