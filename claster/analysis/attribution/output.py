"""The folder of an attribution: tables, summary, bigWigs and record."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import ValidationError

from claster.analysis.attribution.blocks import ALL, SINGLE, agreement_table
from claster.analysis.attribution.genes import Gathered
from claster.analysis.attribution.inputs import MapAxes
from claster.analysis.attribution.locality import locality_table, profile_table
from claster.analysis.attribution.settings import AttributionSettings, Identity, Scale
from claster.analysis.bootstrap import resample_blocks
from claster.analysis.folder import ResultFile, ResultFolder
from claster.dataset.spec import DatasetSpec
from claster.eir.predictions import write_track
from claster.errors import ClasterError
from claster.genome.windows import Binning
from claster.settings import Record
from claster.text import read_text

_RESAMPLES = 1000
PACKAGES = ("claster", "eir-dl", "torch", "numpy", "pandas", "scipy")


class AttributionRecord(Record):
    """The record of finished attributions (`manifest.json`, format version 1)."""

    format: Literal[1] = 1
    identity: Identity
    counts: dict[str, int]
    unit: str
    contacts: MapAxes | None
    columns: dict[str, str]
    device: str
    versions: dict[str, str]
    finished: str
    seconds: float
    genes_per_second: float


def _summarise(
    settings: AttributionSettings,
    *,
    genes: pd.DataFrame,
    targets: pd.DataFrame,
    locality: pd.DataFrame | None,
    agreement: pd.DataFrame,
    unit: str,
) -> tuple[list[str], dict[str, object]]:
    """Return what people are told, and what `summary.json` holds."""
    said = [
        f"{len(genes):,} genes of the {settings.split} split, {targets['bin'].notna().sum():,} bins: "
        f"{settings.method.replace('_', ' ')} of {settings.condition} ({unit})"
    ]
    summary: dict[str, object] = {
        "sentences": said,
        "method": settings.method,
        "baseline": settings.baselines[0],
        "unit": unit,
        "genes": len(genes),
        "bins": int(targets["bin"].notna().sum()),
    }
    if locality is not None:
        summary["half_widths_bp"] = {
            str(track): {
                f"{row.share:g} above {row.above}": [row.half_width, row.low, row.high]
                for row in rows.itertuples()
            }
            for track, rows in locality.groupby("track", sort=False)
        }
        whole = locality[locality["track"] == ALL].set_index(["above", "share"])
        for above, what in (
            ("zero", "the absolute attribution to the tracks"),
            ("level", "what exceeds its level at far distances"),
        ):
            said.append(
                f"half of {what} lies within {_kb(whole.loc[(above, 0.5)])} of the predicted bin, "
                f"90 % within {_kb(whole.loc[(above, 0.9)])}"
            )
    sums = {name: float(genes[name].sum()) for name in genes if name.startswith("absolute_")}
    total = sum(sums.values())
    if total:
        shares = {name.removeprefix("absolute_"): value / total for name, value in sums.items()}
        summary["shares_of_gene_mean"] = shares
        said.append(
            "of the absolute attribution of gene means, "
            + ", ".join(f"{share:.0%} to {name}" for name, share in shares.items())
        )
    if settings.method == "integrated_gradients":
        delta, change = targets["delta"].abs(), targets["change"].abs()
        summary["convergence"] = {
            "median_delta": float(delta.median()),
            "q95_delta": float(delta.quantile(0.95)),
            "largest_delta": float(delta.max()),
            "delta_of_change": float(delta.sum() / change.sum()) if change.sum() else None,
        }
        said.append(
            f"convergence with {settings.steps} steps: |delta| has median {delta.median():.2g}, "
            f"95 % {delta.quantile(0.95):.2g}, largest {delta.max():.2g}; "
            f"{delta.sum() / max(change.sum(), 1e-30):.2%} of what predictions differ from the baseline's"
        )
    agreed = {}
    for row in agreement[agreement["track"] == SINGLE].itertuples():
        known = np.isfinite(row.spearman)
        agreed[f"{row.compared} {row.other}"] = {
            "spearman": float(row.spearman) if known else None,
            "genes": int(row.genes),
        }
        what = row.other.replace("_", " ")
        what = f"baseline {what}" if row.compared == "baseline" else what
        said.append(
            f"rank correlation with {what} over blocks of {row.genes} genes: {row.spearman:.2f}"
        )
    return said, summary | {"agreement": agreed}


def _kb(row: pd.Series) -> str:
    text = f"{row['half_width'] / 1000:.1f} kb"
    if np.isfinite(row["low"]):
        text += f" (95 %: {row['low'] / 1000:.1f} to {row['high'] / 1000:.1f})"
    return text


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


class AttributionFiles(ResultFolder):
    """The folder of attributions, ``<run>/attributions/<name>``."""

    main = "genes"
    manifest = ResultFile("manifest.json", "The record.")
    profile = ResultFile("profile.parquet", "Attribution by distance.")
    locality = ResultFile("locality.csv", "Half-widths.")
    agreement = ResultFile("agreement.csv", "Rank correlation of methods and baselines.")
    genes = ResultFile("genes.parquet", "Totals of each gene.")
    targets = ResultFile(
        "targets.parquet", "What was attributed, and how far integrated gradients converged."
    )
    elements = ResultFile("elements.parquet", "Scores of elements, where they were asked for.")
    latents = ResultFile("latents.npz", "Activations by layer, where they were asked for.")
    figures = ResultFile("figures", "Folder of figures.")

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


def _write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV or parquet, as the suffix of `path` says."""
    if path.suffix == ".csv":
        text = {  # ten times as fast as to_csv with float_format
            name: [None if x != x else f"{x:.6g}" for x in table[name].tolist()]
            for name in table.select_dtypes("float")
        }
        table.assign(**text).to_csv(path, index=False, lineterminator="\n")
    else:
        table.to_parquet(path, index=False)


