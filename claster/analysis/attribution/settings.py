"""What is attributed to what, and how it is recorded."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from claster.contacts.shapes import MapKind
from claster.dataset.layout import Split

__all__ = [
    "BASELINES",
    "METHODS",
    "AttributionRecord",
    "AttributionSettings",
    "Baseline",
    "Identity",
    "MapAxes",
    "Method",
    "Scale",
]

Method = Literal["integrated_gradients", "gradient_x_input", "occlusion"]
METHODS: tuple[Method, ...] = ("integrated_gradients", "gradient_x_input", "occlusion")

Baseline = Literal["background", "zero", "mean"]
BASELINES: tuple[Baseline, ...] = ("background", "zero", "mean")

Scale = Literal["stored", "signal"]
"""``stored``: the scale of the target's transform, on which the network is trained; ``signal``: reads."""


class AttributionSettings(BaseModel):
    """What gives an attribution its numbers, apart from model and dataset.

    Attributes
    ----------
    method
        How predictions are attributed.
    baselines
        What inputs are compared with: the first one counts, the others are compared with it.
    split
        Genes that are explained.
    genes
        Which of them: IDs, or how many; None for all.
    bins
        Which bins of each gene: their numbers in the gene's orientation, or how many; None for all.
    condition
        Group of target columns that is explained.
    scale
        Scale of the prediction that is explained.
    tracks
        Rows of the input that are attributed to, ``contacts`` among them; the others stay as they are.
    steps
        Points on the path of integrated gradients.
    block
        bp that occlusion takes at a time, and over which methods and baselines are compared.
    map_block
        Rows and columns of a contact map that occlusion takes at a time.
    compare
        On how many genes methods and baselines are compared.
    reach
        An element is scored for a gene when it lies whole within this many bp of its TSS.
    seed
        Chooses genes, bins and resamples.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

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


class Identity(BaseModel):
    """What gives an attribution its numbers: the same identity gives the same tables.

    `weights`, `dataset` and `elements` are the SHA-256 of the model's weights, of the manifest of the
    built dataset, and of the file of elements.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    run: str
    weights: str
    dataset: str
    elements: str | None
    bigwig: tuple[str, ...]
    settings: AttributionSettings
    version: str


class MapAxes(BaseModel):
    """Kind and bin width in bp of the contact maps that a run sees."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: MapKind
    resolution: int


class AttributionRecord(BaseModel):
    """The record of finished attributions (`manifest.json`, format version 1)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    identity: Identity
    counts: dict[str, int]
    unit: str
    contacts: MapAxes | None
    columns: dict[str, str]
    device: str
    versions: dict[str, str]
    finished: str
    seconds: float
    genes_per_second: float
