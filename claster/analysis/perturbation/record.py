"""What a screen was made from, what its columns mean, and whether it is still the same."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from claster.analysis.perturbation.settings import ScreenSettings

__all__ = ["UNITS", "Identity", "ScreenRecord"]

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


class Identity(BaseModel):
    """What gives a screen its numbers: the same identity gives the same table.

    `run` and `elements_file` are names; `weights`, `dataset`, `elements`, `pairs` are the SHA-256 of the
    model's weights, of the manifest of the built dataset, and of the files of elements and of pairs.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    run: str
    weights: str
    dataset: str
    elements_file: str
    elements: str
    pairs: str | None
    settings: ScreenSettings
    version: str


class ScreenRecord(BaseModel):
    """The record of a finished screen (`manifest.json`, format version 1)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    identity: Identity
    counts: dict[str, int]
    units: dict[str, str] = UNITS
    merge: str
    versions: dict[str, str]
    finished: str
    seconds: float
    elements_per_second: float
