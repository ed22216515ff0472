"""Flavours: inputs, network, training. Heights, names of columns and steps come from the dataset."""

import re
from typing import Any

from claster.eir.parts import (
    ArrayCnn,
    Cnn,
    Embedding,
    Flavour,
    Fusion,
    InputBlock,
    Message,
    Output,
    Training,
    derive,
)
from claster.errors import ClasterError

_WITHOUT = re.compile(r"(?:(?P<base>.+)_)?without_(?P<track>.+)")

_PUBLISHED = {"num_output_features": 512, "rb_do": 0.3, "stochastic_depth_p": 0.1}
_PLAIN = {"rb_do": 0.0, "stochastic_depth_p": 0.0}
_A_POSITION_A_BIN = {"down_stride_width": 1, "num_output_features": 0, **_PLAIN}

_LANDSCAPE = InputBlock(
    cnn=Cnn(
        # Without dilation 31 positions stay of 10,001 bins; of the published one EIR 0.25 leaves one.
        layers=(4, 3),
        channel_exp_base=5,
        first_channel_expansion=2,
        kernel_width=10,
        down_stride_width=2,
        **_PUBLISHED,
    )
)

_DIAGONAL = InputBlock(
    map="diagonal",
    cnn=Cnn(
        # Without dilation 625 columns end as 31 positions; with the published dilation 2 as 9.
        layers=(1, 2),
        channel_exp_base=4,
        first_channel_expansion=2,
        kernel_width=10,
        down_stride_width=2,
        **_PUBLISHED,
    ),
)

_SQUARE = InputBlock(
    map="paper_square",
    cnn=Cnn(
        layers=(1, 2),
        channel_exp_base=2,
        first_channel_expansion=2,
        kernel_width=5,
        kernel_height=5,
        first_kernel_expansion_height=1,
        down_stride_width=2,
        down_stride_height=2,
        **_PUBLISHED,
    ),
)

_SHORT = {
    "n_epochs": 40,
    "batch_size": 32,
    "warmup_steps": 50,
    "lr_plateau_patience": 3,
    "evaluations": 16,
    "interval": 20,
    "memory_dataset": True,
}
_PROFILE_TRAINING = Training(**_SHORT, lr=5e-3, early_stopping_patience=10)


def _head(name: str, *, model: str, channels: int, span: int) -> Flavour:
    """Return a small profile network on the frozen embedding of a sequence model."""
    return Flavour(
        name=name,
        description=f"a profile from the frozen embedding of {model}, where that covers it",
        inputs={
            "embedding": InputBlock(
                embedding=Embedding(model=model, channels=channels, span=span),
                cnn=Cnn(
                    layers=(1,),
                    channel_exp_base=5,
                    kernel_width=5,
                    **_A_POSITION_A_BIN,
                ),
            )
        },
        fusion=Fusion(model_type="pass-through"),
        output=Output(array=ArrayCnn(channel_exp_base=5, n_final_extra_blocks=1, **_PLAIN)),
        training=_PROFILE_TRAINING.model_copy(update={"lr": 2e-3, "memory_dataset": False}),
    )


_POINT = {"layers": (1,), "channel_exp_base": 6, "kernel_width": 1, **_A_POSITION_A_BIN}
_ACTIVITY = InputBlock(
    window=1_000_000,
    map="stripe",
    normalization=None,
    cnn=Cnn(**_POINT | {"num_output_features": 64}),
)

type _Changed = tuple[str, str, dict[str, Any]]
"""A flavour by another one: that one's name, the new one's description, and the settings that differ."""


def _without(base: str, track: str) -> _Changed:
    changes = {"inputs": {"landscape": {"without": (track,)}}}
    return base, f"{base} on the landscape without {track}", changes


