"""What a simulated genome says of an edit: which genes it changes, and by how much."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from claster.analysis.bootstrap import Resamples, resample_loci
from claster.analysis.perturbation.effects import log_effect, measured_regions
from claster.analysis.perturbation.folder import ScreenFiles
from claster.analysis.perturbation.settings import ScreenRecord, ScreenSettings
from claster.dataset.spec import DatasetSpec
from claster.eir.runs import RunFolder
from claster.errors import ClasterError
from claster.files import require_file
from claster.genome.assembly import read_chrom_sizes
from claster.genome.windows import Binning
from claster.progress import SILENT, Progress
from claster.quoting import pasteable
from claster.simulation import transcription as rules
from claster.simulation.layout import STEP
from claster.text import read_parquet, read_record, read_table

_PLANTED_COLUMNS = ["planted", "link", "planted_baseline", "planted_effect"]

_PROMOTER_MARKS = ("ATAC", "H3K4me3", "H3K27ac")
_MOST = 0.5
"""Share of an enhancer that an edit has to take for the pair to be a link."""

_MARGIN = 100_000
"""bp around changed genes and elements beyond which their transcription has faded."""


@dataclass(frozen=True)
class Planted:
    """The rules that were planted in a simulated genome.

    Attributes
    ----------
    genes
        `truth/genes.tsv`, a gene a row.
    elements
        Enhancers and decoys, one a row: `element_id`, `chrom`, `kind`, `centre` (bp) and
        `H3K27ac_<condition>`.
    links
        Pairs of element and gene: `element_id`, `gene_id`, `gain_<condition>`.
    sizes
        Chromosome sizes in bp.
    """

    genes: pd.DataFrame
    elements: pd.DataFrame
    links: pd.DataFrame
    sizes: dict[str, int]


def read_planted(spec: DatasetSpec) -> Planted:
    """Read the truth tables of a simulated dataset; any other one is refused."""
    remedy = "validate on a simulated genome ('claster simulate'), or use 'claster crispr'"
    folder = spec.data_folder
    genes, elements = (
        read_table(folder / "truth" / name, named="planted truth", remedy=remedy)
        for name in ("genes.tsv", "elements.tsv")
    )
    elements["centre"] = (elements["start"] + elements["end"]) // 2
    return Planted(
        genes,
        elements.drop_duplicates("element_id").reset_index(drop=True),
        elements,
        read_chrom_sizes(folder / "chrom.sizes"),
    )


def planted_effects(
    pairs: pd.DataFrame,
    planted: Planted,
    *,
    settings: ScreenSettings,
    condition: str,
    reach: int,
) -> pd.DataFrame:
    """Return what the planted rules say of the edits of a screen, on the scale of its effects.

    The noise-free transcription is computed again without the marks that the edit takes away, and the mean
    over the gene's body (or around its TSS, as in the screen) is compared as `claster perturb` compares
    predicted means. An enhancer loses the share of its gain that the edited stretch covers of it; a promoter
    is edited where its TSS lies in the stretch.

    Parameters
    ----------
    pairs
        Effects of one dose: `chrom`, `gene_id`, `element_start`, `element_end`.
    condition
        ``ctrl`` or ``a485``.
    reach
        bp from the TSS up to which a gene is measured.

    Returns
    -------
    pandas.DataFrame
        Index of `pairs`; `planted` (``proximal`` or ``contact`` for an
        enhancer of that gene, ``promoter`` for its own, ``decoy``, ``other gene`` for elements of others,
        ``none``), `link` (whether the stretch takes at least half of an enhancer of that gene),
        `planted_baseline` (mean signal of the gene) and `planted_effect` (log2).

    Raises
    ------
    ClasterError
        If the verb moves marks, for which no rule is planted, or the rules know no such condition.
    """
    if condition not in rules.CONDITIONS:
        raise ClasterError(
            f"no rule is planted for the condition {condition!r}",
            remedy=f"name conditions {' or '.join(rules.CONDITIONS)} in the dataset's YAML",
        )
    if settings.edit.verb not in ("silence", "background", "repress"):
        raise ClasterError(
            f"what {settings.edit.verb!r} changes is not planted",
            remedy="validate a screen that silences: --verb silence, background or repress",
        )
    found = [
        _of_chromosome(rows, planted, str(chrom), settings, condition, reach)
        for chrom, rows in pairs.groupby("chrom", sort=False)
    ]
    return pd.concat(found).loc[pairs.index, _PLANTED_COLUMNS]


def _of_chromosome(
    pairs: pd.DataFrame,
    planted: Planted,
    chrom: str,
    settings: ScreenSettings,
    condition: str,
    reach: int,
) -> pd.DataFrame:
    genes = planted.genes[planted.genes["chrom"] == chrom].reset_index(drop=True)
    elements = planted.elements[planted.elements["chrom"] == chrom].reset_index(drop=True)
    links = planted.links[planted.links["chrom"] == chrom]
    sums = _sums(rules.expected_nascent(genes, elements, planted.sizes[chrom], condition))
    measured = measured_regions(genes, settings.around_tss)
    measured = measured.set_index("gene_id").loc[pairs["gene_id"]]
    low = np.maximum(measured["start"], measured["tss"] - reach).to_numpy()
    high = np.minimum(measured["end"], measured["tss"] + reach).to_numpy()
    kept = pd.DataFrame(
        {"planted": "none", "link": False, "planted_baseline": np.nan, "planted_effect": 0.0},
        index=pairs.index,
    )
    kept["planted_baseline"] = _means(sums, low, high)
    for (start, end), same in pairs.groupby(["element_start", "element_end"], sort=False):
        covered = elements["end"].clip(upper=end) - elements["start"].clip(lower=start)
        inside = elements.assign(share=covered / (elements["end"] - elements["start"]))
        inside = inside[inside["share"] > 0]
        own = genes["tss"].between(start, end, inclusive="left")
        if inside.empty and not own.any():
            continue
        acting = links.merge(inside[["element_id", "share"]], on="element_id")
        acting["lost"] = acting[f"gain_{condition}"] * acting["share"]
        inside = inside.assign(gone=-inside[f"H3K27ac_{condition}"] * inside["share"])
        most = inside[inside["share"] >= _MOST]
        of_pairs = same["gene_id"]
        kinds = pd.Series("none", index=same.index)
        if (most["kind"] != "decoy").any():
            kinds[:] = "other gene"
        elif len(most):
            kinds[:] = "decoy"
        linked = acting[(acting["lost"] > 0) & (acting["share"] >= _MOST)]
        linked = linked.drop_duplicates("gene_id").set_index("gene_id")["kind"]
        is_link = of_pairs.isin(linked.index)
        kinds[is_link] = of_pairs[is_link].map(linked)
        kinds[of_pairs.isin(genes.loc[own, "gene_id"])] = "promoter"
        change, origin = _change(genes, inside, own, acting, settings, condition)
        at = kept.index.get_indexer(same.index)
        before = kept["planted_baseline"].to_numpy()[at]
        after = before + _means(change, low[at] - origin, high[at] - origin)
        kept.loc[same.index, "planted"] = kinds
        kept.loc[same.index, "link"] = is_link
        kept.loc[same.index, "planted_effect"] = log_effect(
            after, before, pseudocount=settings.pseudocount
        )
    return kept


def _change(
    genes: pd.DataFrame,
    inside: pd.DataFrame,
    own: pd.Series,
    acting: pd.DataFrame,
    settings: ScreenSettings,
    condition: str,
) -> tuple[np.ndarray, int]:
    """Return the running sum of the change of transcription, and the base that it begins at."""
    edit = settings.edit
    lost = acting.groupby("gene_id")["lost"].sum()
    touched = own | genes["gene_id"].isin(lost.index[lost > 0])
    genes, own = genes[touched], own[touched]
    gain = genes[f"gain_{condition}"].copy()
    activity, repressed = genes[f"activity_{condition}"].copy(), genes["repression"].copy()
    acetyl = "H3K27ac" in edit.tracks
    if acetyl:
        gain -= genes["gene_id"].map(lost).fillna(0.0)
    if set(edit.tracks) & set(_PROMOTER_MARKS):
        activity[own] = 0.0
    if "H3K27me3" in edit.tracks:
        repressed[own] = 1.0
    if edit.verb == "repress" and edit.gain_track == "H3K27me3":
        repressed[own] = rules.repression(np.maximum(genes.loc[own, "H3K27me3"], edit.gain or 0.0))
    level = rules.gene_levels(activity, repressed, gain, genes.get("ceiling", np.inf))
    changed = genes.assign(**{f"level_{condition}": level - genes[f"level_{condition}"]})
    changed = changed[changed[f"level_{condition}"] != 0]
    gone = inside.assign(**{f"H3K27ac_{condition}": inside["gone"] * acetyl})
    places = np.concatenate([changed["start"], changed["end"], gone["centre"]])
    if not places.size:
        return np.zeros(2), 0
    # The sums keep to the grid of steps that the whole chromosome has.
    origin = max(int(places.min()) - _MARGIN, 0) // STEP * STEP
    size = (int(places.max()) + _MARGIN - origin) // STEP * STEP
    moved = {name: changed[name] - origin for name in ("start", "end", "tss")}
    signal = rules.expected_nascent(
        changed.assign(**moved), gone.assign(centre=gone["centre"] - origin), size, condition
    )
    return _sums({side: values - rules.BACKGROUND for side, values in signal.items()}), origin


def _sums(signal: dict[str, np.ndarray]) -> np.ndarray:
    """Return transcription of both strands summed over all bases left of each step's edge."""
    return np.concatenate([[0.0], np.cumsum(signal["plus"] + signal["minus"])]) * STEP


