"""What a screen is asked, what it was made from, and what its columns mean."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from claster.settings import (
    BATCH_SIZE,
    DEVICE,
    FORCE,
    SPLIT,
    Device,
    FolderName,
    Record,
    Settings,
    Split,
)

Verb = Literal[
    "silence", "background", "repress", "scale", "shift", "swap", "flip", "insert", "shuffle"
]
MOVING: frozenset[Verb] = frozenset({"shift", "swap", "flip", "insert", "shuffle"})
"""Verbs that move signal: they take whole bins and, unless told otherwise, every track."""

RESULT_NAMES = {
    "start": "element_start",
    "end": "element_end",
    "distance": "distance_bp",
    "gene_distance": "gene_distance_bp",
    "width": "width_bp",
}
"""What tables of results call the columns of `describe_pairs`."""

Centre = Literal["gene", "element"]
"""What the window is centred on."""

Edges = Literal["exact", "paper"]
"""``exact``: first and last bin count by the share covered; ``paper``: every touched bin counts whole."""

WIDTH = Field(
    None,
    ge=1,
    description="bp that are edited around each element's middle; default: the element's own edges.",
)
REACH = Field(
    200_000, ge=1, description="Distance in bp from the TSS within which the whole element lies."
)
AVERAGE = Field(
    default=False, description="Average the predictions of a window and of its mirror image."
)


def _require_bases(around: tuple[int, int]) -> tuple[int, int]:
    if sum(around) < 1:
        raise ValueError(f"{around[0]} bp upstream and {around[1]} downstream hold no base")
    return around


AroundTss = Annotated[tuple[int, int], AfterValidator(_require_bases)]
"""bp upstream and downstream of a TSS."""


class PerturbSettings(Settings):
    """What `claster perturb` is asked: an edit, elements, genes, how effects are measured, how it is run."""

    elements: Path | None = Field(
        None,
        description="BED or cCRE table; default: the dataset's own elements.",
        json_schema_extra={"flags": ["--elements", "-e"]},
    )
    verb: Verb = Field("silence", description="What is done to each element.")
    tracks: tuple[str, ...] = Field(
        (),
        description="A track that is edited; repeat for more. Default: see docs/perturbation.md.",
        json_schema_extra={"flags": ["--track"]},
    )
    factors: tuple[float, ...] = Field(
        (),
        description="Factor of 'scale'; repeat for a dose curve.",
        json_schema_extra={"flags": ["--factor"]},
    )
    shifts: tuple[int, ...] = Field(
        (),
        description="Distance of 'shift' in bp, a whole number of bins; repeat for more.",
        json_schema_extra={"flags": ["--shift"]},
    )
    gain: float | None = Field(
        None, ge=0, description="Signal that 'repress' adds; default: 99 % quantile of the track."
    )
    gain_track: str = Field("H3K27me3", description="Mark that 'repress' adds.")
    locus: str | None = Field(
        None, description="chrom:start-end of the block that 'insert' copies."
    )
    edges: Edges = Field("exact", description="How bins are edited that an element covers in part.")
    pairs: Path | None = Field(
        None,
        description="Table with two element IDs a line that are edited together; 'all' for every pair.",
    )
    split: Split = SPLIT
    centre: Centre = Field("gene", description="Centre of the windows.")
    width: int | None = WIDTH
    reach: int = REACH
    around_tss: AroundTss | None = Field(
        None,
        description="Measure genes over these bp upstream and downstream of the TSS, not over the body.",
    )
    min_activity: float | None = Field(
        None, description="Smallest mean of the activity track; published: 10."
    )
    activity_quantile: float | None = Field(
        None, ge=0, le=1, description="The same threshold as a quantile of all pairs."
    )
    activity_track: str = Field("H3K27ac", description="Track that measures activity.")
    controls: int = Field(
        100, ge=0, description="Control regions for each stratum; 0 for no p-values."
    )
    pseudocount: float = Field(
        1.0, ge=1e-6, description="c in log2((perturbed + c) / (baseline + c))."
    )
    average: bool = AVERAGE
    profiles: bool = Field(
        default=False,
        description="Keep predicted profiles before and after edits.",
        json_schema_extra={"flags": ["--profiles"]},
    )
    seed: int = Field(0, ge=0, description="Seed of control regions and of 'shuffle'.")
    name: FolderName | None = Field(
        None, description="Name of the folder below RUN/perturb; default: <verb>_<split>."
    )
    shard: str | None = Field(
        None,
        description="i/n: the i-th of n shares of the work; without it all shares are put together.",
    )
    tsv: bool = Field(
        default=False,
        description="Also write tables as TSV.",
        json_schema_extra={"flags": ["--tsv"]},
    )
    device: Device = DEVICE
    batch_size: int | None = BATCH_SIZE
    force: bool = FORCE

    @property
    def listed(self) -> Path | None:
        """The table of pairs of elements; None where there is none, or every two are edited together."""
        return None if self.pairs is None or str(self.pairs) == "all" else self.pairs


class EditSettings(Record):
    """An edit, the same for all elements.

    `tracks` are those that change. `doses` are the factors of ``scale`` or the distances in bp of
    ``shift``, one None for the other verbs. `gain` is the signal that ``repress`` gives `gain_track`,
    `locus` where ``insert`` takes its block from. `edges` says how bins and elements meet; `seed` starts
    ``shuffle``.
    """

    verb: Verb
    tracks: tuple[str, ...]
    doses: tuple[float | None, ...] = (None,)
    gain_track: str | None = None
    gain: float | None = None
    locus: str | None = None
    edges: Edges = "exact"
    seed: int = 0


class ScreenSettings(Record):
    """A screen: one edit over many elements, and how its effects are measured and calibrated.

    `combine` says whether pairs of elements are edited together, all of a gene or those that a table names;
    the other fields are those of `PerturbSettings`.
    """

    edit: EditSettings
    split: Split = "test"
    centre: Centre = "gene"
    width: int | None = None
    reach: int = 200_000
    around_tss: tuple[int, int] | None = None
    activity_track: str = "H3K27ac"
    min_activity: float | None = None
    activity_quantile: float | None = None
    combine: Literal["none", "all", "listed"] = "none"
    pseudocount: float = 1.0
    controls: int = 100
    average: bool = False
    profiles: bool = False
    seed: int = 0


UNITS = {
    "gene_id": "gene that is measured",
    "gene_name": "its name",
    "chrom": "chromosome of both",
    "tss": "bp, 0-based",
    "strand": "of the gene",
    "element_id": "element that is edited",
    "element_start": "bp, 0-based",
    "element_end": "bp, exclusive",
    "partner_id": "second element that is edited with it; empty without one",
    "partner_start": "bp, 0-based",
    "partner_end": "bp, exclusive",
    "distance_bp": "bp from the TSS to the element's middle, genome orientation",
    "gene_distance_bp": "the same in the gene's orientation: negative is upstream",
    "width_bp": "bp, width of the element",
    "genes_between": "TSSs of other genes between the TSS and the element's middle",
    "measured_bp": "bases of the gene inside the target window",
    "activity": "mean of the activity track over the element, unit of the file",
    "signal": "mean over the edited tracks of the element's signal divided by the track's mean",
    "verb": "the edit",
    "dose": "factor of 'scale', bp of 'shift'",
    "condition": "of the target",
    "baseline": "mean predicted signal of the gene before the edit, unit of the target",
    "perturbed": "the same after the edit",
    "effect": "log2((perturbed + c) / (baseline + c))",
    "sum_of_effects": "effect of the element alone plus effect of its partner alone",
    "epistasis": "effect - sum_of_effects",
    "width_class": "bp, of the control regions",
    "distance_class": "number of the class of |gene_distance_bp|, negative upstream",
    "signal_class": "floor(log2(signal)), -99 for none",
    "n_controls": "control regions of the same width and distance class and at most the same signal class",
    "n_matched": "those of them of the same signal class",
    "control_signal": "median of their 'signal'",
    "percentile": "% of their effects that are lower, equal ones count half",
    "p": "(r + 1) / (n + 1), r of n of their effects are as large or larger, signs aside",
    "fdr": "Benjamini and Hochberg over all p of one condition and dose",
}


class Identity(Record):
    """What gives a screen its numbers: the same identity gives the same table.

    `run` and `elements_file` are names; `weights`, `dataset`, `elements`, `pairs` are the SHA-256 of the
    model's weights, of the manifest of the built dataset, and of the files of elements and of pairs.
    """

    run: str
    weights: str
    dataset: str
    elements_file: str
    elements: str
    pairs: str | None
    settings: ScreenSettings
    version: str


class ScreenRecord(Record):
    """The record of a finished screen (`manifest.json`, format version 1)."""

    format: Literal[1] = 1
    identity: Identity
    counts: dict[str, int]
    units: dict[str, str] = UNITS
    merge: str
    versions: dict[str, str]
    finished: str
    seconds: float
    elements_per_second: float
