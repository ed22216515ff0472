"""Folders of random weights of the real classes in a small size, to try every step without a download."""

import json
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from claster.files import atomic_folder, sha256
from claster.sequence import tiny_hyena
from claster.sequence.models import HASHES, find_model

_ENFORMER: dict[str, Any] = {
    "dim": 24,
    "depth": 1,
    "heads": 1,
    "attn_dim_key": 8,
    "dim_divisible_by": 12,
    "output_heads": {"mouse": 1},
    "target_length": 256,
    "input_length": 40_960,
}
_BORZOI: dict[str, Any] = {
    "dim": 32,
    "depth": 1,
    "heads": 1,
    "attn_dim_key": 8,
    "attn_dim_value": 8,
    "enable_human_head": False,
    "bins_to_return": 160,
    "input_length": 8_192,
}
_HYENA: dict[str, Any] = {
    "d_model": 16,
    "max_seq_len": 32_770,
    "n_layer": 1,
    "auto_map": {
        "AutoConfig": "configuration_hyena.HyenaConfig",
        "AutoModel": "modeling_hyena.HyenaDNAModel",
    },
}


def write_tiny_model(
    name: str, folder: Path | str, *, seed: int = 0, settings: dict[str, Any] | None = None
) -> Path:
    """Write a folder of random weights that loads as the model of that name does.

    Parameters
    ----------
    folder
        Where; it must not be there yet.
    settings
        Changes of ``config.json``.

    Returns
    -------
    Path
        `folder`.

    Raises
    ------
    ClasterError
        If no such model is known or the folder is there.
    """
    find_model(name)
    folder = Path(folder)
    family = name.partition("_")[0]
    with torch.random.fork_rng(devices=[]), atomic_folder(folder) as partial:
        torch.manual_seed(seed)
        config, model = _FAMILIES[family](settings or {})
        (partial / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        if family == "hyenadna":
            for file in find_model(name).code:
                shutil.copyfile(str(tiny_hyena.__file__), partial / file)
        _save(model, partial / "model.safetensors")
        files = sorted(path for path in partial.iterdir() if path.is_file())
        lines = "".join(f"{sha256(path)}  {path.name}\n" for path in files)
        (partial / HASHES).write_text(lines, encoding="ascii")
    return folder


def _save(model: nn.Module, path: Path) -> None:
    from safetensors.torch import save_model

    save_model(model, str(path), metadata={"format": "pt"})


def _settle(model: nn.Module, run: Callable[[Tensor], Tensor], length: int) -> None:
    """Have batch norms take the scale of a random sequence, as training would; else signal dies out."""
    letters = torch.randint(0, 4, (2, length))
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.momentum = 1.0
    with torch.no_grad():
        model.train()
        run(nn.functional.one_hot(letters, 4).float())
        model.eval()


def _enformer(settings: dict[str, Any]) -> tuple[dict[str, Any], nn.Module]:
    from enformer_pytorch.modeling_enformer import Enformer

    config = _ENFORMER | settings
    model = Enformer.from_hparams(**config)
    _settle(model, lambda x: model(x, return_only_embeddings=True), config["input_length"])
    return config, model


def _borzoi(settings: dict[str, Any]) -> tuple[dict[str, Any], nn.Module]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        from borzoi_pytorch import Borzoi

    config = _BORZOI | settings
    model = Borzoi.from_hparams(**config)
    _settle(
        model,
        lambda x: model.final_joined_convs(model.get_embs_after_crop(x.transpose(1, 2))),
        config["input_length"],
    )
    return config, model


def _hyenadna(settings: dict[str, Any]) -> tuple[dict[str, Any], nn.Module]:
    config = _HYENA | settings
    return config, tiny_hyena.HyenaDNAModel(tiny_hyena.HyenaConfig(**config))


_FAMILIES = {"enformer": _enformer, "hyenadna": _hyenadna, "borzoi": _borzoi}
