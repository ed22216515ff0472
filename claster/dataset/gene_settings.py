"""The parts of a dataset YAML that choose genes and elements, and what all parts have in common."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from claster.genome.windows import Recipe

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
    """A part of the YAML: unknown keys are refused, true is not a number, values do not change.

    `published` is what `recipe: paper` fixes in it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    published: ClassVar[Mapping[str, object]] = {}

    @model_validator(mode="before")
    @classmethod
    def _as_published_and_no_truth_as_number(cls, given: object) -> object:
        if isinstance(given, dict) and given.get("recipe") == "paper":
            given = fixed(given, cls.published)
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

    The position of the second one is in the error's context (`below`), so that its line can be named.
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


def fixed(
    given: Mapping[str, Any], published: Mapping[str, object], *, part: tuple[str | int, ...] = ()
) -> dict[str, Any]:
    """Return what is given for a part with what `recipe: paper` fixes in it; refuse another choice.

    Parameters
    ----------
    published
        The published value of each key.
    part
        Where the part is written, below the one that has the recipe.
    """
    for key, value in published.items():
        found = given.get(key, value)
        if (tuple(found) if isinstance(found, list) else found) != value:
            name = ".".join(str(step) for step in (*part, key))
            shown = list(value) if isinstance(value, tuple) else value
            raise PydanticCustomError(
                "published",
                "'recipe: paper' sets '{name}' to {value}; leave '{name}' out",
                {"name": name, "value": shown, "below": (*part, key)},
            )
    return {**given, **published}


class GenesSpec(Part):
    """Which genes get a window. `types: null` takes every type.

    `recipe: paper` is the published choice, ``protein_coding`` without ``chrM``, and leaves no other; its
    TSS is the GTF's 1-based number where a 0-based one is meant (`published_tss`).
    """

    file: str
    types: Words | None = ("protein_coding",)
    exclude_chromosomes: Regions = ("chrM", "MT")
    recipe: Recipe = "exact"
    published: ClassVar = {"types": ("protein_coding",), "exclude_chromosomes": ("chrM",)}


class ElementsSpec(Part):
    """Candidate regulatory elements (BED or cCRE table), and which of them count.

    An element is kept when one of its classes (``pELS``, ``dELS``, ``PLS``, ...) is in `groups`;
    ``ELS`` stands for both enhancer classes; `groups: null` keeps all. `recipe: paper` is the published
    choice, every group with ``ELS`` in it, and leaves no other.
    """

    file: str
    groups: Words | None = None
    recipe: Recipe = "exact"
    published: ClassVar = {"groups": ("ELS",)}


class BlacklistSpec(Part):
    """Regions whose signal is not to be trusted (BED), or the name of the file alone.

    Their bases are missing in every track (`window_means`). A gene is dropped when they cover its TSS, or
    more than `max_share` of its input window.
    """

    file: str
    max_share: float = Field(default=0.5, ge=0, le=1)


def _named_by_file(given: object) -> object:
    return {"file": given} if isinstance(given, str) else given


Blacklist = Annotated[
    BlacklistSpec, BeforeValidator(_named_by_file, json_schema_input_type=str | BlacklistSpec)
]


class SplitsSpec(Part):
    """Which genes are held out, each rule a chromosome, ``chr21:36,000,000-48,129,895`` or a BED file.

    A gene belongs to the split that holds its TSS; all others train. Where the input window of a
    gene shares a base with one of a later split (train < valid < test) the gene is dropped, unless
    `allow_shared_windows` says that it may stay.

    Instead of rules, `folds` divides the chromosomes into that many folds of about the same number of
    genes: fold number `fold` (from 0) is for testing, the next one for validation, the others train.
    """

    valid: Regions = ()
    test: Regions = ()
    folds: int | None = Field(default=None, ge=3)
    fold: int = Field(default=0, ge=0)
    allow_shared_windows: bool = False

    @model_validator(mode="after")
    def _rules_or_folds(self) -> Self:
        if self.folds is None and self.fold:
            raise ValueError(f"'fold: {self.fold}' without 'folds'")
        if self.folds is not None and (self.valid or self.test):
            raise ValueError("give either 'folds' or rules for 'valid' and 'test'")
        if self.allow_shared_windows and not (self.folds or self.valid or self.test):
            raise ValueError("'allow_shared_windows' without a gene that is held out")
        if self.folds is not None and self.fold >= self.folds:
            raise ValueError(f"fold {self.fold} of {self.folds}: they count from 0")
        return self
