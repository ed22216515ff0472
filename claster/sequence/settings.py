"""What embeddings and fine-tunings by sequence models are asked."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from claster.eir.settings import Precision
from claster.settings import DEVICE, FORCE, Device, Settings

StoredPrecision = Literal["float32", "bfloat16", "float16"]
"""What a model computes embeddings in; stored is float16 always."""


def _flag(*names: str) -> dict[str, Any]:
    return {"flags": [*names]}


class _ModelSettings(Settings):
    """Where the weights of a sequence model are, and what they may do."""

    weights: Path | None = Field(
        None,
        description="Folder with its files; default: the Hugging Face hub.",
        json_schema_extra={"metavar": "DIR"},
    )
    revision: str | None = Field(
        None, description="Commit of the hub (40 digits) instead of the pinned one."
    )
    trust_remote_code: bool = Field(
        default=False,
        description="Run the Python code that comes with the weights, with all your rights (HyenaDNA).",
        json_schema_extra=_flag("--trust-remote-code"),
    )


class EmbedSettings(_ModelSettings):
    """What `claster sequence embed` is asked."""

    central_bins: int | None = Field(
        None, description="Keep only this number of the model's bins around the TSS."
    )
    batch_size: int = Field(4, ge=1, description="Number of samples in a batch.")
    device: Device = DEVICE
    precision: StoredPrecision = Field("float32", description="Precision of the computation.")
    force: bool = FORCE


class Tuning(Settings):
    """How a model is fine-tuned."""

    epochs: int = Field(50, ge=1, description="Number of epochs, at most.")
    batch_size: int = Field(4, ge=1, description="Number of samples in a batch, on each device.")
    accumulate: int = Field(4, ge=1, description="Batches that make one step of the optimizer.")
    lr: float = Field(6e-5, ge=0, description="Learning rate of the sequence model.")
    head_lr: float = Field(1e-3, ge=0, description="Learning rate of the new head.")
    weight_decay: float = Field(
        0.1, ge=0, description="Weight decay of AdamW.", json_schema_extra=_flag()
    )
    clip: float = Field(
        1.0, gt=0, description="Largest norm of the gradients.", json_schema_extra=_flag()
    )
    patience: int = Field(
        8,
        ge=1,
        description="Epochs without a better validation loss after which training ends.",
    )
    seed: int = Field(0, ge=0, description="Seed of the head and of the order of samples.")


class FinetuneSettings(_ModelSettings, Tuning):
    """What `claster sequence finetune` is asked."""

    tag: str | None = Field(None, description="Tag that distinguishes runs.")
    device: Device = DEVICE
    devices: int = Field(1, description="Number of GPUs; on the CPU, of processes.")
    precision: Precision | None = Field(
        None, description="Default: bf16-mixed on a GPU, else 32-true."
    )
    force: bool = FORCE
    resume: bool = Field(
        default=False,
        description="Resume this run from its last complete epoch.",
        json_schema_extra=_flag("--resume"),
    )
