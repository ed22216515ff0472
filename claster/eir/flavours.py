"""Flavours: inputs, network, training. Heights, names of columns and steps come from the dataset."""

import re

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

_PURE_CONV = Flavour(
    name="pure_conv",
    description="the published chromatin-only network; its last feature map keeps 31 positions",
    inputs={"landscape": _LANDSCAPE},
    fusion=Fusion(),
    output=Output(),
    training=Training(n_epochs=120, batch_size=64, lr=1e-4, evaluations=120),
)

_CONV_ATTENTION = derive(
    _PURE_CONV,
    name="conv_attention",
    description="pure_conv with attention over positions from the feature map of 304 positions on",
    inputs={"landscape": {"cnn": {"attention_inclusion_cutoff": 320}}},
)

_MICROC_DIAGONAL = derive(
    _PURE_CONV,
    name="microc_diagonal",
    description="landscape and contact map by separation and midpoint, one branch each",
    inputs={"contacts": _DIAGONAL.model_dump()},
)

_MICROC_ROTATED = derive(
    _MICROC_DIAGONAL,
    name="microc_rotated",
    description="landscape and the published rotated contact map, one branch each",
    inputs={"contacts": {"map": "paper_rotated"}},
    dataset="toy_rotated",
)

_MICROC_SQUARE = derive(
    _PURE_CONV,
    name="microc_square",
    description="landscape and the published square contact map, one branch each",
    inputs={"contacts": _SQUARE.model_dump()},
    dataset="toy_square",
)

_MICROC_ONLY = derive(
    _MICROC_DIAGONAL,
    name="microc_only",
    description="the contact map of microc_diagonal alone",
    inputs={"landscape": None},
)

