"""What is attributed for which genes of a run, checked before anything is computed."""

import numpy as np
import pandas as pd

from claster.analysis.attribution.inputs import Explained
from claster.analysis.attribution.settings import (
    BASELINES,
    AttributeSettings,
    AttributionSettings,
)
from claster.dataset.signal_settings import TargetSpec
from claster.errors import ClasterError, choose_among
from claster.genome.gene_names import find_gene


def attribution_settings(asked: AttributeSettings, explained: Explained) -> AttributionSettings:
    """Return what gives an attribution its numbers by what is asked, with nothing left to choose.

    Raises
    ------
    ClasterError
        If there are no such bins, baseline, condition or tracks, or elements or bigWigs are asked of a run
        that sees no landscape.
    """
    seen, target = explained.seen, explained.spec.require_target()
    _require_bins(asked.bins, target)
    if (asked.elements is not None or asked.bigwig) and seen.binning is None:
        raise ClasterError(
            f"{explained.run.path} sees no landscape, so elements and bigWigs have no attribution",
            remedy="leave them out, or choose a run of a flavour with landscapes",
        )
    for name in asked.baselines:
        if name not in BASELINES:
            raise ClasterError(
                f"there is no baseline {name!r}", remedy=f"choose among {', '.join(BASELINES)}"
            )
    condition = target.groups[0] if asked.condition is None else asked.condition
    if condition not in target.groups:
        raise ClasterError(
            f"dataset {explained.spec.name!r} has no condition {condition!r}",
            remedy=choose_among(condition, target.groups),
        )
    for track in asked.tracks:
        if track not in seen.rows:
            raise ClasterError(
                f"the run sees no track {track!r}", remedy=choose_among(track, seen.rows)
            )
    return AttributionSettings.model_validate(
        asked.model_dump(include=set(AttributionSettings.model_fields))
        | {
            "baselines": tuple(dict.fromkeys(asked.baselines)) or BASELINES,
            "condition": condition,
            "tracks": tuple(row for row in seen.rows if row in (asked.tracks or seen.rows)),
            "reach": min(asked.reach, seen.binning.half) if seen.binning else asked.reach,
        }
    )


def _require_bins(bins: tuple[int, ...] | int | None, target: TargetSpec) -> None:
    """Raise `ClasterError` if there are no such bins, or not so many."""
    half = target.bins // 2
    if bins == ():
        raise ClasterError("no bin", remedy="give 'all', how many, or their numbers")
    if isinstance(bins, int) and not 1 <= bins <= target.bins:
        raise ClasterError(
            f"{bins:,} bins of {target.bins:,}", remedy=f"choose 1 to {target.bins:,}, or 'all'"
        )
    wrong = [number for number in bins if abs(number) > half] if isinstance(bins, tuple) else []
    if wrong:
        raise ClasterError(
            f"there is no bin {wrong[0]}", remedy=f"the bins are numbered {-half} to {half}"
        )


def choose_genes(
    genes: pd.DataFrame,
    wanted: tuple[str, ...] | int | None,
    also: tuple[str, ...],
    *,
    split: str,
    seed: int,
) -> pd.DataFrame:
    """Return the genes that are explained, in the split's order and with their places in it as index.

    Parameters
    ----------
    genes
        The genes of a split, with `gene_id` and `name`.
    wanted
        IDs or names, or how many, drawn without replacement; None for all.
    also
        IDs or names of genes that are added.

    Raises
    ------
    ClasterError
        If the split holds no gene, or not one of those named.
    """
    if genes.empty:
        raise ClasterError(f"the {split} split holds no gene", remedy="choose another --split")
    kept = np.zeros(len(genes), dtype=bool)
    if wanted is None:
        kept[:] = True
    elif isinstance(wanted, int):
        if wanted < 1:
            raise ClasterError(f"--genes must be 1 or more, not {wanted}", remedy="correct it")
        number = min(wanted, len(genes))
        kept[np.random.default_rng(seed).choice(len(genes), number, replace=False)] = True
    else:
        also = (*wanted, *also)
    for name in also:
        try:
            gene = find_gene(genes, name)
        except ClasterError as error:
            raise ClasterError(f"{split} split: {error.found}", remedy=error.remedy) from None
        kept |= (genes["gene_id"] == gene["gene_id"]).to_numpy()
    return genes.reset_index(drop=True)[kept]
