"""The parts of a dataset YAML."""

import re
from pathlib import PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from claster.contacts.maps import MapValue
from claster.contacts.shapes import DIAGONAL_ROWS, MapKind
from claster.genome.windows import Binning
from claster.remote.signature import FileFormat
from claster.signal.transform import Transform

__all__ = [
    "Condition",
    "ContactsSpec",
    "DownloadSpec",
    "ElementsSpec",
    "GenesSpec",
    "Name",
    "Part",
    "SignalFiles",
    "SimulationSpec",
    "SplitsSpec",
    "TargetSpec",
    "TrackSpec",
    "WindowSpec",
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


def _below_data(file: str) -> str:
    path = PurePosixPath(file)
    if not path.name or path.is_absolute() or ".." in path.parts:
        raise ValueError(f"{file!r} is not a file name below 'data'")
    return file


def _web_address(url: str) -> str:
    if not re.fullmatch(r"https?://[^\s/]+/\S*", url):
        raise ValueError(f"{url!r} is not an http or https address")
    return url


def _digest(sha256: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise ValueError(f"{sha256!r} is not a SHA-256 (64 hexadecimal digits in lower case)")
    return sha256


Name = Annotated[str, AfterValidator(_plain_name)]
Recipe = Literal["exact", "paper"]
OddBins = Annotated[int, AfterValidator(_odd)]
EvenSize = Annotated[int, AfterValidator(_even)]


class Part(BaseModel):
    """A part of the YAML: unknown keys are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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


def _as_published(given: object, **published: tuple[str, ...]) -> object:
    """Fill in what `recipe: paper` fixes, and refuse another choice beside it."""
    if not isinstance(given, dict) or given.get("recipe") != "paper":
        return given
    for key, value in published.items():
        if key in given and tuple(given[key] or ()) != value:
            raise ValueError(f"'recipe: paper' sets '{key}' to {list(value)}; leave '{key}' out")
    return given | published


class TrackSpec(Part):
    """One row of the landscape: a bigWig file, and how its bins are stored.

    Larger values than `clip` are set to it; then `transform` is applied.
    """

    name: Name
    file: str
    transform: Transform = "none"
    clip: float | None = Field(default=None, gt=0)


class SignalFiles(Part):
    """One unstranded bigWig, or a strand pair whose signals are summed."""

    file: str | None = None
    plus: str | None = None
    minus: str | None = None
    minus_values: Literal["positive", "negative"] = "positive"

    @model_validator(mode="after")
    def _one_or_pair(self) -> Self:
        pair = (self.plus is not None, self.minus is not None)
        if (self.file is not None and any(pair)) or (self.file is None and not all(pair)):
            raise ValueError("give either 'file' or both 'plus' and 'minus'")
        return self

    @property
    def strands(self) -> list[tuple[str, float]]:
        """File and sign of each strand."""
        if self.file is not None:
            return [(self.file, 1.0)]
        sign = -1.0 if self.minus_values == "negative" else 1.0
        return [(str(self.plus), 1.0), (str(self.minus), sign)]


class Condition(SignalFiles):
    """The nascent transcription of one condition, and its noise-free truth where that is known."""

    name: Name
    truth: SignalFiles | None = None


class TargetSpec(Part):
    """What is predicted: bins of nascent transcription around the TSS.

    `smoothing` is the standard deviation in bp of the Gaussian that runs over 20 bp bins before
    they are averaged (0: none); the published targets use 1000. `statistic` is the ``mean`` signal of
    a bin, as published for EU-seq coverage, or its ``sum``, for tracks that count read ends.
    `transform` is the scale that the network is trained on: as it is, as published, or ``log1p`` or
    ``asinh``, which tame heavy tails; predictions are always turned back. Larger values than `clip`
    are set to it before.
    """

    conditions: tuple[Condition, ...] = Field(min_length=1)
    bin: EvenSize = 1000
    bins: OddBins = 401
    smoothing: int = Field(default=1000, ge=0)
    statistic: Literal["mean", "sum"] = "mean"
    transform: Transform = "none"
    clip: float | None = Field(default=None, gt=0)

    @field_validator("conditions")
    @classmethod
    def _one_condition_a_name(cls, conditions: tuple[Condition, ...]) -> tuple[Condition, ...]:
        return without_twins(conditions, kind="condition")

    @property
    def binning(self) -> Binning:
        """The bins of the target window."""
        return Binning(self.bins, self.bin)

    @property
    def columns(self) -> list[str]:
        """Names of the target columns, ``-200_ctrl`` to ``200_ctrl`` for each condition in turn."""
        return [f"{k}_{c.name}" for c in self.conditions for k in self.binning.offsets]


class WindowSpec(Part):
    """The landscape window: odd number of bins, centred on the TSS.

    `layout` is how a landscape lies in its file: ``channels``, (tracks, 1, bins), for which EIR takes
    one mean and standard deviation a track, or ``rows``, (tracks, bins) as published, for which it
    takes one for all tracks together.
    """

    bin: EvenSize = 100
    bins: OddBins = 10_001
    layout: Literal["channels", "rows"] = "channels"

    @property
    def binning(self) -> Binning:
        """The bins of the landscape window."""
        return Binning(self.bins, self.bin)


class ContactsSpec(Part):
    """The contact map of each window.

    `map` is ``diagonal`` (separation against midpoint, single pixels), or one of the published ones:
    ``paper_square`` (the matrix around the TSS) and ``paper_rotated`` (that square turned by 45 degrees
    with a spline, upper half). `value` is ``log_oe`` (log2 observed over expected at that separation) or
    ``log10`` (log10 of the contact frequency, the only one of the published maps). `rows` is for
    ``diagonal`` alone. A gene is dropped when more than `max_missing` of its map is unknown.
    """

    file: str
    resolution: int = Field(default=1600, gt=0)
    balance: bool = True
    map: MapKind = "diagonal"
    rows: int | None = Field(default=DIAGONAL_ROWS, gt=1)
    value: MapValue = "log_oe"
    max_missing: float = Field(default=0.5, ge=0, le=1)

    @model_validator(mode="before")
    @classmethod
    def _as_the_map_wants(cls, given: object) -> object:
        if not isinstance(given, dict):
            return given
        kind = given.get("map", "diagonal")
        if kind not in ("paper_square", "paper_rotated"):
            return given if given.get("rows") is not None else given | {"rows": DIAGONAL_ROWS}
        if given.get("rows") is not None:
            raise ValueError(f"'map: {kind}' has its rows from 'window'; leave 'rows' out")
        if given.get("value", "log10") != "log10":
            raise ValueError(f"'map: {kind}' holds log10 frequencies; leave 'value' out")
        return given | {"rows": None, "value": "log10"}


class GenesSpec(Part):
    """Which genes get a window. `types: null` takes every type.

    `recipe: paper` is the published choice, ``protein_coding`` without ``chrM``, and leaves no other.
    """

    file: str
    types: tuple[str, ...] | None = ("protein_coding",)
    exclude_chromosomes: tuple[str, ...] = ("chrM", "MT")
    recipe: Recipe = "exact"

    @model_validator(mode="before")
    @classmethod
    def _published(cls, given: object) -> object:
        return _as_published(given, types=("protein_coding",), exclude_chromosomes=("chrM",))


class ElementsSpec(Part):
    """Candidate regulatory elements (BED or cCRE table), and which of them count.

    An element is kept when one of its classes (``pELS``, ``dELS``, ``PLS``, ...) is in `groups`;
    ``ELS`` stands for both enhancer classes; `groups: null` keeps all. `recipe: paper` is the published
    choice, every group with ``ELS`` in it, and leaves no other.
    """

    file: str
    groups: tuple[str, ...] | None = None
    recipe: Recipe = "exact"

    @model_validator(mode="before")
    @classmethod
    def _published(cls, given: object) -> object:
        return _as_published(given, groups=("ELS",))


class SplitsSpec(Part):
    """Which genes are held out, each rule a chromosome, ``chr21:36,000,000-48,129,895`` or a BED file.

    A gene belongs to the split that holds its TSS; all others train. Where the input window of a
    gene shares a base with one of a later split (train < valid < test) the gene is dropped, unless
    `allow_shared_windows` says that it may stay.

    Instead of rules, `folds` divides the chromosomes into that many folds of about the same number of
    genes: fold number `fold` (from 0) is for testing, the next one for validation, the others train.
    """

    valid: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    folds: int | None = Field(default=None, ge=3)
    fold: int = Field(default=0, ge=0)
    allow_shared_windows: bool = False

    @model_validator(mode="after")
    def _rules_or_folds(self) -> Self:
        if self.folds is None and self.fold:
            raise ValueError(f"'fold: {self.fold}' without 'folds'")
        if self.folds is not None and (self.valid or self.test):
            raise ValueError("give either 'folds' or rules for 'valid' and 'test'")
        if self.folds is not None and self.fold >= self.folds:
            raise ValueError(f"fold {self.fold} of {self.folds}: they count from 0")
        return self


class SimulationSpec(Part):
    """How `claster simulate` makes this dataset's source files."""

    seed: int = 1
    chromosomes: int = 4
    megabases: float = 40.0
    genes: int = 250
    smooth: bool = False


class DownloadSpec(Part):
    """A file of a public archive, and what is known about it.

    `file` is its name below the dataset's `data` folder; other parts of the YAML refer to that name.
    Where `size` (bytes) or `sha256` are not known, the first download records them.
    """

    name: Name
    file: Annotated[str, AfterValidator(_below_data)]
    url: Annotated[str, AfterValidator(_web_address)]
    format: FileFormat
    assembly: str | None = None
    licence: str
    citation: str
    size: int | None = Field(default=None, gt=0)
    sha256: Annotated[str, AfterValidator(_digest)] | None = None
