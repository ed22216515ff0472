"""The genes that are explained, one after the other, and what is kept of each."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pandas as pd

from claster.analysis.attribution.explain import Attribution, Explainer
from claster.analysis.attribution.inputs import CONTACTS, Explained, read_window
from claster.analysis.attribution.locality import CentredMaps, CentredTracks
from claster.analysis.attribution.settings import METHODS, AttributionSettings, Baseline, Method
from claster.analysis.perturbation.candidates import PAIR_NAMES, describe_pairs, pair_elements
from claster.analysis.perturbation.edits import covered_bins
from claster.analysis.perturbation.settings import RESULT_NAMES
from claster.dataset.signal_settings import TargetSpec
from claster.errors import ClasterError
from claster.genome.gene_names import find_gene
from claster.genome.windows import Binning
from claster.progress import Step

_COLUMNS = [*PAIR_NAMES, "distance_bp", "gene_distance_bp", "width_bp", "genes_between"]


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


def element_pairs(
    genes: pd.DataFrame, elements: pd.DataFrame, everyone: pd.DataFrame, *, reach: int
) -> pd.DataFrame:
    """Return explained gene and element a row (`pair_elements`), with the columns of `claster perturb`.

    `everyone` are all genes that may lie between.

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
    labels, compared
        The track of each block, and totals under other methods and baselines; see `agreement_table`.
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
    labels: np.ndarray
    pairs: pd.DataFrame | None = None
    keep: frozenset[str] = frozenset()
    genes: list[dict[str, object]] = field(default_factory=list)
    targets: list[pd.DataFrame] = field(default_factory=list)
    elements: list[pd.DataFrame] = field(default_factory=list)
    profiles: dict[str, np.ndarray] = field(default_factory=dict)
    compared: defaultdict[tuple[str, str], list[tuple[np.ndarray, np.ndarray]]] = field(
        default_factory=lambda: defaultdict(list)
    )


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
    seen, target = explained.seen, explained.spec.require_target()
    for place, gene in genes.iterrows():
        gene_id, strand = str(gene["gene_id"]), str(gene["strand"])
        step.describe(str(gene["chrom"]))
        window = read_window(explained, gene_id, split=settings.split)
        bins, weights = _gene_targets(
            gene,
            target,
            condition=settings.condition,
            bins=settings.bins,
            seed=(settings.seed, int(str(place))),
        )
        explain = partial(explainer.explain, window=window, weights=weights)
        found = explain(settings.method, baseline=baselines[settings.baselines[0]])
        if gathered.tracks is not None:
            values = found.values["landscape"]
            gathered.tracks.add(values[:-1], bins, strand=strand, locus=int(gene["locus"]))
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
            gathered.maps.add(found.values[CONTACTS][:-1], bins, strand=strand)
        gathered.genes.append(_gene_row(gene, found, explainer))
        gathered.targets.append(_target_rows(gene_id, strand, bins, found))
        if gene["compared"]:
            mine = _totals(found, explainer)
            for way, method, baseline in _other_ways(settings):
                other = explain(method, baseline=baselines[baseline])
                gathered.compared[way].append((mine, _totals(other, explainer)))
        step.advance()


def _gene_targets(
    gene: pd.Series,
    target: TargetSpec,
    *,
    condition: str,
    bins: tuple[int, ...] | int | None,
    seed: tuple[int, int],
) -> tuple[np.ndarray, np.ndarray]:
    """Return what is attributed of a gene: linear functions of its prediction.

    Returns the numbers of bins in genome orientation, from the TSS; and weights, float32, shape (bins + 1,
    groups, target bins): a bin each, and last the mean over the part of the gene inside the target window,
    edge bins counted by the share covered.
    """
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
    return chosen, weights


def _other_ways(
    settings: AttributionSettings,
) -> list[tuple[tuple[str, str], Method, Baseline]]:
    """Return what a gene is explained by too: name, method and baseline of each."""
    main, *others = settings.baselines
    ways: list[tuple[tuple[str, str], Method, Baseline]] = [
        (("method", method), method, main) for method in METHODS if method != settings.method
    ]
    if settings.method != "gradient_x_input":  # it has no baseline
        ways += [(("baseline", name), settings.method, name) for name in others]
    return ways


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
        if name == CONTACTS:
            values = found.values[CONTACTS][-1]
        else:
            values = found.values["landscape"][-1, explainer.seen.tracks.index(name)]
        row[f"absolute_{name}"] = float(np.abs(values).sum())
        row[f"signed_{name}"] = float(values.sum())
    return row


def _target_rows(gene_id: str, strand: str, bins: np.ndarray, found: Attribution) -> pd.DataFrame:
    bins = -bins if strand == "-" else bins
    return pd.DataFrame(
        {
            "gene_id": gene_id,
            "bin": pd.array([*bins.tolist(), None], dtype="Int64"),
            "predicted": found.predicted,
            "change": found.change,
            "delta": found.delta,
        }
    )