def write_json(content: object, path: Path) -> None:
    """Write a JSON file."""
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def write_bigwigs(
    folder: Path,
    genes: pd.DataFrame,
    profiles: Mapping[str, np.ndarray],
    *,
    tracks: tuple[str, ...],
    binning: Binning,
    sizes: dict[str, int],
) -> None:
    """Write attributions of means of genes: ``<gene_id>.<track>.bw``, and ``<gene_id>.all.bw``, their sum.

    `profiles` are by gene ID, shape (tracks, bins), in genome orientation, signed.
    """
    folder.mkdir()
    for gene_id, gene in genes.groupby("gene_id"):
        values = profiles[str(gene_id)]
        for name, signal in zip((*tracks, ALL), [*values, values.sum(axis=0)], strict=True):
            path = folder / f"{gene_id}.{name}.bw"
            write_track(path, gene, signal[np.newaxis], binning=binning, sizes=sizes)


def prediction_unit(spec: DatasetSpec, scale: Scale) -> str:
    """Return what a prediction is measured in."""
    target = spec.require_target()
    reads = "reads" if target.statistic == "mean" else f"reads per {target.bin} bp"
    if scale == "signal" or target.transform == "none":
        return reads
    logs = {"log1p": f"log({reads} + 1)", "log1p_10x": f"log(10 {reads} + 1)"}
    return logs.get(target.transform, f"{target.transform}({reads})")


def write_attributions(
    files: AttributionFiles,
    gathered: Gathered,
    *,
    tracks: Sequence[str],
    settings: AttributionSettings,
    record: AttributionRecord,
) -> list[str]:
    """Write tables, maps, summary and record, and return what people are told; `tracks` are the run's."""
    genes, targets = pd.DataFrame(gathered.genes), pd.concat(gathered.targets, ignore_index=True)
    agreement = agreement_table(gathered.compared, gathered.labels)
    locality = None
    if gathered.tracks is not None:
        loci = np.arange(len(gathered.tracks.genes))
        resamples = resample_blocks(loci, resamples=_RESAMPLES, seed=settings.seed)
        profile = profile_table(gathered.tracks, tracks, resamples)
        locality = locality_table(gathered.tracks, tracks, resamples)
        _write_table(profile, files.profile)
        _write_table(profile, files.profile.with_suffix(".csv"))
        _write_table(locality, files.locality)
    if gathered.maps is not None:
        for value, array in zip(("absolute", "signed"), gathered.maps.means(), strict=True):
            np.save(files.contacts(value), array.astype(np.float32), allow_pickle=False)
    if gathered.elements:
        _write_table(pd.concat(gathered.elements, ignore_index=True), files.elements)
    _write_table(genes, files.genes)
    _write_table(targets, files.targets)
    _write_table(agreement, files.agreement)
    said, summary = _summarise(
        settings,
        genes=genes,
        targets=targets,
        locality=locality,
        agreement=agreement,
        unit=record.unit,
    )
    write_json(summary | {"genes_per_second": record.genes_per_second}, files.summary)
    write_json(record.model_dump(mode="json"), files.manifest)
    return said
