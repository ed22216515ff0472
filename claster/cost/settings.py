"""What `claster plan` is asked."""

from pydantic import Field

from claster.settings import DEVICE, Device, Settings


class PlanSettings(Settings):
    """What `claster plan` is asked."""

    flavours: tuple[str, ...] = Field(
        ("pure_conv",),
        description="A flavour that is trained and asked; repeat for more.",
        json_schema_extra={"flags": ["--flavour", "-f"]},
    )
    epochs: int | None = Field(None, ge=1, description="Number of epochs instead of the flavour's.")
    genes: int | None = Field(
        None, ge=1, description="Number of genes, where no file and no assembly tells."
    )
    edits: int | None = Field(
        None,
        ge=1,
        description="Edits of the screen; default: those of 'claster perturb' with its defaults.",
    )
    device: Device = DEVICE
    force: bool = Field(
        default=False,
        description="Measure this machine again.",
        json_schema_extra={"flags": ["--force"]},
    )
