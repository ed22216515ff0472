"""Flavours: which inputs, which network, how it is trained.

A flavour is one small frozen definition. Names of settings are EIR's own, so that its documentation
explains them. Heights (tracks, rows of a contact map) and column names come from the dataset, never
from here. To add a flavour, write it below, derived from another one if it can be, and add it to
`FLAVOURS`.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from claster.errors import ClasterError

__all__ = [
    "FLAVOURS",
    "Cnn",
    "Flavour",
    "Fusion",
    "InputBlock",
    "Output",
    "Training",
    "derive",
    "find_flavour",
]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Cnn(_Part):
    """EIR's convolutional feature extractor.

    `first_kernel_expansion_height` is ``whole`` where the first kernel spans every row of the array
    (`kernel_height` 1), so that the network has one row of positions from there on.
    """

    layers: tuple[int, ...] = Field(min_length=1, max_length=4)
    channel_exp_base: int
    first_channel_expansion: int = 1
    kernel_width: int
    first_kernel_expansion_width: int = 1
    down_stride_width: int
    first_stride_expansion_width: int = 1
    dilation_factor_width: int = 1
    kernel_height: int = 1
    first_kernel_expansion_height: Literal["whole"] | int = "whole"
    down_stride_height: int = 1
    first_stride_expansion_height: int = 1
    dilation_factor_height: int = 1
    down_sample_every_n_blocks: int | None = None
    attention_inclusion_cutoff: int = 0
    num_output_features: int
    rb_do: float = Field(ge=0, le=1)
    stochastic_depth_p: float = Field(ge=0, le=1)


class InputBlock(_Part):
    """One input: how its arrays are normalised, and its branch of the network."""

    normalization: Literal["channel", "element"] = "channel"
    cnn: Cnn


class Fusion(_Part):
    """What joins the branches."""

    model_type: Literal["mlp-residual"] = "mlp-residual"
    layers: tuple[int, ...] = (2,)
    fc_task_dim: int = 256
    rb_do: float = 0.4
    fc_do: float = 0.4
    stochastic_depth_p: float = 0.5


class Output(_Part):
    """What is predicted, and the loss.

    A learned weight for each target (`uncertainty_weighted_mt_loss`, the published EIR's unspoken
    default) makes a step several times slower for 401 targets and is off, as in EIR 0.25.
    """

    output_type: Literal["tabular"] = "tabular"
    model_type: Literal["linear"] = "linear"
    con_loss_name: Literal["SmoothL1Loss", "MSELoss", "L1Loss", "HuberLoss"] = "SmoothL1Loss"
    uncertainty_weighted_mt_loss: bool = False


class Training(_Part):
    """How long, how fast, and how often the validation genes are looked at.

    `interval` (steps) serves configurations that are written before the number of samples is known;
    once it is known, the run is divided into `evaluations` equal parts, and the warm-up takes at
    most a tenth of it (EIR's ``auto`` is 2000 steps, more than a small dataset trains at all).
    """

    n_epochs: int = Field(ge=1)
    batch_size: int = Field(ge=2)
    optimizer: str = "adamw"
    lr: float = Field(gt=0)
    wd: float = Field(default=1e-4, ge=0)
    gradient_clipping: float = 1.0
    lr_schedule: Literal["plateau", "cosine"] = "plateau"
    warmup_steps: int = Field(default=2000, ge=0)
    lr_plateau_patience: int = 5
    lr_plateau_factor: float = 0.2
    early_stopping_patience: int = 15
    interval: int = Field(default=100, ge=2)
    evaluations: int = Field(ge=1)
    memory_dataset: bool = False
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"


class Flavour(_Part):
    """A network and its training. The keys of `inputs` name the folders of arrays."""

    name: str
    description: str
    inputs: dict[Literal["landscape", "contacts"], InputBlock] = Field(min_length=1)
    fusion: Fusion
    output: Output
    training: Training


def derive(base: Flavour, *, name: str, description: str, **changes: object) -> Flavour:
    """Return `base` with some settings changed.

    Parameters
    ----------
    base
        The flavour to start from.
    name, description
        What the new one is called.
    **changes
        Nested settings by name, for example ``training={"n_epochs": 2}``.

    Raises
    ------
    pydantic.ValidationError
        If a setting does not exist or has a wrong value.
    """
    changed = _merge(base.model_dump(), changes | {"name": name, "description": description})
    return Flavour.model_validate(changed)


def find_flavour(name: str) -> Flavour:
    """Return the flavour called `name`.

    Raises
    ------
    ClasterError
        If there is none.
    """
    if name not in FLAVOURS:
        raise ClasterError(f"no flavour {name!r}", remedy=f"choose one of {', '.join(FLAVOURS)}")
    return FLAVOURS[name]


def _merge(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in changes.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if both else value
    return merged


_LANDSCAPE = InputBlock(
    cnn=Cnn(
        # [4, 3] without dilation or extra down-sampling keeps 31 positions of 10,001 bins; the
        # published [4, 4] with dilation 2 leaves one position on EIR 0.25.
        layers=(4, 3),
        channel_exp_base=5,
        first_channel_expansion=2,
        kernel_width=10,
        down_stride_width=2,
        num_output_features=512,
        rb_do=0.3,
        stochastic_depth_p=0.1,
    )
)

_DIAGONAL = InputBlock(
    cnn=Cnn(
        # Without dilation 625 columns end as 31 positions, like the landscape's; with the published
        # dilation 2 as 9.
        layers=(1, 2),
        channel_exp_base=4,
        first_channel_expansion=2,
        kernel_width=10,
        down_stride_width=2,
        num_output_features=512,
        rb_do=0.3,
        stochastic_depth_p=0.1,
    )
)

PURE_CONV = Flavour(
    name="pure_conv",
    description="the published chromatin-only network; its last feature map keeps 31 positions",
    inputs={"landscape": _LANDSCAPE},
    fusion=Fusion(),
    output=Output(),
    training=Training(n_epochs=120, batch_size=64, lr=1e-4, evaluations=120),
)

MICROC_DIAGONAL = derive(
    PURE_CONV,
    name="microc_diagonal",
    description="landscape and contact map by separation and midpoint, one branch each",
    inputs={"contacts": _DIAGONAL.model_dump()},
)

TOY = derive(
    PURE_CONV,
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
                "rb_do": 0.0,
                "stochastic_depth_p": 0.0,
            }
        }
    },
    fusion={"rb_do": 0.1, "fc_do": 0.1, "stochastic_depth_p": 0.0},
    training={
        # A residual block of EIR starts almost switched off (layer scale 1e-5): only a high rate
        # wakes it in a few hundred steps.
        "n_epochs": 40,
        "batch_size": 32,
        "lr": 1e-2,
        "warmup_steps": 50,
        "lr_plateau_patience": 3,
        "early_stopping_patience": 6,
        "evaluations": 16,
        "interval": 20,
        "memory_dataset": True,
    },
)

FLAVOURS = {flavour.name: flavour for flavour in (PURE_CONV, MICROC_DIAGONAL, TOY)}
