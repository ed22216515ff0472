"""What a figure is drawn from: a built dataset and the runs on it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from claster.analysis.metrics import correlations
from claster.dataset.layout import DatasetFolders, read_arrays, read_genes_table, read_targets
from claster.dataset.load import load_dataset
from claster.dataset.manifest import require_manifest
from claster.dataset.scale import track_divisors
from claster.dataset.signal_settings import TargetSpec
from claster.dataset.spec import DatasetSpec
from claster.dataset.track_scales import read_landscapes
from claster.dataset.views import network_window, readable
from claster.eir.runs import RunFolder, read_predictions, read_run, run_views
from claster.eir.trained_on import predicted_by
from claster.errors import ClasterError
from claster.genome.gene_names import find_gene, genes_called
from claster.genome.windows import FORWARD, REVERSE, sample_id
from claster.quoting import pasteable
from claster.settings import Split


@dataclass(frozen=True)
class Profiles:
    """Observed and predicted signal (reads, genes x bins) of forward samples in the first condition."""

    genes: pd.DataFrame
    observed: np.ndarray
    predicted: np.ndarray


@dataclass(frozen=True)
class Context:
    """A dataset, its runs, and what has been read of them.

    Attributes
    ----------
    runs
        Runs that read landscapes or contact maps; the first one is the main one.
    named
        How commands name the dataset; default: its own name.
    sequence_runs
        Runs that read DNA alone; they predict the central bins of the target.
    """

    spec: DatasetSpec
    runs: tuple[RunFolder, ...] = ()
    named: str = ""
    sequence_runs: tuple[RunFolder, ...] = ()
    _known: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def dataset(self) -> str:
        """The dataset as commands name it."""
        return self.named or self.spec.name

    @property
    def folders(self) -> DatasetFolders:
        """Where the dataset was built."""
        return DatasetFolders.of(self.spec)

    @property
    def target(self) -> TargetSpec:
        """Conditions and bins."""
        return self.spec.require_target()

    @property
    def run(self) -> RunFolder:
        """The main run.

        Raises
        ------
        ClasterError
            If there is none.
        """
        return self.require_runs()[0]

    def require_runs(self) -> tuple[RunFolder, ...]:
        """Return the runs, of which there must be one."""
        if not self.runs:
            raise ClasterError(
                f"no run of dataset {self.spec.name!r} is complete",
                remedy=f"claster train pure_conv --dataset {self.dataset}",
            )
        return self.runs

    def known(self, key: object, read: Callable[[], Any]) -> Any:  # noqa: ANN401
        """Return what `read` returns; read once."""
        if key not in self._known:
            self._known[key] = read()
        return self._known[key]

    def genes(self, split: Split | None = None) -> pd.DataFrame:
        """Return the kept genes (`read_genes_table`)."""
        table = self.known("genes", lambda: read_genes_table(self.folders))
        return table if split is None else table[table["split"] == split].reset_index(drop=True)

    def gene(self, *names: str, split: Split | None = None) -> pd.Series:
        """Return a gene of the table: the first of these names or IDs that is there, else an example.

        The example is the dataset's own; where that gene is not in `split`, the gene of the split with
        the most transcription.
        """
        genes = self.genes(split)
        for found in genes_called(genes, [*names, self.spec.example_gene or ""]):
            if len(found) == 1:
                return find_gene(genes, found[0])
        observed = self.observed(split or "test")
        genes = self.genes(split or "test")
        return genes.iloc[int(observed.mean(axis=1).argmax())]

    def observed(self, split: Split, *, rev: bool = False) -> np.ndarray:
        """Return the targets of a split: reads, shape (genes, bins), the first condition."""
        path = self.folders.target_table(split)
        table = self.known(path, lambda: read_targets(path, transform=self.target.transform))
        way = REVERSE if rev else FORWARD
        samples = [sample_id(gene, way) for gene in self.genes(split)["gene_id"]]
        return table.loc[samples, self.columns].to_numpy()

    def observed_profile(self, gene: pd.Series, *, rev: bool = False) -> np.ndarray:
        """Return the target of one gene: reads, shape (bins,), the first condition."""
        row = self.genes(gene["split"])["gene_id"].eq(gene["gene_id"]).to_numpy().argmax()
        return self.observed(gene["split"], rev=rev)[row]

    @property
    def columns(self) -> list[str]:
        """Target columns of the first condition."""
        return self.target.columns[: self.target.bins]

    def profiles(self, split: Split, run: RunFolder | None = None) -> Profiles:
        """Return what was observed and what a run (the main one by default) predicts."""
        chosen = run or self.run
        table = self.known((chosen.path, split), lambda: read_predictions(chosen, split))
        genes = self.genes(split)
        samples = [sample_id(gene, FORWARD) for gene in genes["gene_id"]]
        missing = set(samples) - set(table.index)
        if missing or list(table.columns) != self.target.columns:
            raise ClasterError(
                f"{chosen.predictions(split)} does not hold the {split} samples of {self.spec.name!r}",
                remedy=pasteable(["claster", "predict", chosen.path, "--split", split]),
            )
        return Profiles(genes, self.observed(split), table.loc[samples, self.columns].to_numpy())

    def landscape(self, gene: pd.Series, *, rev: bool = False) -> np.ndarray:
        """Return the landscape of a gene as signal, shape (tracks, bins)."""
        named = [gene["gene_id"]]
        return read_landscapes(self.folders, self.spec, named, split=gene["split"], rev=rev)[0]

    def contact_map(self, gene: pd.Series) -> np.ndarray:
        """Return the contact map of a gene as built."""
        named = [gene["gene_id"]]
        return read_arrays(self.folders, named, split=gene["split"], modality="contacts")[0]

    def predict(self, landscapes: np.ndarray, gene: pd.Series) -> np.ndarray:
        """Predict whole landscapes of a gene with the main run, in memory.

        Parameters
        ----------
        landscapes
            As built, shape (samples, tracks, bins); a contact map is the gene's own.

        Returns
        -------
        numpy.ndarray
            Signal (reads) of the first condition, shape (samples, bins); it may lie below 0.
        """
        from claster.eir.inference import load_model, predict_arrays  # EIR: many seconds

        model = self.known(("model", self.run.path), lambda: load_model(self.run))
        views = run_views(self.run)
        has_map = "contacts" in readable(views.values(), self.spec)
        window = {"contacts": self.contact_map(gene)} if has_map else {}
        read = [
            network_window(views, {**window, "landscape": array}, self.spec, model.spec)
            for array in landscapes
        ]
        parts = {name: np.stack([given[name] for given in read]) for name in views}
        return predict_arrays(
            model,
            landscape=parts.get("landscape"),
            contacts=parts.get("contacts"),
            activity=parts.get("activity"),
        )[:, 0]

    def stored_landscape(self, gene: pd.Series) -> np.ndarray:
        """Return the landscape of a gene as built, shape (tracks, bins)."""
        return read_arrays(self.folders, [gene["gene_id"]], split=gene["split"])[0]

    @property
    def divisors(self) -> tuple[float, ...]:
        """What each track is divided by (`track_divisors`)."""
        return track_divisors(self.spec.tracks, require_manifest(self.folders).scales)

    def spread_genes(self, split: Split, count: int) -> pd.DataFrame:
        """Return genes of a split evenly spread over its table, at most `count`."""
        genes = self.genes(split)
        rows = np.unique(np.linspace(0, len(genes) - 1, min(count, len(genes))).astype(int))
        return genes.iloc[rows].reset_index(drop=True)

    def typical_genes(self, profiles: Profiles, count: int) -> list[int]:
        """Return rows of expressed genes, from the best predicted to the worst.

        Of the half with the higher observed mean, those at evenly spaced ranks of the correlation over
        bins.
        """
        means = profiles.observed.mean(axis=1)
        rows = np.flatnonzero(means >= np.median(means))
        scores = [
            correlations(profiles.observed[row], profiles.predicted[row]).pearson for row in rows
        ]
        order = rows[np.argsort(-np.nan_to_num(scores, nan=-1.0), kind="stable")]
        ranks = np.unique(np.linspace(0, len(order) - 1, min(count, len(order))).astype(int))
        return [int(row) for row in order[ranks]]


def read_context(
    dataset: str, runs: Sequence[Path | str] = (), *, project: Path | str = "."
) -> Context:
    """Return a dataset with its runs.

    Parameters
    ----------
    runs
        Run folders; none takes every complete run below ``runs/<dataset>``, by name. But for those on
        embeddings they predict the whole target.

    Raises
    ------
    ClasterError
        If the dataset or a run is missing, or a run is of another dataset or predicts a part of the
        target.
    """
    spec = load_dataset(dataset, project=project)
    if not runs:
        records = sorted((spec.project / "runs" / spec.name).glob("*/run.json"))
        found = [RunFolder(record.parent, spec.project) for record in records]
        whole = [run for run in found if _is_network(run) and not _left_out(run, spec)]
        return _context(spec, whole, dataset)
    given = [RunFolder(Path(run), spec.project) for run in runs]
    for run in given:
        if (name := read_run(run.path).dataset_name) != spec.name:
            raise ClasterError(
                f"{run.path} was trained on {name!r}, not on {spec.name!r}",
                remedy=f"pass --dataset {name}, or another --run",
            )
        if bins := _left_out(run, spec):
            raise ClasterError(
                f"{run.path} predicts {bins:,} bins of the target less than figures show",
                remedy="pass another --run",
            )
    return _context(spec, given, dataset)


def _context(spec: DatasetSpec, runs: Sequence[RunFolder], dataset: str) -> Context:
    of_chromatin = [run for run in runs if not _is_of_sequence(run)]
    of_sequence = [run for run in runs if run not in of_chromatin]
    return Context(spec, tuple(of_chromatin), dataset, tuple(of_sequence))


def _is_of_sequence(run: RunFolder) -> bool:
    return not {"landscape", "contacts"} & run_views(run).keys()


def _left_out(run: RunFolder, spec: DatasetSpec) -> int:
    """Return how many bins of the target the run does not predict; none counts where DNA is read."""
    if _is_of_sequence(run):
        return 0
    predicted = predicted_by(read_run(run.path), spec).require_target().bins
    return spec.require_target().bins - predicted


def _is_network(run: RunFolder) -> bool:
    record = read_run(run.path)
    return record.status == "complete" and not record.members
