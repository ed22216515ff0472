"""Genes that lose the H3K27me3 around their TSS, against planted repression."""

import pandas as pd

from claster.analysis.perturbation.settings import ScreenSettings
from claster.analysis.summary import Score
from claster.analysis.validation.agreement import SMALL, compare_effects
from claster.analysis.validation.links import score_links
from claster.analysis.validation.result import Repression
from claster.analysis.validation.screens import PlantedScreen
from claster.errors import ClasterError

__all__ = ["REPRESSIVE", "compare_repression", "lifts_repression"]

REPRESSIVE = "H3K27me3"

_KEPT = [
    *(
        "gene_id",
        "gene_name",
        "chrom",
        "tss",
        "strand",
        "element_id",
        "element_start",
        "element_end",
    ),
    *("baseline", "planted_baseline", "effect", "planted_effect"),
]


def lifts_repression(settings: ScreenSettings) -> bool:
    """Tell whether a screen takes H3K27me3 away, and nothing else."""
    return settings.edit.tracks == (REPRESSIVE,) and settings.edit.verb != "repress"


def compare_repression(screen: PlantedScreen) -> tuple[Repression, pd.DataFrame]:
    """Compare predicted and planted effects of genes that lose the H3K27me3 around their TSS.

    Parameters
    ----------
    screen
        One that `lifts_repression`, beside the planted rules. Of each gene the stretch counts whose middle is
        nearest among those that hold its TSS.

    Returns
    -------
    numbers : Repression
    genes : pandas.DataFrame
        A gene a row: predicted and planted baseline and effect, and whether it is `repressed`, that is, its
        planted effect is above 0.01 (log2).

    Raises
    ------
    ClasterError
        If no stretch holds the TSS of its gene.
    """
    pairs = screen.pairs[screen.pairs["planted"] == "promoter"]
    if pairs.empty:
        raise ClasterError(
            f"no stretch of {screen.name!r} holds the TSS of a gene, and {REPRESSIVE} acts there",
            remedy="screen stretches around TSSs",
        )
    nearest = pairs["distance_bp"].abs().groupby(pairs["gene_id"], sort=False).idxmin().to_numpy()
    genes = pairs.loc[nearest]
    resamples = screen.resamples.of(nearest)
    repressed = (genes["planted_effect"] > SMALL).to_numpy()
    among = compare_effects(genes[repressed], resamples.of(repressed))
    area = score_links(repressed, {"effect": genes["effect"].to_numpy()}, resamples)
    auroc = area.set_index("metric").loc["auroc"]
    numbers = Repression(
        screen=screen.name,
        genes=len(genes),
        repressed=int(repressed.sum()),
        spearman=_score(compare_effects(genes, resamples), "spearman"),
        spearman_of_repressed=_score(among, "spearman"),
        share=_score(among, "share"),
        auroc=Score(value=auroc["value"], low=auroc["low"], high=auroc["high"]),
        median_of_others=genes["effect"][~repressed].median(),
    )
    return numbers, genes[_KEPT].assign(repressed=repressed)


def _score(found: dict[str, float], name: str) -> Score:
    return Score(value=found[name], low=found[f"{name}_low"], high=found[f"{name}_high"])
