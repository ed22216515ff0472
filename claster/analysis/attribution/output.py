"""The folder of attributions, and how its files are written."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import ValidationError

from claster.analysis.attribution.settings import AttributionRecord, Identity
from claster.eir.tracks import write_track
from claster.errors import ClasterError
from claster.genome.windows import Binning
from claster.text import read_text

__all__ = ["COLUMNS", "AttributionFiles", "is_there", "write_bigwigs", "write_json", "write_table"]

COLUMNS = {
    "track": "track, 'all' for all of them",
    "distance": "bp from the middle of the predicted bin to that of the bin, downstream positive",
    "mean_absolute": "mean over predicted bins of the absolute attribution to a bin, unit of the prediction",
    "mean_signed": "the same with signs",
    "n": "predicted bins that had a bin at that distance",
    "share": "of the mean absolute attribution, summed over distances",
    "above": "whether attribution counts from zero, or from its mean over the farther half of distances",
    "half_width": "bp from the predicted bin within which it lies",
    "mass": "mean absolute attribution, summed over distances",
    "low, high": "95 % interval, loci resampled; of a mean 'absolute_' and 'signed_'",
    "predicted": "what is attributed: a bin, or the gene's mean, in the unit of the prediction",
    "change": "predicted minus what is predicted of the baseline",
    "delta": "sum of attributions minus change",
    "bin": "predicted bin in the gene's orientation, missing for the gene's mean",
    "score": "sum of the absolute attribution of the gene's mean over tracks and bins of the element",
    "signed": "the same with signs",
    "spearman": "rank correlation of the totals of blocks, of all genes and targets together",
    "spearman_per_target": "mean over genes and targets of the rank correlation over blocks",
}
"""What columns mean."""


@dataclass(frozen=True)
class AttributionFiles:
    """The folder of attributions.

    Attributes
    ----------
    folder
        ``runs/<dataset>/<flavour>/attributions/<name>``.
    """

    folder: Path

    @property
    def manifest(self) -> Path:
        """The record."""
        return self.folder / "manifest.json"

    @property
    def summary(self) -> Path:
        """Headline numbers and sentences."""
        return self.folder / "summary.json"

    @property
    def profile(self) -> Path:
        """Attribution by distance."""
        return self.folder / "profile.parquet"

    @property
    def locality(self) -> Path:
        """Half-widths."""
        return self.folder / "locality.csv"

    @property
    def agreement(self) -> Path:
        """Rank correlation of methods and baselines."""
        return self.folder / "agreement.csv"

    @property
    def genes(self) -> Path:
        """Totals of each gene."""
        return self.folder / "genes.parquet"

    @property
    def targets(self) -> Path:
        """What was attributed, and how far integrated gradients converged."""
        return self.folder / "targets.parquet"

    @property
    def elements(self) -> Path:
        """Scores of elements, where they were asked for."""
        return self.folder / "elements.parquet"

    @property
    def latents(self) -> Path:
        """Activations by layer, where they were asked for."""
        return self.folder / "latents.npz"

    @property
    def figures(self) -> Path:
        """Folder of figures."""
        return self.folder / "figures"

    def contacts(self, value: str) -> Path:
        """Mean attribution of the contact map, ``absolute`` or ``signed``."""
        return self.folder / f"contacts_{value}.npy"


def is_there(files: AttributionFiles, identity: Identity, *, force: bool) -> bool:
    """Tell whether the same attributions are there already.

    Raises
    ------
    ClasterError
        If the folder holds others, unless `force`.
    """
    if force or not files.folder.exists():
        return False
    try:
        record = AttributionRecord.model_validate_json(read_text(files.manifest))
    except (ClasterError, ValidationError):
        record = None
    if record is None or record.identity != identity:
        raise ClasterError(
            f"{files.folder} holds something else",
            remedy="choose another --name, or pass --force to replace it",
        )
    return True


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV or parquet, as the suffix of `path` says."""
    if path.suffix == ".csv":
        table.to_csv(path, index=False, float_format="%.6g", lineterminator="\n")
    else:
        table.to_parquet(path, index=False)


def write_json(content: object, path: Path) -> None:
    """Write a JSON file."""
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def write_bigwigs(
    folder: Path,
    gene: pd.Series,
    values: np.ndarray,
    *,
    tracks: tuple[str, ...],
    binning: Binning,
    sizes: dict[str, int],
) -> None:
    """Write the attribution of one gene's mean: a bigWig a track, and one of their sum.

    Parameters
    ----------
    folder
        Where ``<gene_id>.<track>.bw`` and ``<gene_id>.all.bw`` are written.
    gene
        `gene_id`, `chrom`, `tss`.
    values
        Shape (tracks, bins), in genome orientation, signed.
    tracks
        Names of the tracks.
    binning
        The bins.
    sizes
        Chromosome sizes in bp.
    """
    window = gene[["chrom", "tss"]].to_frame().T.astype({"tss": int})
    folder.mkdir(exist_ok=True)
    for name, signal in zip((*tracks, "all"), [*values, values.sum(axis=0)], strict=True):
        path = folder / f"{gene['gene_id']}.{name}.bw"
        write_track(path, window, signal[np.newaxis], binning=binning, sizes=sizes)
