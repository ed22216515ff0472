"""The dataset YAML: which files, which windows, which genes are held out."""

import os
import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from claster.contacts.maps import DiagonalMap
from claster.errors import ClasterError
from claster.genome.windows import Binning
from claster.signal.transform import Transform

__all__ = [
    "DATA_VARIABLE",
    "Condition",
    "ContactsSpec",
    "DatasetSpec",
    "GenesSpec",
    "SignalFiles",
    "SimulationSpec",
    "SplitsSpec",
    "TargetSpec",
    "TrackSpec",
    "WindowSpec",
]

DATA_VARIABLE = "CLASTER_DATA"
_DEFAULT_DATA = "inputs/source"
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


Name = Annotated[str, AfterValidator(_plain_name)]
OddBins = Annotated[int, AfterValidator(_odd)]
EvenSize = Annotated[int, AfterValidator(_even)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TrackSpec(_Part):
    """One row of the landscape: a bigWig file, and how its bins are stored (`transform`)."""

    name: Name
    file: str
    transform: Transform = "none"


class SignalFiles(_Part):
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


class TargetSpec(_Part):
    """What is predicted: bins of nascent transcription around the TSS.

    `smoothing` is the standard deviation in bp of the Gaussian that runs over 20 bp bins before
    they are averaged (0: none); the published targets use 1000. `statistic` is the ``mean`` signal of
    a bin, as published for EU-seq coverage, or its ``sum``, for tracks that count read ends.
    `transform` is the scale that the network is trained on: as it is, as published, or ``log1p``, which
    tames heavy tails; predictions are always turned back.
    """

    conditions: tuple[Condition, ...] = Field(min_length=1)
    bin: EvenSize = 1000
    bins: OddBins = 401
    smoothing: int = Field(default=1000, ge=0)
    statistic: Literal["mean", "sum"] = "mean"
    transform: Transform = "none"

    @property
    def binning(self) -> Binning:
        """The bins of the target window."""
        return Binning(self.bins, self.bin)

    @property
    def columns(self) -> list[str]:
        """Names of the target columns, ``-200_ctrl`` to ``200_ctrl`` for each condition in turn."""
        return [f"{k}_{c.name}" for c in self.conditions for k in self.binning.offsets]


class WindowSpec(_Part):
    """The landscape window: odd number of bins, centred on the TSS."""

    bin: EvenSize = 100
    bins: OddBins = 10_001

    @property
    def binning(self) -> Binning:
        """The bins of the landscape window."""
        return Binning(self.bins, self.bin)


class ContactsSpec(_Part):
    """The contact map of each window.

    `value` is ``log_oe`` (log2 observed over expected at that separation) or ``log10`` (log10 of
    the contact frequency). A gene is dropped when more than `max_missing` of its map is unknown.
    """

    file: str
    resolution: int = Field(default=1600, gt=0)
    balance: bool = True
    map: Literal["diagonal"] = "diagonal"
    rows: int = Field(default=129, gt=1)
    value: Literal["log_oe", "log10"] = "log_oe"
    max_missing: float = Field(default=0.5, ge=0, le=1)


class GenesSpec(_Part):
    """Which genes get a window. `types: null` takes every type."""

    file: str
    types: tuple[str, ...] | None = ("protein_coding",)
    exclude_chromosomes: tuple[str, ...] = ("chrM", "MT")


class SplitsSpec(_Part):
    """Which genes are held out, each rule a chromosome, ``chr21:36,000,000-48,129,895`` or a BED file.

    A gene belongs to the split that holds its TSS; all others train. Where the input window of a
    gene shares a base with one of a later split (train < valid < test) the gene is dropped, unless
    `allow_shared_windows` says that it may stay.
    """

    valid: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    allow_shared_windows: bool = False


class SimulationSpec(_Part):
    """How `claster simulate` makes this dataset's source files."""

    seed: int = 1
    chromosomes: int = 4
    megabases: float = 40.0
    genes: int = 250
    smooth: bool = False


class DatasetSpec(_Part):
    """A dataset: its source files, windows, genes and splits (`configurations/datasets/NAME.yaml`)."""

    name: Name
    description: str = ""
    assembly: str
    data: str = "${CLASTER_DATA}"
    chrom_sizes: str | None = None
    tracks: tuple[TrackSpec, ...] = Field(min_length=1)
    genes: GenesSpec
    target: TargetSpec | None = None
    contacts: ContactsSpec | None = None
    window: WindowSpec = WindowSpec()
    summary: Literal["mean_all", "mean_covered"] = "mean_all"
    regions: tuple[str, ...] | None = None
    splits: SplitsSpec = SplitsSpec()
    simulation: SimulationSpec | None = None

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        _refuse_twice("track", [track.name for track in self.tracks])
        if self.target:
            _refuse_twice("condition", [condition.name for condition in self.target.conditions])
        return self

    @property
    def data_folder(self) -> Path:
        """Where the source files are: `data` with ``${CLASTER_DATA}`` filled in."""
        data = os.environ.get(DATA_VARIABLE) or _DEFAULT_DATA
        return Path(self.data.replace("${" + DATA_VARIABLE + "}", data))

    def source(self, file: str) -> Path:
        """Return the path of a source file; relative ones start at `data_folder`."""
        return self.data_folder / file

    def require_target(self) -> TargetSpec:
        """Return `target`, or raise `ClasterError` where the dataset has none."""
        if self.target is None:
            raise ClasterError(
                f"dataset {self.name!r} has no target", remedy="add 'target' to its YAML"
            )
        return self.target

    @property
    def landscape_shape(self) -> tuple[int, int]:
        """Shape of a landscape, (tracks, bins)."""
        return len(self.tracks), self.window.bins

    @property
    def contacts_shape(self) -> DiagonalMap:
        """Shape of a contact map; raises `ClasterError` where the dataset has none."""
        if self.contacts is None:
            raise ClasterError(
                f"dataset {self.name!r} has no contact maps",
                remedy="choose a flavour without contacts or add 'contacts' to its YAML",
            )
        return DiagonalMap.over(
            self.window.binning, resolution=self.contacts.resolution, rows=self.contacts.rows
        )


def _refuse_twice(kind: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two {kind}s are named {name!r}")