_PROMOTER_CAPTURE = derive(
    _MICROC_SQUARE,
    name="promoter_capture",
    description="landscape and a square map of promoter-capture Hi-C at 5 kb, 201 x 201",
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

PROFILE = Flavour(
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
    training=Training(**_SHORT, lr=5e-3, early_stopping_patience=10),
)

_PROFILE_MICROC = derive(
    PROFILE,
    name="profile_microc",
    description="profile that takes in the diagonal contact map above each bin",
    inputs={
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
    messages=(
        Message(
            name="contacts",
            sender="input_modules.contacts.feature_extractor.conv",
            receiver="output_modules.landscape.feature_extractor.blocks",
        ),
    ),
)


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
        training=PROFILE.training.model_copy(update={"lr": 2e-3, "memory_dataset": False}),
    )


_ENFORMER_HEAD = _head("enformer_head", model="enformer", channels=3072, span=896 * 128)
_HYENADNA_HEAD = _head("hyenadna_head", model="hyenadna_small_32k", channels=256, span=256 * 128)
_HYENADNA_160K_HEAD = _head(
    "hyenadna_160k_head", model="hyenadna_medium_160k", channels=256, span=1250 * 128
)
_BORZOI_HEAD = _head("borzoi_head", model="borzoi", channels=1920, span=1536 * 128)

_CONTEXT_20KB = derive(
    _PURE_CONV,
    name="context_20kb",
    description="pure_conv that sees 10 kb on either side of the TSS",
    inputs={"landscape": {"window": 20_000, "cnn": {"layers": (2,)}}},
)

_TOY = derive(
    _PURE_CONV,
    name="toy",
    description="pure_conv made small enough to learn the toy genome in two minutes on two cores",
    inputs={
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
    fusion={"rb_do": 0.1, "fc_do": 0.1, "stochastic_depth_p": 0.0},
    training={
        # EIR's residual blocks start almost off (1e-5): a high rate wakes them in a few hundred steps.
        **_SHORT,
        "lr": 1e-2,
        "early_stopping_patience": 6,
    },
)

_PROXIMAL = derive(
    _TOY,
    name="proximal",
    description="the 9 bins around the TSS from the 50 kb around it, to ask what single elements do",
    inputs={
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
    output={"span": 9_000, "con_loss_name": "MSELoss"},
    training={"lr": 5e-3},
)

_POINT = {"layers": (1,), "channel_exp_base": 6, "kernel_width": 1, **_A_POSITION_A_BIN}
_ACTIVITY = InputBlock(
    window=1_000_000,
    map="stripe",
    normalization=None,
    cnn=Cnn(**_POINT | {"num_output_features": 64}),
)

_PROXIMAL_CONTACTS = derive(
    _PROXIMAL,
    name="proximal_contacts",
    description="proximal and the activity of what the TSS touches within 500 kb",
    inputs={"activity": _ACTIVITY.model_dump()},
    fusion={"model_type": "mlp-residual-sum"},
    dataset="toy_stripe",
)

_PROFILE_CONTACTS = derive(
    PROFILE,
    name="profile_contacts",
    description="profile that takes in the activity of what the TSS touches within 500 kb",
    inputs={"activity": _ACTIVITY.model_copy(update={"cnn": Cnn(**_POINT)}).model_dump()},
    messages=(
        Message(
            name="activity",
            sender="input_modules.activity.feature_extractor.conv",
            receiver="output_modules.landscape.feature_extractor.blocks",
            cache_fusion_type="sum",
            projection_type="mlp_residual",
        ),
    ),
    dataset="toy_stripe",
)

_PROXIMAL_CONTACTS_LOG = derive(
    _PROXIMAL_CONTACTS,
    name="proximal_contacts_log",
    description="proximal_contacts on log(10 x + 1), to rank what elements far from the TSS do",
    output={"transform": "log1p_10x", "con_loss_name": "L1Loss"},
    training={"lr_schedule": "cosine"},
)

_PROXIMAL_CONTACTS_200KB = derive(
    _PROXIMAL_CONTACTS,
    name="proximal_contacts_200kb",
    description="proximal and the activity of what the TSS touches within 200 kb",
    inputs={"activity": {"window": 400_000}},
)

_PROXIMAL_DISTANCE = derive(
    _PROXIMAL,
    name="proximal_distance",
    description="a smaller proximal, and the activity within 500 kb by a power law of distance",
    inputs={
        "landscape": {"cnn": {"layers": (1, 1), "channel_exp_base": 4, "kernel_width": 5}},
        "activity": _ACTIVITY.model_copy(update={"map": None}).model_dump(),
    },
)

_PROMOTER_DISTANCE = derive(
    _PROXIMAL_DISTANCE,
    name="promoter_distance",
    description="the 5 kb around the TSS, and the activity within 500 kb by a power law of distance",
    inputs={
        "landscape": {
            "window": 5_000,
            "cnn": {"layers": (1,), "kernel_width": 3, "down_stride_width": 1},
        }
    },
    output={"span": 5_000},
    fusion={"model_type": "mlp-residual-sum", "layers": (1,), "fc_task_dim": 64},
    training={"n_epochs": 8, "batch_size": 128, "lr_schedule": "cosine"},
)

_TUTORIAL = derive(
    _TOY,
    name="tutorial",
    description="toy with fewer epochs, to see every step run",
    training={"n_epochs": 4, "evaluations": 4},
)


def _without(base: Flavour, track: str, *, name: str) -> Flavour:
    return derive(
        base,
        name=name,
        description=f"{base.name} on the landscape without {track}",
        inputs={"landscape": {"without": (track,)}},
    )


FLAVOURS = {
    flavour.name: flavour
    for flavour in (
        _PURE_CONV,
        _CONV_ATTENTION,
        _MICROC_SQUARE,
        _MICROC_ROTATED,
        _MICROC_DIAGONAL,
        _MICROC_ONLY,
        _PROMOTER_CAPTURE,
        PROFILE,
        _PROFILE_MICROC,
        _without(_PURE_CONV, "H3K27ac", name="without_H3K27ac"),
        _CONTEXT_20KB,
        _ENFORMER_HEAD,
        _HYENADNA_HEAD,
        _HYENADNA_160K_HEAD,
        _BORZOI_HEAD,
        _PROXIMAL,
        _PROXIMAL_CONTACTS,
        _PROXIMAL_CONTACTS_LOG,
        _PROXIMAL_CONTACTS_200KB,
        _PROXIMAL_DISTANCE,
        _PROMOTER_DISTANCE,
        _PROFILE_CONTACTS,
        _TUTORIAL,
        _TOY,
    )
}


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
        base = FLAVOURS.get(found["base"] or _PURE_CONV.name)
        if base is not None and "landscape" in base.inputs:
            return _without(base, found["track"], name=name)
    raise ClasterError(
        f"no flavour {name!r}", remedy=f"choose one of {', '.join(FLAVOURS)}, without_<track>"
    )
