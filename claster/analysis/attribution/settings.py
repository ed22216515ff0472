"""What is attributed to what."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from claster.errors import ClasterError
from claster.settings import DEVICE, FORCE, SPLIT, Device, FolderName, Record, Settings, Split

Method = Literal["integrated_gradients", "gradient_x_input", "occlusion"]
METHODS: tuple[Method, ...] = ("integrated_gradients", "gradient_x_input", "occlusion")

Baseline = Literal["background", "zero", "mean"]
BASELINES: tuple[Baseline, ...] = ("background", "zero", "mean")

Scale = Literal["stored", "signal"]
"""``stored``: the scale of the target's transform, on which the network is trained; ``signal``: reads."""


def _parse_bins(text: str) -> tuple[int, ...] | int | None:
    """Return what ``all``, a number of bins, or their numbers with commas mean.

    Examples
    --------
    >>> _parse_bins("all"), _parse_bins("8"), _parse_bins("-2,0"), _parse_bins("0,")
    (None, 8, (-2, 0), (0,))
    """
    if text == "all":
        return None
    try:
        if "," in text:
            return tuple(dict.fromkeys(int(number) for number in text.split(",") if number))
        return int(text)
    except ValueError as error:
        raise ClasterError(
            f"bins {text!r}", remedy="give 'all', how many, or numbers with commas such as -5,0,5"
        ) from error


def _parse_genes(words: Sequence[str]) -> tuple[str, ...] | int | None:
    """Return what IDs or names of genes, or one number of them, mean; none means all.

    Examples
    --------
    >>> _parse_genes(["20"]), _parse_genes(["Klf4", "Akirin2"]), _parse_genes([])
    (20, ('Klf4', 'Akirin2'), None)
    """
    if len(words) == 1 and words[0].isdecimal():
        return int(words[0])
    return tuple(words) or None


class AttributeSettings(Settings):
    """What `claster attribute` is asked: a method, genes and bins, what is attributed to, how it is run."""

    method: Method = Field(
        "integrated_gradients",
        description="Method of attribution; the others are compared with it.",
    )
    baselines: tuple[str, ...] = Field(
        (),
        description="background, zero or mean: what inputs are compared with; repeat for more, the "
        "first one counts. Default: all three in this order.",
        json_schema_extra={"flags": ["--baseline"]},
    )
    elements: Path | None = Field(
        None,
        description="BED or cCRE table of elements that are scored.",
        json_schema_extra={"flags": ["--elements", "-e"]},
    )
    bigwig: tuple[str, ...] = Field(
        (),
        description="A gene whose attributions are written as bigWigs; repeat for more.",
        json_schema_extra={"metavar": "GENE"},
    )
    split: Split = SPLIT
    genes: tuple[str, ...] | int | None = Field(
        None,
        description="Number of genes, or an ID or name; repeat for more. Default: all.",
    )
    bins: tuple[int, ...] | int | None = Field(
        8,
        description="Predicted bins of each gene: 'all', how many, or numbers such as -5,0,5.",
        json_schema_extra={"text": True},
    )
    condition: str | None = Field(
        None, description="Condition of the target; default: the first one."
    )
    scale: Scale = Field(
        "stored",
        description="Scale of the prediction: the one that the network is trained on, or reads.",
    )
    tracks: tuple[str, ...] = Field(
        (),
        description="A track, or 'contacts', that is attributed to; repeat for more. Default: all.",
        json_schema_extra={"flags": ["--track"]},
    )
    steps: int = Field(
        32,
        ge=2,
        le=10_000,
        description="Most steps of integrated gradients; 8 or 16 are taken where they suffice.",
    )
    block: int = Field(
        1000,
        ge=1,
        description="Size in bp of the blocks that occlusion replaces and comparisons sum over.",
    )
    compare: int = Field(
        10, ge=0, description="Number of genes on which methods and baselines are compared."
    )
    reach: int = Field(
        200_000,
        ge=1,
        description="Distance in bp from the TSS within which the whole element lies.",
    )
    latents: bool = Field(
        default=False,
        description="Write activations of the contact or landscape branch instead of attributions.",
        json_schema_extra={"flags": ["--latents"]},
    )
    seed: int = Field(0, ge=0, description="Seed of genes, bins and resamples.")
    name: FolderName | None = Field(
        None, description="Name of the folder below RUN/attributions; default: <method>_<split>."
    )
    device: Device = DEVICE
    batch_size: int | None = Field(
        None, ge=1, le=100_000, description="Samples in a batch; default: as many as fit in memory."
    )
    force: bool = FORCE

    @field_validator("genes", mode="before")
    @classmethod
    def _read_genes(cls, genes: object) -> object:
        return _parse_genes(genes) if isinstance(genes, list | tuple) else genes

    @field_validator("bins", mode="before")
    @classmethod
    def _read_bins(cls, bins: object) -> object:
        return _parse_bins(bins) if isinstance(bins, str) else bins


class AttributionSettings(Record):
    """What gives an attribution its numbers, apart from model and dataset.

    Nothing is left to choose in `condition` and `tracks` (rows of the input that are attributed to,
    ``contacts`` among them; the others stay as they are). `map_block` is how many rows and columns of a
    contact map occlusion takes at a time; the other fields are those of `AttributeSettings`.
    """

    method: Method = "integrated_gradients"
    baselines: tuple[Baseline, ...] = BASELINES
    split: Split = "test"
    genes: tuple[str, ...] | int | None = None
    bins: tuple[int, ...] | int | None = 8
    condition: str
    scale: Scale = "stored"
    tracks: tuple[str, ...]
    steps: int = 32
    block: int = 1000
    map_block: int = 16
    compare: int = 10
    reach: int = 200_000
    seed: int = 0


class Identity(Record):
    """What gives an attribution its numbers: the same identity gives the same tables.

    `weights`, `dataset` and `elements` are the SHA-256 of the model's weights, of the manifest of the
    built dataset, and of the file of elements.
    """

    run: str
    weights: str
    dataset: str
    elements: str | None
    bigwig: tuple[str, ...]
    settings: AttributionSettings
    version: str
