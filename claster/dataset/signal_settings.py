"""The parts of a dataset YAML that name signal, windows, contact maps and public files."""

import re
from functools import partial
from itertools import pairwise
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from claster.contacts.shapes import DIAGONAL_ROWS, MapKind, MapValue
from claster.dataset.gene_settings import (
    EvenSize,
    Name,
    OddBins,
    Part,
    Words,
    without_twins,
)
from claster.files import is_below
from claster.formats import FileFormat
from claster.genome.windows import Binning, Recipe
from claster.quoting import printable
from claster.signal.landscape import FINE_BIN, Transform, rescaled, transformed


def _below_data(file: str) -> str:
    if not is_below(file):
        raise ValueError(f"{file!r} is not a file name below 'data'")
    return file


def _web_address(url: str) -> str:
    if not re.fullmatch(r"https?://[^\s/]+/\S*", url) or printable(url) != url:
        raise ValueError(f"{url!r} is not an http or https address")
    return url


def _digest(sha256: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise ValueError(f"{sha256!r} is not a SHA-256 (64 hexadecimal digits in lower case)")
    return sha256


_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class TrackSpec(Part):
    """One row of the landscape: a bigWig file, and how its bins are stored.

    `files` in the place of `file` are replicates, whose weighted mean is the track (`Replicates`); without
    `weights` they count alike. `rescale` has pairs of a value and what it is in the cells that a network was
    trained on (`rescaled`). Then values below `floor` are set to 0, so that peaks are left, and larger ones
    than `clip` to it; then values are divided by `scale`, a statistic of the track around training genes
    (`SignalScale`); then `transform` is applied.
    """

    name: Name
    file: str | None = None
    files: Words | None = Field(default=None, min_length=2)
    weights: tuple[_Positive, ...] | None = None
    transform: Transform = "none"
    rescale: tuple[tuple[_Positive, _Positive], ...] | None = Field(default=None, min_length=1)
    floor: float | None = Field(default=None, gt=0)
    clip: float | None = Field(default=None, gt=0)
    scale: Literal["none", "q99", "mean"] = "none"

    @model_validator(mode="after")
    def _makes_one_track(self) -> Self:
        if (self.file is None) == (self.files is None):
            raise ValueError("give either 'file' or 'files', a list of replicates")
        if self.weights is not None and len(self.weights) != len(self.files or ()):
            raise ValueError(
                f"{len(self.weights)} 'weights' for {len(self.files or ())} 'files': give one a file"
            )
        for here, there in pairwise(self.rescale or ()):
            if here[0] >= there[0] or here[1] >= there[1]:
                raise ValueError("'rescale' needs pairs that rise, such as [[1, 2], [10, 30]]")
        if self.floor is not None and self.clip is not None and self.floor > self.clip:
            raise ValueError(
                f"'floor: {self.floor:g}' above 'clip: {self.clip:g}' leaves one value"
            )
        return self

    @property
    def labels(self) -> dict[str, str]:
        """What messages call each file, and its name: ``track ATAC``, or ``track ATAC 1`` and so on."""
        if self.file is not None:
            return {f"track {self.name}": self.file}
        return {f"track {self.name} {n}": file for n, file in enumerate(self.files or (), start=1)}

    def stored(self, signal: np.ndarray, *, divisor: float) -> np.ndarray:
        """Return signal as it is stored; `divisor` is what `scale` comes to (`track_divisors`)."""
        if self.rescale:
            signal = rescaled(signal, self.rescale)
        return transformed(
            signal, self.transform, floor=self.floor, clip=self.clip, divisor=divisor
        )


class SignalFiles(Part):
    """One unstranded bigWig, or a strand pair."""

    file: str | None = None
    plus: str | None = None
    minus: str | None = None
    minus_values: Literal["positive", "negative"] = "positive"

    @model_validator(mode="after")
    def _one_or_pair(self) -> Self:
        pair = (self.plus is not None, self.minus is not None)
        if (self.file is not None and any(pair)) or (self.file is None and not all(pair)):
            raise ValueError("give either 'file' or both 'plus' and 'minus'")
        if self.file is not None and self.minus_values == "negative":
            raise ValueError(
                "'minus_values: negative' is for 'plus' and 'minus', not for one 'file'"
            )
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


def _of_one_condition(value: object) -> object:
    return {"ctrl": value} if isinstance(value, str) else value


_OF_A_TABLE: dict[str, object] = {
    "conditions": (),
    "bin": 1000,
    "bins": 1,
    "smoothing": 0,
    "statistic": "mean",
    "strands": "sum",
    "recipe": "exact",
}


class TargetSpec(Part):
    """What is predicted: bins of nascent transcription around the TSS.

    `smoothing` is the standard deviation in bp of the Gaussian that runs over 20 bp bins before
    they are averaged (0: none); the published targets use 1000. `statistic` is the ``mean`` signal of
    a bin, as published for EU-seq coverage, or its ``sum``, for tracks that count read ends.
    `strands` says what becomes of a strand pair: their ``sum``, the strand of the gene (``sense``), or
    both, ``apart``, as two groups of columns. `transform` is the scale that the network is trained on: as
    it is, as published, or ``sqrt``, ``log1p``, ``log1p_10x`` or ``asinh``, which tame heavy tails, unless
    its flavour has one; predictions are always turned back. Larger values than `clip` are set to it before.
    `recipe: paper` is the published arithmetic (`target_profiles`) and leaves no choice but the conditions.

    Instead of conditions, a `table` (TSV with a header) gives one `value` a gene: of its columns, `id` names
    the gene, and `value` is the column of the one condition ``ctrl``, or a column for each condition. The
    target is then one bin, around the TSS. `shared` is a column that tells values that stand for several
    genes: those genes are predicted and never scored, and they train where `train_shared` says so.
    """

    conditions: Annotated[
        tuple[Condition, ...], AfterValidator(partial(without_twins, kind="condition"))
    ] = ()
    table: str | None = None
    id: str | None = None
    value: Annotated[
        dict[Name, str] | None,
        BeforeValidator(_of_one_condition, json_schema_input_type=str | dict[str, str] | None),
    ] = Field(default=None, min_length=1)
    shared: str | None = None
    train_shared: bool = False
    bin: EvenSize = 1000
    bins: OddBins = 401
    smoothing: int = Field(default=1000, ge=0)
    statistic: Literal["mean", "sum"] = "mean"
    strands: Literal["sum", "sense", "apart"] = "sum"
    transform: Transform = "none"
    clip: float | None = Field(default=None, gt=0)
    recipe: Recipe = "exact"

    published: ClassVar = {
        "bin": 1000,
        "bins": 401,
        "smoothing": 1000,
        "statistic": "mean",
        "strands": "sum",
        "transform": "none",
        "clip": None,
    }

    @model_validator(mode="before")
    @classmethod
    def _one_value_a_gene(cls, given: object) -> object:
        if not isinstance(given, dict) or given.get("table") is None:
            return given
        for key, value in _OF_A_TABLE.items():
            if (given.get(key) or value) != value:
                raise PydanticCustomError(
                    "table",
                    "a 'table' has one value a gene; leave '{key}' out",
                    {"key": key, "below": (key,)},
                )
        return {**given, **_OF_A_TABLE}

    @model_validator(mode="after")
    def _conditions_or_table(self) -> Self:
        if self.table is None and not self.conditions:
            raise ValueError("give 'conditions', or a 'table' with 'id' and 'value'")
        if self.table is not None and not (self.id and self.value):
            raise ValueError("a 'table' needs 'id' and 'value', the names of its columns")
        if self.table is None and (self.id or self.value or self.shared):
            raise ValueError("'id', 'value' and 'shared' are columns of a 'table'; name it")
        if self.train_shared and not self.shared:
            raise ValueError("'train_shared' without 'shared', the column that tells those genes")
        return self

    @model_validator(mode="after")
    def _whole_fine_bins_and_pairs_where_strands_count(self) -> Self:
        if 0 < self.smoothing < FINE_BIN:
            raise ValueError(
                f"'smoothing: {self.smoothing}' is below the {FINE_BIN} bp bins that the Gaussian runs "
                "over; give 0 for none"
            )
        if self.smoothing and self.bin % FINE_BIN:
            raise ValueError(
                f"target bins of {self.bin} bp are not a multiple of {FINE_BIN} bp, which 'smoothing' needs; "
                "choose another 'bin' or 'smoothing: 0'"
            )
        for position, condition in enumerate(self.conditions):
            one_file = condition.file or (condition.truth and condition.truth.file)
            if one_file and self.strands != "sum":
                raise PydanticCustomError(
                    "strands",
                    "'strands: {strands}' needs 'plus' and 'minus', and '{name}' has one 'file'",
                    {
                        "strands": self.strands,
                        "name": condition.name,
                        "below": ("conditions", position),
                    },
                )
        return self

    @property
    def binning(self) -> Binning:
        """The bins of the target window."""
        return Binning(self.bins, self.bin)

    def groups_of(self, condition: str) -> tuple[str, ...]:
        """Return the names of a condition's groups of columns: its own, or one a strand."""
        return (
            (f"{condition}_plus", f"{condition}_minus") if self.strands == "apart" else (condition,)
        )

    @property
    def groups(self) -> tuple[str, ...]:
        """Names of all groups of columns: the conditions, or ``ctrl_plus``, ``ctrl_minus`` and so on."""
        if self.value is not None:
            return tuple(self.value)
        return tuple(group for c in self.conditions for group in self.groups_of(c.name))

    @property
    def columns(self) -> list[str]:
        """Names of the target columns, ``-200_ctrl`` to ``200_ctrl`` for each group in turn."""
        return [f"{k}_{group}" for group in self.groups for k in self.binning.offsets]


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


def _yes_no(balance: object) -> object:
    """Return the words that stand for true and false in older YAML as such, not as names of weights."""
    words = {"yes": True, "on": True, "no": False, "off": False}
    return words.get(balance.lower(), balance) if isinstance(balance, str) else balance


class ContactsSpec(Part):
    """The contacts of each window, from a `.cool`, `.mcool` or `.hic`.

    `balance` is true (``weight`` of a cooler, ``SCALE`` or ``KR`` of a `.hic`), false, or a name of weights.
    `map` is ``diagonal`` (separation against midpoint, single pixels), ``stripe`` (what the TSS touches, a
    row of the matrix for each of both values), or one of the published ones: ``paper_square`` (the matrix
    around the TSS) and ``paper_rotated`` (that square turned by 45 degrees with a spline, upper half).
    `value` is ``log_oe`` (log2 observed over expected at that separation) or ``log10`` (log10 of the
    contact frequency, the only one of the published maps); it and `rows` are not for a ``stripe``, and
    `rows` is for ``diagonal`` alone. A gene is dropped when more than `max_missing` of its map is unknown.
    """

    file: str
    resolution: int = Field(default=1600, gt=0)
    balance: Annotated[bool | Annotated[str, Field(min_length=1)], BeforeValidator(_yes_no)] = True
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
        if kind == "stripe":
            if given.get("rows") is not None or given.get("value", "log_oe") != "log_oe":
                raise ValueError("'map: stripe' has a row a value; leave 'rows' and 'value' out")
            return given | {"rows": None}
        if kind not in ("paper_square", "paper_rotated"):
            return given if given.get("rows") is not None else given | {"rows": DIAGONAL_ROWS}
        if given.get("rows") is not None:
            raise ValueError(f"'map: {kind}' has its rows from 'window'; leave 'rows' out")
        if given.get("value", "log10") != "log10":
            raise ValueError(f"'map: {kind}' holds log10 frequencies; leave 'value' out")
        return given | {"rows": None, "value": "log10"}


class SimulationSpec(Part):
    """How `claster simulate` makes this dataset's source files."""

    seed: int = Field(default=1, ge=0)
    chromosomes: int = Field(default=4, ge=1)
    megabases: float = Field(default=40.0, gt=0)
    genes: int = Field(default=250, ge=1)
    smooth: bool = False
    rules: Literal["contact", "local", "classes"] = "contact"
    cell: int = Field(default=1, ge=1)


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
