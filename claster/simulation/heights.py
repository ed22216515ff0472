"""Heights of the marks at promoters, enhancers and in repressed domains."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from claster.simulation.transcription import FloatArray

MARKS = ("ATAC", "H3K4me3", "H3K27ac", "H3K27me3")

_PROMOTER_MEDIANS = {"ATAC": 60.0, "H3K4me3": 70.0, "H3K27ac": 45.0}
_CLOSED_MEDIANS = {"ATAC": 1.5, "H3K4me3": 1.0, "H3K27ac": 0.8}
_POISED_MEDIANS = {"ATAC": 12.0, "H3K4me3": 25.0, "H3K27ac": 3.0}
_SPREADS = {"ATAC": 0.55, "H3K4me3": 0.55, "H3K27ac": 0.6}


def draw_promoters(rng: np.random.Generator, genes: pd.DataFrame) -> pd.DataFrame:
    """Draw heights and widths of the peaks at start sites, in both conditions.

    Parameters
    ----------
    rng
        Source of chance.
    genes
        gene_type and state ("active", "closed" or "poised").

    Returns
    -------
    pandas.DataFrame
        <mark>_<condition> and width_<mark> (a factor near 1) for ATAC, H3K4me3 and H3K27ac.
        CBP/p300 inhibition takes about two thirds of H3K27ac and leaves the rest nearly alone.
    """
    count = len(genes)
    shared = rng.standard_normal(count)
    state = genes["state"].to_numpy()
    weaker = np.where(genes["gene_type"].to_numpy() == "lincRNA", 0.6, 1.0)
    drawn: dict[str, FloatArray] = {}
    for mark in ("ATAC", "H3K4me3", "H3K27ac"):
        median = np.select(
            [state == "closed", state == "poised"],
            [_CLOSED_MEDIANS[mark], _POISED_MEDIANS[mark]],
            _PROMOTER_MEDIANS[mark],
        )
        own = rng.standard_normal(count)
        latent = 0.85 * shared + np.sqrt(1 - 0.85**2) * own
        height = np.clip(median * weaker * np.exp(_SPREADS[mark] * latent), 0.2, 600.0)
        kept = {"ATAC": 0.95, "H3K4me3": 0.97, "H3K27ac": 0.35}[mark]
        drawn[f"{mark}_ctrl"] = height
        drawn[f"{mark}_a485"] = height * kept * np.exp(rng.normal(0.0, 0.08, count))
        drawn[f"width_{mark}"] = np.exp(rng.normal(0.0, 0.2, count))
    return pd.DataFrame(drawn, index=genes.index)


def draw_enhancers(rng: np.random.Generator, count: int) -> pd.DataFrame:
    """Draw heights and widths of the peaks at `count` distal elements, in both conditions.

    Returns
    -------
    pandas.DataFrame
        The columns of `draw_promoters`; H3K4me3 is low, and inhibition leaves about a fifth of
        H3K27ac.
    """
    shared = rng.standard_normal(count)
    acetyl = np.clip(30.0 * np.exp(0.55 * shared), 8.0, 200.0)
    heights = {
        "ATAC": np.clip(
            32.0 * np.exp(0.5 * (0.7 * shared + 0.714 * rng.standard_normal(count))), 6.0, 200.0
        ),
        "H3K4me3": 0.07 * acetyl * np.exp(rng.normal(0.0, 0.3, count)),
        "H3K27ac": acetyl,
    }
    kept = {"ATAC": 0.92, "H3K4me3": 0.9, "H3K27ac": 0.2}
    drawn: dict[str, FloatArray] = {}
    for mark, height in heights.items():
        drawn[f"{mark}_ctrl"] = height
        drawn[f"{mark}_a485"] = height * kept[mark] * np.exp(rng.normal(0.0, 0.15, count))
        drawn[f"width_{mark}"] = np.exp(rng.normal(0.0, 0.15, count))
    return pd.DataFrame(drawn)


def domain_height(domains: pd.DataFrame, positions: npt.ArrayLike) -> FloatArray:
    """Return the height of H3K27me3 domains at positions in bp; the edges are 1 kb soft."""
    where = np.asarray(positions, dtype=float)
    height = np.zeros(where.shape)
    for start, end, top in zip(domains["start"], domains["end"], domains["height"], strict=True):
        near = (where > start - 12_000) & (where < end + 12_000)
        inside = where[near]
        rise = 1.0 / (1.0 + np.exp(-(inside - start) / 1_000.0))
        fall = 1.0 / (1.0 + np.exp((inside - end) / 1_000.0))
        height[near] = np.maximum(height[near], top * rise * fall)
    return height
