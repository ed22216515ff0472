"""Runs that predict different windows, compared on the bins that all predict and each on its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from claster.analysis.bootstrap import resample_loci
from claster.analysis.prepare import Scored
from claster.analysis.samples import (
    annotated_genes,
    conditions_of,
    profiles,
    require_genes,
    scored_genes,
)
from claster.analysis.tables import LOG, RAW, make_tables
from claster.dataset.layout import DatasetFolders, read_genes_table, read_ids, read_targets
from claster.dataset.load import load_dataset
from claster.dataset.spec import DatasetSpec
from claster.eir.arrays import narrowed
from claster.eir.runs import RunFolder, read_predictions, read_run
from claster.eir.trained_on import predicted_by
from claster.errors import ClasterError
from claster.files import write_text
from claster.genome.windows import Binning
from claster.progress import SILENT, Progress
from claster.settings import Split

_BINS = {
    "CLASTER, chromatin": (0.8852, 0.7814),
    "CLASTER, chromatin and attention": (0.8808, 0.7815),
    "CLASTER, chromatin and rotated Micro-C": (0.8690, 0.7717),
    "CLASTER, chromatin and square Micro-C": (0.8025, 0.7066),
    "Enformer, embedding and head": (0.8739, 0.8067),
    "HyenaDNA 32k, fine-tuned": (0.7403, 0.7514),
}
_GENES = {
    "CLASTER, chromatin and rotated Micro-C": (0.8859, 0.9275),
    "Enformer, embedding and head": (0.7874, 0.9093),
    "HyenaDNA 32k, fine-tuned": (0.5247, 0.8053),
}
_WINDOWS = {"CLASTER": 401, "Enformer": 115, "HyenaDNA": 31}


def published_scores() -> pd.DataFrame:
    """Return the published scores of the sequence benchmark.

    Each model was scored on its own window (`bins` of 1 kb). Over bins the signal is log2(x + 1), over
    genes it is not logarithmic (Simpson's integral over whole bins, by their number). The heads of
    Enformer and HyenaDNA took positions for channels, and HyenaDNA was chosen on the test genes.

    Returns
    -------
    pandas.DataFrame
        Columns `method`, `level` (bin, paper), `metric` (pearson, spearman), `published`, `bins`.
    """
    rows = [
        (method, level, metric, value, _WINDOWS[method.split()[0].rstrip(",")])
        for level, scores in (("bin", _BINS), ("paper", _GENES))
        for method, pair in scores.items()
        for metric, value in zip(("pearson", "spearman"), pair, strict=True)
    ]
    return pd.DataFrame(rows, columns=["method", "level", "metric", "published", "bins"])


_COMMON, _OWN = "common", "own"
"""Which bins are scored: those that every run predicts, or all that the run itself does."""

_DECIMALS = 6
_MAIN = [("bin", LOG, "once"), ("gene", LOG, "all"), ("paper", RAW, "all")]
_PUBLISHED_AS = {
    "enformer_head": "Enformer, embedding and head",
    "hyenadna_small_32k_finetuned": "HyenaDNA 32k, fine-tuned",
    "pure_conv": "CLASTER, chromatin",
    "conv_attention": "CLASTER, chromatin and attention",
    "microc_rotated": "CLASTER, chromatin and rotated Micro-C",
    "microc_square": "CLASTER, chromatin and square Micro-C",
}


@dataclass(frozen=True)
class Compared:
    """Runs on the same genes.

    Attributes
    ----------
    scored
        Over the common bins, which are those of `target`.
    own
        Of each run: the same genes over its own bins, and these bins.
    scores
        Of `make_tables`, with the columns `window` (`_COMMON`, `_OWN`) and `bins`; differences (column
        `against`) are the first run's over each other one, on the common bins.
    flavours
        Of each run, by its name in `scores`.
    histories
        Path of `history.csv` of each run that has one.
    """

    scored: Scored
    target: Binning
    own: Mapping[str, tuple[Scored, Binning]]
    scores: pd.DataFrame
    flavours: Mapping[str, str]
    histories: Mapping[str, Path]

    def main_scores(self) -> pd.DataFrame:
        """Return the scores that are read first, a row a run, level and metric, published ones beside.

        Returns
        -------
        pandas.DataFrame
            Columns `method`, `condition`, `level` (``bin``: log2(x + 1), each kilobase once, pooled;
            ``gene``: log2(x + 1); ``paper``: the published gene value, not logarithmic), `metric` (pearson,
            spearman), `common`, `common_low`, `common_high` (95 % interval), `common_bins`, the same of
            `own`, and `published`: the published value of the model that it stands for, on its own window,
            of other data and with every bin counted; missing where there is none.
        """
        scores = self.scores.query(
            "against == '' and by == 'all' and how == 'pooled' and metric in ('pearson', 'spearman')"
        )
        chosen = pd.MultiIndex.from_tuples(_MAIN)
        main = pd.MultiIndex.from_frame(scores[["level", "scale", "counted"]]).isin(chosen)
        keys = ["method", "condition", "level", "metric"]
        sides = [
            scores[main & (scores["window"] == window)]
            .set_index(keys)[["value", "low", "high", "bins"]]
            .set_axis([window, f"{window}_low", f"{window}_high", f"{window}_bins"], axis=1)
            for window in (_COMMON, _OWN)
        ]
        table = pd.concat(sides, axis=1).reset_index()
        published = published_scores().set_index(["method", "level", "metric"])["published"]
        named = table["method"].map(self.flavours).map(_PUBLISHED_AS)
        places = pd.MultiIndex.from_arrays([named, table["level"], table["metric"]])
        return table.assign(published=published.reindex(places).to_numpy())


def compare_runs(
    runs: Sequence[RunFolder | Path | str],
    *,
    split: Split = "test",
    seed: int = 0,
    progress: Progress = SILENT,
) -> Compared:
    """Score runs of one dataset on the same genes and bins, with the same resamples.

    Predictions are joined by sample name and gene ID, never by order.

    Parameters
    ----------
    runs
        Run folders with predictions of `split`; the first is what differences are taken from.

    Raises
    ------
    ClasterError
        If there are fewer than two runs, they are of different datasets, two have one name, or
        predictions, targets and genes do not match one to one.
    """
    if len(runs) < 2:
        raise ClasterError("one run and nothing to compare it with", remedy="give two or more")
    folders_of = {run.path.name: run for run in map(RunFolder.of, runs)}
    if len(folders_of) < len(runs):
        raise ClasterError("two runs have the same name", remedy="give each run once")
    first = next(iter(folders_of.values()))
    records = {name: read_run(run) for name, run in folders_of.items()}
    datasets = {record.dataset_name for record in records.values()}
    if len(datasets) > 1:
        raise ClasterError(
            f"the runs were trained on different datasets ({', '.join(sorted(datasets))})",
            remedy="compare runs of one dataset",
        )
    whole = load_dataset(records[first.path.name].dataset, project=first.project)
    specs = {name: predicted_by(record, whole) for name, record in records.items()}
    tables = {name: read_predictions(run, split) for name, run in folders_of.items()}
    spec = narrowed(whole, min(spec.require_target().bins for spec in specs.values()))
    scored = _scored(spec, tables, split=split)
    # Blocks of the whole target window: the same genes are drawn together whatever is scored of them.
    resamples = resample_loci(
        scored.genes,
        whole.require_target().binning,
        length=whole.window.binning.width,
        seed=seed,
    )
    common = spec.require_target().binning
    made = make_tables(scored, common, resamples, progress=progress)
    parts = [made.scores.assign(window=_COMMON, bins=common.bins)]
    own = {}
    for name, part in specs.items():
        alone = _scored(part, {name: tables[name]}, split=split)
        bins = part.require_target().binning
        made = make_tables(alone, bins, resamples, progress=progress)
        parts.append(made.scores.assign(window=_OWN, bins=bins.bins))
        own[name] = alone, bins
    return Compared(
        scored,
        common,
        own,
        pd.concat(parts, ignore_index=True),
        {name: record.flavour for name, record in records.items()},
        {name: run.history for name, run in folders_of.items() if run.history.is_file()},
    )


def write_comparison(compared: Compared, folder: Path | str) -> Path:
    """Write `comparison.csv` (the main scores) and `scores.csv` (all) to a folder; return the first."""
    folder = Path(folder)
    for name, table in (("scores", compared.scores), ("comparison", compared.main_scores())):
        text = table.round(_DECIMALS).to_csv(index=False, lineterminator="\n")
        write_text(folder / f"{name}.csv", text)
    return folder / "comparison.csv"


def _scored(spec: DatasetSpec, tables: Mapping[str, pd.DataFrame], *, split: Split) -> Scored:
    folders = DatasetFolders.of(spec)
    folders.require_built()
    target = spec.require_target()
    genes = read_genes_table(folders, split=split)
    ids = read_ids(folders, split)
    require_genes(genes, ids, split=split)
    genes = scored_genes(genes)
    observed = profiles(
        read_targets(folders.target_table(split), transform=target.transform),
        genes,
        target,
        named=f"targets of the {split} split",
        remedy="build the dataset again",
    )
    methods = {
        name: profiles(
            table,
            genes,
            target,
            named=f"predictions of {name}",
            remedy=f"predict the {split} split with it again",
            only=ids,
        )
        for name, table in tables.items()
    }
    annotation = annotated_genes(folders)
    return Scored(
        genes, annotation, tuple(conditions_of(target)), observed, methods, next(iter(tables))
    )
