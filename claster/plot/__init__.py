"""Figures: each function draws with matplotlib's `Figure` and returns ``(fig, axes)``.

`ax` is where to draw; without it a figure is made. A colour bar has axes of its own.

Nothing here touches pyplot or the global settings, so figures do not leak between callers.
"""

from claster.plot.attribution import (
    attribution_by_distance,
    attribution_locality,
    attribution_map,
    filter_images,
)
from claster.plot.contacts import contact_map
from claster.plot.elements import element_arcs, element_map
from claster.plot.overview import GeneArrays, gene_tracks, overview
from claster.plot.perturbation import (
    edited_profiles,
    effect_by_distance,
    most_affected_genes,
    state_cloud,
)
from claster.plot.predictions import density, gene_scatter, profile
from claster.plot.scores import (
    calibration_curve,
    learning_curve,
    score_bars,
    score_by_bin,
    score_by_stratum,
)
from claster.plot.sequence import (
    comparison_bars,
    learning_curves,
    model_densities,
    pearson_spearman,
    profile_panels,
)
from claster.plot.style import OKABE_ITO, save, style
from claster.plot.tracks import genes_around, landscape_tracks
from claster.plot.validation import (
    change_of_genes,
    control_p_values,
    lifted_repression,
    link_curves,
    measured_against_predicted,
    planted_against_predicted,
    recovered_by_distance,
)

__all__ = [
    "OKABE_ITO",
    "GeneArrays",
    "attribution_by_distance",
    "attribution_locality",
    "attribution_map",
    "calibration_curve",
    "change_of_genes",
    "comparison_bars",
    "contact_map",
    "control_p_values",
    "density",
    "edited_profiles",
    "effect_by_distance",
    "element_arcs",
    "element_map",
    "filter_images",
    "gene_scatter",
    "gene_tracks",
    "genes_around",
    "landscape_tracks",
    "learning_curve",
    "learning_curves",
    "lifted_repression",
    "link_curves",
    "measured_against_predicted",
    "model_densities",
    "most_affected_genes",
    "overview",
    "pearson_spearman",
    "planted_against_predicted",
    "profile",
    "profile_panels",
    "recovered_by_distance",
    "save",
    "score_bars",
    "score_by_bin",
    "score_by_stratum",
    "state_cloud",
    "style",
]
