"""What evaluations, and comparisons with rules, screens and treated cells, are asked."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from claster.analysis.perturbation.settings import AVERAGE, REACH, WIDTH, AroundTss, Centre
from claster.settings import DEVICE, FORCE, SPLIT, Device, FolderName, Settings, Split

_SEED = Field(0, ge=0, description="Seed of the resamples.")


class EvaluateSettings(Settings):
    """What `claster evaluate` is asked."""

    split: Split = SPLIT
    to: Path | None = Field(
        None, description="Folder to write the scores of several runs together into."
    )
    dataset: str | None = Field(
        None,
        description="Another built dataset with a target, such as other cells: its genes that the run "
        "has not seen in training.",
        json_schema_extra={"flags": ["--dataset", "-d"]},
    )
    device: Device = DEVICE


class IntervalSettings(Settings):
    """What `claster intervals` is asked."""

    split: Split | None = Field(
        None,
        description="Split of another dataset; default: all of it. Of the run's own, the test genes.",
    )
    dataset: str | None = Field(
        None,
        description="Another built dataset; it needs no target.",
        json_schema_extra={"flags": ["--dataset", "-d"]},
    )
    level: float = Field(
        0.9, ge=0.5, le=0.99, description="Share of bins, and of genes, that the intervals hold."
    )
    tracks: Literal["nearest", "mean", "none"] = Field(
        "nearest",
        description="Value of a base under several windows: that of the nearest TSS, or their mean.",
        json_schema_extra={"flags": ["--bigwig"]},
    )
    device: Device = DEVICE


class ValidateSettings(Settings):
    """What `claster validate` is asked."""

    perturbation: FolderName | None = Field(
        None, description="A screen below RUN/perturb; default: two screens that are made for this."
    )
    attribution: FolderName | None = Field(
        None, description="Attributions below RUN/attributions that are scored too."
    )
    split: Split = SPLIT
    condition: str | None = Field(
        None, description="Condition of the target; default: the first one."
    )
    seed: int = _SEED
    device: Device = DEVICE


class CrisprSettings(Settings):
    """What `claster crispr` is asked: a table of measured pairs, and the screen that is compared with it."""

    pairs: Path = Field(
        description="Table in the EPCrisprBenchmark format (TSV, TSV.GZ).",
        json_schema_extra={"flags": ["--pairs", "-p"]},
    )
    cell_type: str | None = Field(
        None, description="Cell type whose pairs are used; needed if the table has several."
    )
    contacts: Path | None = Field(
        None,
        description="Contacts and other scores of the same pairs (TSV, TSV.GZ), compared with the effects.",
    )
    split: Split = SPLIT
    centre: Centre | None = Field(
        None,
        description="Centre of the windows; default: element, or gene where the target is a table.",
    )
    verb: Literal["silence", "background", "repress"] = Field(
        "silence", description="How elements are silenced."
    )
    width: int | None = WIDTH
    reach: int = REACH
    around_tss: AroundTss | None = Field(
        None,
        description="Measure genes over these bp upstream and downstream of the TSS, not over the body; "
        "published for POLR2A: 2000 3000.",
    )
    min_activity: float | None = Field(
        None, description="Smallest mean H3K27ac of an element that counts; published: 10."
    )
    controls: int = Field(
        0, ge=0, description="Control regions for each stratum; 0 for no p-values."
    )
    average: bool = AVERAGE
    name: FolderName = Field(
        "crispr", description="Name of the folders below RUN/crispr and RUN/perturb."
    )
    to: Path | None = Field(
        None, description="Folder of the result; needed for several runs. Default: RUN/crispr/NAME."
    )
    seed: int = _SEED
    device: Device = DEVICE
    force: bool = FORCE


class TreatSettings(Settings):
    """What `claster treat` is asked."""

    treated: str | Path = Field(description="Dataset of the treated cells: a name, or a YAML file.")
    tracks: tuple[str, ...] = Field(
        (),
        description="A track that is taken from it; repeat for more. Default: all.",
        json_schema_extra={"flags": ["--track"]},
    )
    split: Split = SPLIT
    pseudocount: float = Field(
        1.0, ge=1e-6, description="c in log2((treated + c) / (baseline + c))."
    )
    average: bool = Field(
        default=True, description="Average the predictions of a window and of its mirror image."
    )
    seed: int = _SEED
    device: Device = DEVICE


class ReachSettings(Settings):
    """What `claster reach` is asked."""

    split: Split = SPLIT
    seed: int = Field(
        0, ge=0, description="Seed of the resamples, and of the trees or the background."
    )
    device: Device = DEVICE


class LinkSettings(Settings):
    """What `claster link` is asked: elements, genes and marks of a cell; a model, or a table to train one."""

    elements: Path = Field(
        description="Elements: BED, cCRE table, ABC's table with counts, or a bigWig's intervals.",
        json_schema_extra={"flags": ["--elements", "-e"]},
    )
    genes: Path = Field(
        description="All genes: GTF, BED6+ or a table.",
        json_schema_extra={"flags": ["--genes", "-g"]},
    )
    assembly: str = Field("hg38", description="Assembly of all files.")
    accessibility: Path | None = Field(
        None, description="BigWig of DNase or ATAC; not needed with read counts."
    )
    h3k27ac: Path | None = Field(
        None, description="BigWig of H3K27ac; without it accessibility stands for it."
    )
    contacts: Path | None = Field(
        None,
        description="Balanced cool, mcool or hic with bins of 5 kb, for activity by contact; "
        "default: a power law of the distance.",
    )
    model: Path | None = Field(
        None,
        description="model.json of a training, or abc for activity by contact; default: the model of K562.",
    )
    effects: Path | None = Field(
        None,
        description="What a network predicts of the pairs: effects.parquet of 'claster perturb', or a TSV.",
    )
    ubiquitous: Path | None = Field(
        None, description="Names or IDs of genes that are active in all cells, one a line."
    )
    threshold: float | None = Field(
        None,
        ge=0,
        le=1,
        description="Smallest score that is written; default: the model's, at 70 % recall.",
    )
    pairs: Path | None = Field(
        None,
        description="Train a model on this CRISPR table (EPCrisprBenchmark format), leave-chromosome-out.",
        json_schema_extra={"flags": ["--pairs", "-p"]},
    )
    cell_type: str | None = Field(
        None, description="Cell type whose pairs are used; needed if the table has several."
    )
    to: Path = Field(Path("links"), description="Folder of the results.")
    seed: int = _SEED
    force: bool = FORCE
