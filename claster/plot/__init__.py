"""Figures: each function draws with matplotlib's `Figure` and returns ``(fig, axes)``.

Nothing here touches pyplot or the global settings, so figures do not leak between callers.
"""

from claster.plot.arcs import element_arcs
from claster.plot.calibration import calibration_curve
from claster.plot.contacts import contact_map
from claster.plot.elements import element_map
from claster.plot.gene_tracks import gene_tracks
from claster.plot.genes import genes_around
from claster.plot.overview import overview
from claster.plot.perturbation import edited_profiles, effect_by_distance, most_affected_genes
from claster.plot.predictions import density, gene_scatter, profile
from claster.plot.scores import score_bars, score_by_bin, score_by_stratum
from claster.plot.sequence import (
    comparison_bars,
    learning_curves,
    model_densities,
    pearson_spearman,
    profile_panels,
)
from claster.plot.style import OKABE_ITO, save, style
from claster.plot.tracks import landscape_tracks
from claster.plot.training import learning_curve

__all__ = [
    "OKABE_ITO",
    "calibration_curve",
    "comparison_bars",
    "contact_map",
    "density",
    "edited_profiles",
    "effect_by_distance",
    "element_arcs",
    "element_map",
    "gene_scatter",
    "gene_tracks",
    "genes_around",
    "landscape_tracks",
    "learning_curve",
    "learning_curves",
    "model_densities",
    "most_affected_genes",
    "overview",
    "pearson_spearman",
    "profile",
    "profile_panels",
    "save",
    "score_bars",
    "score_by_bin",
    "score_by_stratum",
    "style",
]
