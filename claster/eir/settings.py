"""What trainings and predictions are asked."""

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from claster.settings import DEVICE, FORCE, Device, Settings

Precision = Literal["32-true", "bf16-mixed", "16-mixed"]
"""Numbers that a network computes with, in the words of EIR."""

SEEDS = 2**32
"""How many seeds EIR knows: 0 to `SEEDS` - 1."""


class TrainSettings(Settings):
    """What `claster train` is asked; None leaves a number to the flavour."""

    tag: str | None = Field(
        None, description="Tag that distinguishes runs of one flavour and dataset."
    )
    seed: int = Field(
        0, ge=0, le=SEEDS - 1, description="Seed of weights, sample order and dropout."
    )
    device: Device = DEVICE
    devices: int = Field(
        1, description="Number of GPUs; on the CPU, of processes (docs/training.md)."
    )
    precision: Precision | None = Field(None, description="Precision instead of the flavour's.")
    epochs: int | None = Field(None, ge=1, description="Number of epochs instead of the flavour's.")
    batch_size: int | None = Field(
        None, ge=2, description="Batch size of all devices together, instead of the flavour's."
    )
    drop_tracks: float = Field(
        0,
        ge=0,
        le=0.5,
        description="Share of training samples in which a track, or the contact map, is left out at random, "
        "so that the network predicts without it too (docs/other_cells.md).",
    )
    workers: int | None = Field(
        None,
        ge=0,
        description="Processes that read samples ahead; the default is chosen, and the reason is printed.",
    )
    memory: bool | None = Field(
        None,
        description="Hold all samples in memory; default: if they fit.",
        json_schema_extra={"flags": ["--memory/--no-memory"]},
    )
    pretrained: Path | None = Field(
        None,
        description="Run whose weights the training starts from: another cell, more tracks, fewer genes.",
        json_schema_extra={"flags": ["--from"]},
    )
    force: bool = FORCE
    resume: bool = Field(
        default=False,
        description="Resume a run that was interrupted or failed; start one if there is none.",
        json_schema_extra={"flags": ["--resume"]},
    )


class PredictSettings(Settings):
    """What `claster predict` is asked."""

    split: Literal["train", "valid", "test", "all"] | None = Field(
        None,
        description="Split whose genes are predicted; default: test, or all of another dataset.",
    )
    dataset: str | None = Field(
        None,
        description="Another built dataset, with tracks, windows and contact maps as the run's own; it "
        "needs no target.",
        json_schema_extra={"flags": ["--dataset", "-d"]},
    )
    device: Device = DEVICE
    through: Literal["memory", "eirpredict"] = Field(
        "memory", description="Whether EIR predicts in this process or as a program."
    )
    average: bool = Field(
        default=True, description="Average the predictions of a window and of its mirror image."
    )
    tracks: Literal["nearest", "mean", "none"] = Field(
        "nearest",
        description="Value of a base under several windows: that of the nearest TSS, or their mean.",
        json_schema_extra={"flags": ["--bigwig"]},
    )
    csv: bool = Field(
        default=False,
        description="Also write the table as CSV.",
        json_schema_extra={"flags": ["--csv"]},
    )
    batch_size: int | None = Field(
        None,
        ge=1,
        description="Samples in a batch; default: 64 on a CPU, 512 on a GPU, fewer if memory is short.",
    )
    out: Path | None = Field(None, description="Folder to write the mean of several runs into.")

    @field_validator("tracks", mode="before")
    @classmethod
    def _no_tracks(cls, tracks: object) -> object:
        return "none" if tracks is None else tracks
