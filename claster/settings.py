"""What records and the settings of all verbs share: known fields that do not change, made from keywords."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from claster.errors import ClasterError, choose_among
from claster.faults import explained
from claster.files import is_below

Split = Literal["train", "valid", "test"]
Device = Literal["auto", "cpu", "cuda"]

SPLIT: Any = Field("test", description="Split whose genes are used.")
DEVICE: Any = Field("auto", description="Where to compute; auto uses a GPU if there is one.")
BATCH_SIZE: Any = Field(
    None, ge=1, le=100_000, description="Windows in a batch; default: as many as fit in memory."
)
FORCE: Any = Field(
    default=False,
    description="Replace what already exists.",
    json_schema_extra={"flags": ["--force"]},
)


def _require_below(name: str) -> str:
    if not is_below(name):
        raise ValueError(f"{name!r} is not the name of a folder below the run's own")
    return name


FolderName = Annotated[str, AfterValidator(_require_below)]
"""A folder of results below the one that is the verb's own."""


class Record(BaseModel):
    """What a file holds: its fields, nothing else, and they do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Settings(BaseModel):
    """Settings of a verb; `claster.cli.options.takes` makes the options of its command from them."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @classmethod
    def of(cls, settings: Self | None, /, **keywords: Any) -> Self:  # noqa: ANN401
        """Return settings with some fields changed.

        Parameters
        ----------
        settings
            What keywords do not name is taken from here; None takes the defaults.
        keywords
            Fields and their values.

        Raises
        ------
        ClasterError
            If there is no such field, a field without a default is missing, or a value is not possible.
        """
        for name in keywords:
            if name not in cls.model_fields:
                raise ClasterError(
                    f"{cls.__name__} has no {name!r}", remedy=choose_among(name, cls.model_fields)
                )
        given = {} if settings is None else dict(settings)
        try:
            return cls.model_validate(given | keywords)
        except ValidationError as error:
            raise explained(error, cls, named=_named(error) or cls.__name__) from None


def _named(error: ValidationError) -> str:
    """Return the field of the first fault; what lies deeper in it is pydantic's."""
    return next((str(part) for part in error.errors()[0]["loc"]), "")


_SHARD = re.compile(r"(?P<number>\d+)/(?P<of>\d+)")


def parse_shard(shard: str) -> tuple[int, int]:
    """Return number and count of a shard ``i/n``.

    Raises
    ------
    ClasterError
        If it is none.

    Examples
    --------
    >>> parse_shard("2/4")
    (2, 4)
    """
    found = _SHARD.fullmatch(shard)
    if not found or not 1 <= int(found["number"]) <= int(found["of"]):
        raise ClasterError(
            f"--shard must be I/N, not {shard!r}",
            remedy="write 2/4 for the second of four commands",
        )
    return int(found["number"]), int(found["of"])
