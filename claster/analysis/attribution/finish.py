"""From explained genes to the files of a folder."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from claster.analysis.attribution.gather import Gathered
from claster.analysis.attribution.locality import locality_table, locus_resamples, profile_table
from claster.analysis.attribution.output import AttributionFiles, write_json, write_table
from claster.analysis.attribution.settings import AttributionRecord, AttributionSettings, Scale
from claster.analysis.attribution.summary import summarise
from claster.dataset.spec import DatasetSpec

__all__ = ["prediction_unit", "write_attributions"]


def prediction_unit(spec: DatasetSpec, scale: Scale) -> str:
    """Return what a prediction is measured in."""
    target = spec.require_target()
    reads = "reads" if target.statistic == "mean" else f"reads per {target.bin} bp"
    if scale == "signal" or target.transform == "none":
        return reads
    return f"log({reads} + 1)" if target.transform == "log1p" else f"{target.transform}({reads})"


def write_attributions(
    files: AttributionFiles,
    gathered: Gathered,
    *,
    tracks: Sequence[str],
    settings: AttributionSettings,
    record: AttributionRecord,
) -> list[str]:
    """Write tables, maps, summary and record.

    Parameters
    ----------
    files
        The folder.
    gathered
        What is kept of the genes.
    tracks
        Names of the tracks that the run sees.
    settings, record
        What was asked, and what is recorded of it.

    Returns
    -------
    list of str
        The summary's sentences.
    """
    genes, targets = pd.DataFrame(gathered.genes), pd.concat(gathered.targets, ignore_index=True)
    agreement = gathered.compared.table()
    locality = None
    if gathered.tracks is not None:
        resamples = locus_resamples(len(gathered.tracks.genes), seed=settings.seed)
        profile = profile_table(gathered.tracks, tracks, resamples)
        locality = locality_table(gathered.tracks, tracks, resamples)
        write_table(profile, files.profile)
        write_table(profile, files.profile.with_suffix(".csv"))
        write_table(locality, files.locality)
    if gathered.maps is not None:
        for value, array in zip(("absolute", "signed"), gathered.maps.means(), strict=True):
            np.save(files.contacts(value), array.astype(np.float32), allow_pickle=False)
    if gathered.elements:
        write_table(pd.concat(gathered.elements, ignore_index=True), files.elements)
    write_table(genes, files.genes)
    write_table(targets, files.targets)
    write_table(agreement, files.agreement)
    summary = summarise(
        settings,
        genes=genes,
        targets=targets,
        locality=locality,
        agreement=agreement,
        unit=record.unit,
    )
    summary["genes_per_second"] = record.genes_per_second
    write_json(summary, files.summary)
    write_json(record.model_dump(mode="json"), files.manifest)
    return [str(sentence) for sentence in summary["sentences"]]  # type: ignore[attr-defined]
