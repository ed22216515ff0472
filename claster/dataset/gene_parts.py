"""The parts of a dataset YAML that choose genes and elements."""

from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator

from claster.dataset.part import Part, Regions, Words, as_published
from claster.genome.windows import Recipe

__all__ = ["Blacklist", "BlacklistSpec", "ElementsSpec", "GenesSpec", "SplitsSpec"]


class GenesSpec(Part):
    """Which genes get a window. `types: null` takes every type.

    `recipe: paper` is the published choice, ``protein_coding`` without ``chrM``, and leaves no other; its
    TSS is the GTF's 1-based number where a 0-based one is meant (`published_tss`).
    """

    file: str
    types: Words | None = ("protein_coding",)
    exclude_chromosomes: Regions = ("chrM", "MT")
    recipe: Recipe = "exact"

    @model_validator(mode="before")
    @classmethod
    def _published(cls, given: object) -> object:
        return as_published(given, types=("protein_coding",), exclude_chromosomes=("chrM",))


class ElementsSpec(Part):
    """Candidate regulatory elements (BED or cCRE table), and which of them count.

    An element is kept when one of its classes (``pELS``, ``dELS``, ``PLS``, ...) is in `groups`;
    ``ELS`` stands for both enhancer classes; `groups: null` keeps all. `recipe: paper` is the published
    choice, every group with ``ELS`` in it, and leaves no other.
    """

    file: str
    groups: Words | None = None
    recipe: Recipe = "exact"

    @model_validator(mode="before")
    @classmethod
    def _published(cls, given: object) -> object:
        return as_published(given, groups=("ELS",))


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