_DEFINED: dict[str, Flavour | _Changed] = {
    "pure_conv": Flavour(
        name="pure_conv",
        description="the published chromatin-only network; its last feature map keeps 31 positions",
        inputs={"landscape": _LANDSCAPE},
        fusion=Fusion(),
        output=Output(),
        training=Training(n_epochs=120, batch_size=64, lr=1e-4, evaluations=120),
    ),
    "conv_attention": (
        "pure_conv",
        "pure_conv with attention over positions from the feature map of 304 positions on",
        {"inputs": {"landscape": {"cnn": {"attention_inclusion_cutoff": 320}}}},
    ),
    "microc_square": (
        "pure_conv",
        "landscape and the published square contact map, one branch each",
        {"inputs": {"contacts": _SQUARE.model_dump()}, "dataset": "toy_square"},
    ),
    "microc_rotated": (
        "microc_diagonal",
        "landscape and the published rotated contact map, one branch each",
        {"inputs": {"contacts": {"map": "paper_rotated"}}, "dataset": "toy_rotated"},
    ),
    "microc_diagonal": (
        "pure_conv",
        "landscape and contact map by separation and midpoint, one branch each",
        {"inputs": {"contacts": _DIAGONAL.model_dump()}},
    ),
    "microc_only": (
        "microc_diagonal",
        "the contact map of microc_diagonal alone",
        {"inputs": {"landscape": None}},
    ),
    "promoter_capture": (
        "microc_square",
        "landscape and a square map of promoter-capture Hi-C at 5 kb, 201 x 201",
        {},
    ),
    "profile": Flavour(
        name="profile",
        description="a position a target bin from the first layer to the last, and a profile out",
        inputs={
            "landscape": InputBlock(
                window="target",
                cnn=Cnn(
                    layers=(4,),
                    channel_exp_base=5,
                    kernel_width=9,
                    **_A_POSITION_A_BIN,
                ),
            )
        },
        fusion=Fusion(model_type="pass-through"),
        output=Output(array=ArrayCnn(channel_exp_base=5, n_final_extra_blocks=2, **_PLAIN)),
        training=_PROFILE_TRAINING,
    ),
    "profile_microc": (
        "profile",
        "profile that takes in the diagonal contact map above each bin",
        {
            "inputs": {
                "contacts": {
                    "window": "target",
                    "map": "diagonal",
                    "cnn": {
                        "layers": (2,),
                        "channel_exp_base": 5,
                        "kernel_width": 5,
                        **_A_POSITION_A_BIN,
                    },
                }
            },
            "messages": (
                Message(
                    name="contacts",
                    sender="input_modules.contacts.feature_extractor.conv",
                    receiver="output_modules.landscape.feature_extractor.blocks",
                ),
            ),
        },
    ),
    "without_H3K27ac": _without("pure_conv", "H3K27ac"),
    "context_20kb": (
        "pure_conv",
        "pure_conv that sees 10 kb on either side of the TSS",
        {"inputs": {"landscape": {"window": 20_000, "cnn": {"layers": (2,)}}}},
    ),
    "enformer_head": _head("enformer_head", model="enformer", channels=3072, span=896 * 128),
    "hyenadna_head": _head(
        "hyenadna_head", model="hyenadna_small_32k", channels=256, span=256 * 128
    ),
    "hyenadna_160k_head": _head(
        "hyenadna_160k_head", model="hyenadna_medium_160k", channels=256, span=1250 * 128
    ),
    "borzoi_head": _head("borzoi_head", model="borzoi", channels=1920, span=1536 * 128),
    "proximal": (
        "toy",
        "the 9 bins around the TSS from the 50 kb around it, to ask what single elements do",
        {
            "inputs": {
                "landscape": {
                    "window": 50_000,
                    "cnn": {
                        "layers": (2, 2),
                        "channel_exp_base": 5,
                        "kernel_width": 9,
                        "first_kernel_expansion_width": 1,
                        "first_stride_expansion_width": 1,
                    },
                }
            },
            "output": {"span": 9_000, "con_loss_name": "MSELoss"},
            "training": {"lr": 5e-3},
        },
    ),
    "proximal_contacts": (
        "proximal",
        "proximal and the activity of what the TSS touches within 500 kb",
        {
            "inputs": {"activity": _ACTIVITY.model_dump()},
            "fusion": {"model_type": "mlp-residual-sum"},
            "dataset": "toy_stripe",
        },
    ),
    "proximal_contacts_log": (
        "proximal_contacts",
        "proximal_contacts on log(10 x + 1), to rank what elements far from the TSS do",
        {
            "output": {"transform": "log1p_10x", "con_loss_name": "L1Loss"},
            "training": {"lr_schedule": "cosine"},
        },
    ),
    "proximal_contacts_200kb": (
        "proximal_contacts",
        "proximal and the activity of what the TSS touches within 200 kb",
        {"inputs": {"activity": {"window": 400_000}}},
    ),
    "proximal_distance": (
        "proximal",
        "a smaller proximal, and the activity within 500 kb by a power law of distance",
        {
            "inputs": {
                "landscape": {"cnn": {"layers": (1, 1), "channel_exp_base": 4, "kernel_width": 5}},
                "activity": _ACTIVITY.model_copy(update={"map": None}).model_dump(),
            }
        },
    ),
    "promoter_distance": (
        "proximal_distance",
        "the 5 kb around the TSS, and the activity within 500 kb by a power law of distance",
        {
            "inputs": {
                "landscape": {
                    "window": 5_000,
                    "cnn": {"layers": (1,), "kernel_width": 3, "down_stride_width": 1},
                }
            },
            "output": {"span": 5_000},
            "fusion": {"model_type": "mlp-residual-sum", "layers": (1,), "fc_task_dim": 64},
            "training": {"n_epochs": 8, "batch_size": 128, "lr_schedule": "cosine"},
        },
    ),
    "profile_contacts": (
        "profile",
        "profile that takes in the activity of what the TSS touches within 500 kb",
        {
            "inputs": {
                "activity": _ACTIVITY.model_copy(update={"cnn": Cnn(**_POINT)}).model_dump()
            },
            "messages": (
                Message(
                    name="activity",
                    sender="input_modules.activity.feature_extractor.conv",
                    receiver="output_modules.landscape.feature_extractor.blocks",
                    cache_fusion_type="sum",
                    projection_type="mlp_residual",
                ),
            ),
            "dataset": "toy_stripe",
        },
    ),
    "tutorial": (
        "toy",
        "toy with fewer epochs, to see every step run",
        {"training": {"n_epochs": 4, "evaluations": 4}},
    ),
    "toy": (
        "pure_conv",
        "pure_conv made small enough to learn the toy genome in two minutes on two cores",
        {
            "inputs": {
                "landscape": {
                    "cnn": {
                        "layers": (2, 1),
                        "channel_exp_base": 3,
                        "kernel_width": 5,
                        "first_kernel_expansion_width": 4,
                        "first_stride_expansion_width": 5,
                        "num_output_features": 256,
                        **_PLAIN,
                    }
                }
            },
            "fusion": {"rb_do": 0.1, "fc_do": 0.1, "stochastic_depth_p": 0.0},
            # EIR's residual blocks start almost off (1e-5): a high rate wakes them in a few hundred steps.
            "training": {**_SHORT, "lr": 1e-2, "early_stopping_patience": 6},
        },
    ),
}


def _made(name: str, defined: Flavour | _Changed) -> Flavour:
    if isinstance(defined, Flavour):
        return defined
    base, description, changes = defined
    changed = _made(base, _DEFINED[base])
    return derive(changed, name=name, description=description, **changes)


FLAVOURS = {name: _made(name, defined) for name, defined in _DEFINED.items()}


def find_flavour(name: str) -> Flavour:
    """Return the flavour called `name`.

    ``without_<track>`` is `pure_conv` and ``<flavour>_without_<track>`` another one, without a track.

    Raises
    ------
    ClasterError
        If there is none.
    """
    if name in FLAVOURS:
        return FLAVOURS[name]
    if found := _WITHOUT.fullmatch(name):
        base = found["base"] or "pure_conv"
        if base in FLAVOURS and "landscape" in FLAVOURS[base].inputs:
            return _made(name, _without(base, found["track"]))
    raise ClasterError(
        f"no flavour {name!r}", remedy=f"choose one of {', '.join(FLAVOURS)}, without_<track>"
    )
