"""The files of a finished screen: table, links between elements and genes, tracks of change."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from claster.dataset.signal_settings import TargetSpec
from claster.eir.prediction_tracks import write_track
from claster.files import atomic_path, write_text

__all__ = ["MERGE", "write_change_tracks", "write_links", "write_table"]

MERGE = (
    "a bin of a window holds, of the changes (perturbed - baseline) that its elements make, the one of the "
    "largest absolute value; a base under several windows that of the window whose centre is nearest"
)
"""How many elements and windows become one value a base."""


def write_table(table: pd.DataFrame, path: Path, *, tsv: bool) -> None:
    """Write a table as parquet and, if asked for, as TSV beside it."""
    with atomic_path(path) as partial:
        table.to_parquet(partial, index=False)
    if tsv:
        text = table.to_csv(sep="\t", index=False, float_format="%.6g", lineterminator="\n")
        write_text(path.with_suffix(".tsv"), text)


def write_links(effects: pd.DataFrame, folder: Path) -> list[Path]:
    """Write element-gene links as BEDPE, a file a condition and dose.

    The first interval is the element, the second the first base of the gene; the name is
    ``element|gene``, the score the effect (log2), the strands ``.`` and the gene's; then come p, fdr and
    the distance in bp. Pairs of elements are left out.

    Parameters
    ----------
    effects
        See `assemble_effects`.
    folder
        Where ``links.<condition>.bedpe`` is written, with ``.<dose>`` where there are several.

    Returns
    -------
    list of Path
        The files.

    References
    ----------
    BEDPE: https://bedtools.readthedocs.io/en/latest/content/general-usage.html#bedpe-format
    """
    single = effects[effects["partner_id"] == ""]
    written = []
    for (condition, dose), rows in single.groupby(["condition", "dose"], dropna=False, sort=True):
        links = pd.DataFrame(
            {
                "#chrom1": rows["chrom"],
                "start1": rows["element_start"],
                "end1": rows["element_end"],
                "chrom2": rows["chrom"],
                "start2": rows["tss"],
                "end2": rows["tss"] + 1,
                "name": rows["element_id"] + "|" + rows["gene_name"].fillna(rows["gene_id"]),
                "score": rows["effect"],
                "strand1": ".",
                "strand2": rows["strand"],
                "p": rows["p"],
                "fdr": rows["fdr"],
                "distance": rows["distance_bp"],
            }
        )
        path = folder / f"links.{condition}{'' if pd.isna(dose) else f'.{dose:g}'}.bedpe"
        write_text(
            path,
            links.to_csv(
                sep="\t", index=False, float_format="%.6g", na_rep=".", lineterminator="\n"
            ),
        )
        written.append(path)
    return written


def write_change_tracks(
    folder: Path,
    windows: pd.DataFrame,
    change: np.ndarray,
    target: TargetSpec,
    *,
    sizes: Mapping[str, int],
) -> list[Path]:
    """Write the change of predicted signal as ``change.<condition>.bw``; `MERGE` tells what a base holds.

    Parameters
    ----------
    folder
        Where to.
    windows
        Columns `chrom` and `centre`.
    change
        Shape (windows, conditions, bins); see `Measured`.
    target
        Conditions and bins.
    sizes
        Chromosome sizes in bp.

    Returns
    -------
    list of Path
        The files.
    """
    places = windows.rename(columns={"centre": "tss"})
    paths = [folder / f"change.{group}.bw" for group in target.groups]
    for number, path in enumerate(paths):
        write_track(path, places, change[:, number], binning=target.binning, sizes=sizes)
    return paths
