"""The parts of a flavour: inputs, their branches of the network, output, training.

Names of settings are EIR's own, so that its documentation explains them.
"""

from dataclasses import dataclass
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from claster.contacts.shapes import MapKind
from claster.eir.settings import Precision
from claster.settings import Record
from claster.signal.landscape import Transform

Modality = Literal["landscape", "contacts", "activity", "embedding"]


class Cnn(Record):
    """EIR's convolutional feature extractor.

    `first_kernel_expansion_height` is ``whole`` where the first kernel spans every row of the array
    (`kernel_height` 1), so that the network has one row of positions from there on.
    `num_output_features` 0 hands the last feature map on as it is.
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


class Embedding(Record):
    """What a sequence model makes of the DNA around the TSS (`claster sequence embed`).

    `channels` numbers a bin, over `span` bp; a training takes both from what is stored.
    """

    model: str
    channels: int = Field(gt=0)
    span: int = Field(gt=0)


class InputBlock(Record):
    """One input: which part of its arrays, how they are normalised, and its branch of the network.

    `window` is ``whole``; so many bp around the TSS, as contact-weighted ``activity`` needs; or ``target``:
    what the convolutions need to end with the target window and nothing else. On a landscape the first
    convolution then steps from target bin to target bin, so that `first_kernel_expansion_width` and
    `first_stride_expansion_width` follow from the dataset. Tracks `without` are left out; `map` and
    `embedding` (a position a target bin) are what the branch is made for.
    """

    normalization: Literal["channel", "element"] | None = "channel"
    window: Literal["whole", "target"] | int = "whole"
    without: tuple[str, ...] = ()
    map: MapKind | None = None
    embedding: Embedding | None = None
    cnn: Cnn

    @model_validator(mode="after")
    def _a_position_a_bin(self) -> Self:
        if self.window == "target" and self.cnn.down_stride_width != 1:
            raise ValueError("'window: target' goes with 'down_stride_width' 1")
        return self


class Fusion(Record):
    """What joins the branches into one vector; no part of it serves ``pass-through``.

    ``mlp-residual`` normalises all branches as one vector, so that a branch with large features silences
    the others. ``mlp-residual-sum`` normalises each, maps it to the common width, and adds them up.
    """

    model_type: Literal["mlp-residual", "mlp-residual-sum", "pass-through"] = "mlp-residual"
    layers: tuple[int, ...] = (2,)
    fc_task_dim: int = 256
    rb_do: float = 0.4
    fc_do: float = 0.4
    stochastic_depth_p: float = 0.5


class Message(Record):
    """A feature map that EIR's tensor broker carries from one layer to the input of another.

    ``cat+conv`` adds what a convolution makes of both, times a factor that starts at 1e-5; ``sum``
    weighs the two with a learned gate that starts at 0.9 for the receiving layer. ``interpolate`` fits
    the width linearly; ``mlp_residual`` makes each position of all that is sent.
    """

    name: str
    sender: str
    receiver: str
    cache_fusion_type: Literal["cat+conv", "sum", "cross-attention", "additive"] = "cat+conv"
    projection_type: Literal["interpolate", "cnn", "mlp_residual"] = "interpolate"


class ArrayCnn(Record):
    """EIR's convolutional network of an array output.

    `num_ca_blocks` 0: EIR's own way of joining branches there attends over channels.
    """

    channel_exp_base: int
    n_final_extra_blocks: int = Field(ge=0)
    attention_inclusion_cutoff: int = 0
    num_ca_blocks: int = 0
    allow_pooling: bool = True
    rb_do: float = Field(ge=0, le=1)
    stochastic_depth_p: float = Field(ge=0, le=1)


class Output(Record):
    """What is predicted, and the loss.

    Without `array`: a number a bin, each standardised over the training samples, by a linear layer
    and with the loss `con_loss_name`. A learned weight for each (`uncertainty_weighted_mt_loss`, the
    published EIR's unspoken default) makes a step several times slower for 401 of them and is off, as
    in EIR 0.25. With `array`: the profile as an array, with one mean and standard deviation for all
    its bins, by that network and with the mean squared error, EIR's only loss for it. A table may stop
    short of the target: only bins that lie whole within `span` bp around the TSS. `transform` is the scale
    of its loss, where that is not the one of the dataset's target.
    """

    model_type: Literal["linear"] = "linear"
    con_loss_name: Literal["SmoothL1Loss", "MSELoss", "L1Loss", "HuberLoss"] = "SmoothL1Loss"
    uncertainty_weighted_mt_loss: bool = False
    array: ArrayCnn | None = None
    span: int | None = Field(default=None, gt=0)
    transform: Transform | None = None

    @model_validator(mode="after")
    def _table_of_a_span(self) -> Self:
        if self.array is not None and (self.span or self.transform):
            raise ValueError("'span' and 'transform' go with a table")
        return self

    @property
    def output_type(self) -> Literal["tabular", "array"]:
        """What EIR calls it."""
        return "tabular" if self.array is None else "array"


class Training(Record):
    """How long, how fast, and how often the validation genes are looked at.

    `interval` (steps) serves configurations that are written before the number of samples is known;
    once it is known, the run is divided into `evaluations` equal parts or more, and the warm-up takes
    at most a tenth of it (EIR's ``auto`` is 2000 steps, more than a small dataset trains at all).
    `memory_dataset` and `precision`, too, serve where a run chooses no other. `drop_tracks` is the share of
    the training samples in which each track, or the contact map, is left out.
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
    precision: Precision = "32-true"
    drop_tracks: float = Field(default=0, ge=0, le=0.5)


@dataclass(frozen=True)
class SampleCounts:
    """Numbers of samples (forward and rev) to train on and to validate on."""

    train: int
    valid: int


class Flavour(Record):
    """A network and its training. The keys of `inputs` name the kinds of arrays.

    `dataset` is the one that its files below `configurations` are written for.
    """

    name: str
    description: str
    inputs: dict[Modality, InputBlock] = Field(min_length=1)
    fusion: Fusion
    output: Output
    messages: tuple[Message, ...] = ()
    training: Training
    dataset: str = "toy"

    @property
    def continued(self) -> Modality:
        """The input that an array output continues, which EIR wants to give its name to the output."""
        return "landscape" if "landscape" in self.inputs else next(iter(self.inputs))

    @model_validator(mode="after")
    def _parts_go_together(self) -> Self:
        for name, block in self.inputs.items():
            if (name == "embedding") != (block.embedding is not None):
                raise ValueError("'embedding' goes with the input of that name, and no other")
            if name == "activity" and not isinstance(block.window, int):
                raise ValueError("'activity' needs 'window' in bp")
        array = self.output.array is not None
        maps = all(block.cnn.num_output_features == 0 for block in self.inputs.values())
        if not array == maps == (self.fusion.model_type == "pass-through"):
            raise ValueError(
                "a profile goes with 'pass-through' fusion and branches of 'num_output_features' 0, "
                "a table with neither"
            )
        return self


def derive(base: Flavour, *, name: str, description: str, **changes: object) -> Flavour:
    """Return `base` with some settings changed, as in ``training={"n_epochs": 2}``.

    None for an input takes it away.

    Raises
    ------
    pydantic.ValidationError
        If a setting does not exist or has a wrong value.
    """
    changed = _merge(base.model_dump(), changes | {"name": name, "description": description})
    changed["inputs"] = {key: block for key, block in changed["inputs"].items() if block}
    return Flavour.model_validate(changed)


def _merge(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in changes.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if both else value
    return merged
