"""Genes explained one after the other, and what is kept of each."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from claster.analysis.attribution.blocks import Compared
from claster.analysis.attribution.explain import Attribution, Explainer
from claster.analysis.attribution.inputs import CONTACTS, read_window
from claster.analysis.attribution.locality import CentredMaps, CentredTracks
from claster.analysis.attribution.settings import METHODS, AttributionSettings, Baseline
from claster.analysis.attribution.targets import Explained
from claster.analysis.perturbation.candidates import PAIR_NAMES, describe_pairs, pair_elements
from claster.analysis.perturbation.edits import covered_bins
from claster.analysis.perturbation.settings import RESULT_NAMES
from claster.dataset.signal_settings import TargetSpec
from claster.errors import ClasterError
from claster.genome.windows import Binning
from claster.progress import Step

_COLUMNS = [
    *PAIR_NAMES,
    "distance_bp",
    "gene_distance_bp",
    "width_bp",
    "genes_between",
]


@dataclass(frozen=True)
class _Targets:
    """Linear functions of one gene's prediction.

    Attributes
    ----------
    bins
        Numbers of the bins in genome orientation, from the TSS, shape (bins,).
    weights
        float32, shape (bins + 1, groups, target bins): a bin each, and last the mean over the part of
        the gene inside the target window, edge bins counted by the share covered.
    """

    bins: np.ndarray
    weights: np.ndarray


def element_pairs(
    genes: pd.DataFrame, elements: pd.DataFrame, everyone: pd.DataFrame, *, reach: int
) -> pd.DataFrame:
    """Return gene and element a row, with the columns that `claster perturb` names them by.

    Parameters
    ----------
    genes
        Those that are explained.
    elements
        See `read_candidates`.
    everyone
        All genes that may lie between.
    reach
        An element counts when it lies whole within this many bp of the TSS.

    Raises
    ------
    ClasterError
        If there is no such pair.
    """
    pairs = pair_elements(genes, elements, reach=reach)
    if pairs.empty:
        raise ClasterError(
            f"none of {len(elements):,} elements lies whole within {reach:,} bp of one of "
            f"{len(genes):,} TSSs",
            remedy="provide elements on the chromosomes of that split, or choose another --split",
        )
    return describe_pairs(pairs, everyone).rename(columns=RESULT_NAMES)[_COLUMNS]


def _score_elements(
    pairs: pd.DataFrame, values: np.ndarray, binning: Binning, *, condition: str
) -> pd.DataFrame:
    """Sum attributions over the elements of one gene, edge bins counted by the share covered.

    Returns `pairs` with `condition`, `score` (sum of absolute values over tracks and bins) and
    `signed`.
    """
    scores, signed = [], []
    for row in pairs.itertuples():
        span = covered_bins(row.element_start - row.tss, row.element_end - row.tss, binning)
        covered = values[:, span.bins]
        scores.append(float((np.abs(covered) * span.shares).sum()))
        signed.append(float((covered * span.shares).sum()))
    return pairs.assign(condition=condition, score=scores, signed=signed)


@dataclass
class Gathered:
    """What is kept of the genes that were explained.

    Attributes
    ----------
    tracks, maps
        Sums by distance; None where the run sees no landscape, or no contact maps.
    compared
        Totals under other methods and baselines.
    pairs
        Elements that are scored, see `element_pairs`; None scores none.
    keep
        IDs of the genes that get bigWigs.
    genes, targets
        Rows of `genes.parquet` and `targets.parquet`.
    elements
        A table a gene, where elements are scored.
    profiles
        By gene ID: attribution of the gene's mean, (tracks, bins), of the genes in `keep`.
    """

    tracks: CentredTracks | None
    maps: CentredMaps | None
    compared: Compared
    pairs: pd.DataFrame | None = None
    keep: frozenset[str] = frozenset()
    genes: list[dict[str, object]] = field(default_factory=list)
    targets: list[pd.DataFrame] = field(default_factory=list)
    elements: list[pd.DataFrame] = field(default_factory=list)
    profiles: dict[str, np.ndarray] = field(default_factory=dict)


def explain_genes(
    genes: pd.DataFrame,
    explained: Explained,
    explainer: Explainer,
    baselines: Mapping[Baseline, Mapping[str, np.ndarray]],
    gathered: Gathered,
    *,
    settings: AttributionSettings,
    step: Step,
) -> None:
    """Explain genes into `gathered`.

    Parameters
    ----------
    genes
        Those of a split that are explained, their place in it as index, with `locus` and `compared`
        (whether other methods and baselines are tried).
    step
        Advances by genes.
    """
    spec, seen = explained.spec, explained.seen
    target = spec.require_target()
    for place, gene in genes.iterrows():
        gene_id, strand = str(gene["gene_id"]), str(gene["strand"])
        step.describe(str(gene["chrom"]))
        window = read_window(seen, spec, explained.folders, gene_id, split=settings.split)
        targets = _gene_targets(
            gene,
            target,
            condition=settings.condition,
            bins=settings.bins,
            seed=(settings.seed, int(str(place))),
        )
        found = explainer.explain(
            settings.method, window, baselines[settings.baselines[0]], targets.weights
        )
        if gathered.tracks is not None:
            values = found.values["landscape"]
            gathered.tracks.add(values[:-1], targets.bins, strand=strand, locus=int(gene["locus"]))
            if gene_id in gathered.keep:
                gathered.profiles[gene_id] = values[-1]
            if gathered.pairs is not None and seen.binning is not None:
                gathered.elements.append(
                    _score_elements(
                        gathered.pairs[gathered.pairs["gene_id"] == gene_id],
                        values[-1],
                        seen.binning,
                        condition=settings.condition,
                    )
                )
        if gathered.maps is not None:
            gathered.maps.add(found.values[CONTACTS][:-1], targets.bins, strand=strand)
        gathered.genes.append(_gene_row(gene, found, explainer))
        gathered.targets.append(_target_rows(gene_id, strand, targets, found))
        if gene["compared"]:
            _compare(found, explainer, window, baselines, targets, gathered.compared, settings)
        step.advance()


def _gene_targets(
    gene: pd.Series,
    target: TargetSpec,
    *,
    condition: str,
    bins: tuple[int, ...] | int | None,
    seed: tuple[int, int],
) -> _Targets:
    """Return what is attributed of a gene."""
    offsets = target.binning.offsets
    if isinstance(bins, int):
        chosen = np.sort(np.random.default_rng(seed).choice(offsets, bins, replace=False))
    elif bins is None:
        chosen = offsets
    else:
        chosen = np.asarray(bins) * (-1 if gene["strand"] == "-" else 1)
    group = target.groups.index(condition)
    weights = np.zeros((len(chosen) + 1, len(target.groups), target.bins), np.float32)
    weights[np.arange(len(chosen)), group, chosen + target.bins // 2] = 1
    tss = gene["tss"]
    span = covered_bins(int(gene["start"] - tss), int(gene["end"] - tss), target.binning)
    if not span.shares.size:
        raise ClasterError(
            f"gene {gene['gene_id']} has no base inside the target window",
            remedy="leave it out of --genes",
        )
    weights[-1, group, span.bins] = span.shares / span.shares.sum()
    return _Targets(chosen, weights)


def _compare(
    found: Attribution,
    explainer: Explainer,
    window: Mapping[str, np.ndarray],
    baselines: Mapping[Baseline, Mapping[str, np.ndarray]],
    targets: _Targets,
    compared: Compared,
    settings: AttributionSettings,
) -> None:
    """Explain one gene by the other methods, and against the other baselines."""
    main, *others = settings.baselines
    mine = _totals(found, explainer)
    for method in METHODS:
        if method != settings.method:
            other = explainer.explain(method, window, baselines[main], targets.weights)
            compared.add("method", method, mine, _totals(other, explainer))
    if settings.method == "gradient_x_input":  # it has no baseline
        return
    for name in others:
        other = explainer.explain(settings.method, window, baselines[name], targets.weights)
        compared.add("baseline", name, mine, _totals(other, explainer))


def _totals(found: Attribution, explainer: Explainer) -> np.ndarray:
    return explainer.grid.sums(found.values) if found.totals is None else found.totals


def _gene_row(gene: pd.Series, found: Attribution, explainer: Explainer) -> dict[str, object]:
    """Return what is told of a gene: about its mean over its body."""
    row: dict[str, object] = {
        "gene_id": gene["gene_id"],
        "gene_name": gene["name"],
        **{key: gene[key] for key in ("chrom", "tss", "strand")},
        "predicted": float(found.predicted[-1]),
        "change": float(found.change[-1]),
        "delta": float(found.delta[-1]),
        "largest_delta": float(np.abs(found.delta).max()),
    }
    for name in explainer.rows:
        number = None if name == CONTACTS else explainer.seen.tracks.index(name)
        values = found.values[CONTACTS if number is None else "landscape"][-1]
        values = values if number is None else values[number]
        row[f"absolute_{name}"] = float(np.abs(values).sum())
        row[f"signed_{name}"] = float(values.sum())
    return row


def _target_rows(gene_id: str, strand: str, targets: _Targets, found: Attribution) -> pd.DataFrame:
    bins = -targets.bins if strand == "-" else targets.bins
    return pd.DataFrame(
        {
            "gene_id": gene_id,
            "bin": pd.array([*bins.tolist(), None], dtype="Int64"),
            "predicted": found.predicted,
            "change": found.change,
            "delta": found.delta,
        }
    )
