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


def write_tiny_model(
    name: str, folder: Path | str, *, seed: int = 0, settings: dict[str, Any] | None = None
) -> Path:
    """Write a folder of random weights that loads as the model of that name does.

    `settings` are changes of its ``config.json``. Returns `folder`.

    Raises
    ------
    ClasterError
        If no such model is known or the folder is there.
    """
    from safetensors.torch import save_model

    code = find_model(name).code
    folder = Path(folder)
    with torch.random.fork_rng(devices=[]), atomic_folder(folder) as partial:
        torch.manual_seed(seed)
        config, model = _FAMILIES[name.partition("_")[0]](settings or {})
        (partial / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        for file in code:
            shutil.copyfile(str(tiny_hyena.__file__), partial / file)
        save_model(model, str(partial / "model.safetensors"), metadata={"format": "pt"})
        files = sorted(path for path in partial.iterdir() if path.is_file())
        lines = "".join(f"{sha256(path)}  {path.name}\n" for path in files)
        (partial / HASHES).write_text(lines, encoding="ascii")
    return folder


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

    config: dict[str, Any] = {
        "dim": 24,
        "depth": 1,
        "heads": 1,
        "attn_dim_key": 8,
        "dim_divisible_by": 12,
        "output_heads": {"mouse": 1},
        "target_length": 256,
        "input_length": 40_960,
    } | settings
    model = Enformer.from_hparams(**config)
    _settle(model, lambda x: model(x, return_only_embeddings=True), config["input_length"])
    return config, model


def _borzoi(settings: dict[str, Any]) -> tuple[dict[str, Any], nn.Module]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        from borzoi_pytorch import Borzoi

    config: dict[str, Any] = {
        "dim": 32,
        "depth": 1,
        "heads": 1,
        "attn_dim_key": 8,
        "attn_dim_value": 8,
        "enable_human_head": False,
        "bins_to_return": 160,
        "input_length": 8_192,
    } | settings
    model = Borzoi.from_hparams(**config)
    _settle(
        model,
        lambda x: model.final_joined_convs(model.get_embs_after_crop(x.transpose(1, 2))),
        config["input_length"],
    )
    return config, model


def _hyenadna(settings: dict[str, Any]) -> tuple[dict[str, Any], nn.Module]:
    config: dict[str, Any] = {
        "d_model": 16,
        "max_seq_len": 32_770,
        "n_layer": 1,
        "auto_map": {
            "AutoConfig": "configuration_hyena.HyenaConfig",
            "AutoModel": "modeling_hyena.HyenaDNAModel",
        },
    } | settings
    return config, tiny_hyena.HyenaDNAModel(tiny_hyena.HyenaConfig(**config))


_FAMILIES = {"enformer": _enformer, "hyenadna": _hyenadna, "borzoi": _borzoi}
