"""What the parts of a dataset YAML have in common."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, model_validator
from pydantic_core import PydanticCustomError

__all__ = [
    "EvenSize",
    "Name",
    "OddBins",
    "Part",
    "Regions",
    "Words",
    "as_published",
    "fixed",
    "without_twins",
]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def _plain_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} may hold letters, digits, '.', '_' and '-' only")
    return name


def _odd(bins: int) -> int:
    if bins < 1 or bins % 2 == 0:
        raise ValueError(
            f"{bins} bins: an odd number is needed, so that one bin is centred on the TSS"
        )
    return bins


def _even(size: int) -> int:
    if size < 2 or size % 2:
        raise ValueError(
            f"{size} bp: an even bin size is needed, so that a bin can be centred on the TSS"
        )
    return size


def _as_text(word: object) -> object:
    """Return a chromosome that YAML takes for a whole number as text."""
    return str(word) if isinstance(word, int) and not isinstance(word, bool) else word


def _each_once(words: tuple[str, ...]) -> tuple[str, ...]:
    for position, word in enumerate(words):
        if word in words[:position]:
            raise PydanticCustomError(
                "twins", "{word} is there twice", {"word": repr(word), "below": (position,)}
            )
    return words


def _takes_truth(annotation: object) -> bool:
    return annotation is bool or any(_takes_truth(part) for part in get_args(annotation))


Words = Annotated[tuple[str, ...], AfterValidator(_each_once)]
"""Names, each of them once."""

Regions = Annotated[
    tuple[Annotated[str, BeforeValidator(_as_text, json_schema_input_type=str | int)], ...],
    AfterValidator(_each_once),
]
"""Chromosomes, regions or BED files, each of them once; `1` stands for the chromosome called so."""

Name = Annotated[str, AfterValidator(_plain_name)]
OddBins = Annotated[int, AfterValidator(_odd)]
EvenSize = Annotated[int, AfterValidator(_even)]


class Part(BaseModel):
    """A part of the YAML: unknown keys are refused, true is no number, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _truth_is_no_number(cls, given: object) -> object:
        for key, value in given.items() if isinstance(given, dict) else ():
            field = cls.model_fields.get(key)
            if isinstance(value, bool) and field and not _takes_truth(field.annotation):
                raise PydanticCustomError(
                    "truth",
                    "{value} is neither a number nor a name",
                    {"value": str(value).lower(), "below": (key,)},
                )
        return given


def without_twins[P: Part](parts: tuple[P, ...], *, kind: str, key: str = "name") -> tuple[P, ...]:
    """Return `parts`, or raise at the first whose `key` another one has already.

    Raises
    ------
    PydanticCustomError
        With the position of the second one in its context (`below`), so that its line can be named.
    """
    values = [getattr(part, key) for part in parts]
    for position, value in enumerate(values):
        if value in values[:position]:
            raise PydanticCustomError(
                "twins",
                "two {kind}s are named '{value}'",
                {"kind": kind, "value": value, "below": (position, key)},
            )
    return parts


def as_published(given: object, **published: object) -> object:
    """Fill in what `recipe: paper` fixes in a part that has it, and refuse another choice beside it."""
    if not isinstance(given, dict) or given.get("recipe") != "paper":
        return given
    return fixed(given, published)


def fixed(
    given: Mapping[str, Any], published: Mapping[str, object], *, part: tuple[str | int, ...] = ()
) -> dict[str, Any]:
    """Return what is given for a part with what `recipe: paper` fixes in it.

    Parameters
    ----------
    given
        The part as written.
    published
        The published value of each key.
    part
        Where the part is written, below the one that has the recipe.

    Raises
    ------
    PydanticCustomError
        If another value is given, with its place in the context (`below`).
    """
    for key, value in published.items():
        found = given.get(key, value)
        if (tuple(found) if isinstance(found, list) else found) != value:
            name = ".".join(str(step) for step in (*part, key))
            raise PydanticCustomError(
                "published",
                "'recipe: paper' sets '{name}' to {value}; leave '{name}' out",
                {
                    "name": name,
                    "value": list(value) if isinstance(value, tuple) else value,
                    "below": (*part, key),
                },
            )
    return {**given, **published}