def _means(sums: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    edges = np.arange(sums.size) * STEP
    return (np.interp(high, edges, sums) - np.interp(low, edges, sums)) / (high - low)


@dataclass(frozen=True)
class PlantedScreen:
    """A screen beside the planted rules, of one condition.

    Attributes
    ----------
    pairs
        Its effects of single elements, and the columns of `planted_effects`.
    resamples
        Resamples of the loci of `pairs`.
    """

    name: str
    settings: ScreenSettings
    pairs: pd.DataFrame
    controls: pd.DataFrame
    resamples: Resamples


def read_planted_screen(
    run: RunFolder,
    name: str,
    planted: Planted,
    *,
    condition: str,
    binning: Binning,
    seed: int = 0,
    progress: Progress = SILENT,
) -> PlantedScreen:
    """Read a finished screen, and compute what the planted rules say of its edits.

    Parameters
    ----------
    run, name
        The screen ``<run>/perturb/<name>``.
    binning
        The bins of the target window.
    """
    record, effects, controls = read_screen(run, name)
    settings = record.identity.settings
    effects = effects[effects["condition"] == condition].reset_index(drop=True)
    with progress.step("planted effects") as step:
        step.describe(f"transcription without what {name} takes away")
        truth = planted_effects(
            effects, planted, settings=settings, condition=condition, reach=binning.half
        )
    return PlantedScreen(
        name,
        settings,
        effects.join(truth),
        controls[controls["condition"] == condition],
        resample_loci(effects, binning, seed=seed),
    )


def read_screen(run: RunFolder, name: str) -> tuple[ScreenRecord, pd.DataFrame, pd.DataFrame]:
    """Return the record of a finished screen, its effects of single elements, and its controls."""
    files = ScreenFiles(run.path / "perturb" / name)
    require_file(
        files.manifest,
        named="screen",
        remedy=f"run '{pasteable(['claster', 'perturb', run.path, '--name', name])}' to its end",
    )
    record = read_record(files.manifest, ScreenRecord, remedy="run the screen again with --force")
    effects = read_parquet(files.effects)
    return record, effects[effects["partner_id"] == ""], read_parquet(files.controls)
