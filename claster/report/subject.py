"""What a report is about: a run, its dataset, and whatever was made of them so far."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from pydantic import ValidationError

from claster.analysis.samples import profiles
from claster.analysis.summary import EvaluationSummary
from claster.dataset.layout import DatasetFolders, read_genes_table, read_targets
from claster.dataset.manifest import Manifest, read_manifest
from claster.dataset.spec import DatasetSpec
from claster.eir.runs import RunFolder, RunRecord, read_predictions
from claster.errors import ClasterError
from claster.progress import SILENT, Progress
from claster.quoting import pasteable
from claster.report.page import Missing, missing
from claster.settings import Split
from claster.text import read_parquet, read_text

SPLIT: Split = "test"
"""The split that a report shows."""

_TABLES = ("scores", "bins", "calibration", "genes")


@dataclass(frozen=True)
class Scores:
    """The files of an evaluation; see `claster.analysis.tables.Tables`."""

    summary: EvaluationSummary
    scores: pd.DataFrame
    bins: pd.DataFrame
    calibration: pd.DataFrame
    genes: pd.DataFrame


@dataclass(frozen=True)
class Fit:
    """Genes of the split, and their observed and predicted signal: (genes, conditions, bins)."""

    genes: pd.DataFrame
    observed: np.ndarray
    predicted: np.ndarray


@dataclass(frozen=True)
class Subject:
    """A run and its dataset; the rest is read when it is asked for."""

    run: RunFolder
    record: RunRecord
    spec: DatasetSpec
    progress: Progress = SILENT

    @property
    def name(self) -> str:
        """What the user calls the run."""
        return self.run.path.as_posix()

    @property
    def folders(self) -> DatasetFolders:
        """Where the dataset lies."""
        return DatasetFolders.of(self.spec)

    @cached_property
    def manifest(self) -> Manifest | None:
        """The record of the dataset's build, None where it is not built."""
        return read_manifest(self.folders)

    @cached_property
    def scores(self) -> Scores | None:
        """The evaluation of the split, None where there is none."""
        path = self.run.evaluation / "summary.json"
        if not path.is_file():
            return None
        try:
            summary = EvaluationSummary.model_validate_json(read_text(path))
            tables = {name: read_parquet(path.with_name(f"{name}.parquet")) for name in _TABLES}
        except (ValidationError, OSError) as error:
            raise ClasterError(
                f"the evaluation in {path.parent} cannot be read",
                remedy=f"run '{pasteable(['claster', 'evaluate', self.name])}' again",
            ) from error
        return Scores(summary, **tables)

    def unmade(self, sentence: str) -> Missing:
        """Return a sentence without its full stop, and the commands that lead to scores and predictions."""
        commands = [["evaluate", self.name]]
        if not self.run.predictions(SPLIT).is_file():
            commands.insert(0, ["predict", self.name])
        if self.manifest is None:
            commands.insert(0, ["data", "build", self.record.dataset])
        return missing(f"{sentence}.", *commands)

    @cached_property
    def fit(self) -> Fit | None:
        """Observed and predicted signal, None where either is missing."""
        table = self.folders.target_table(SPLIT)
        if (
            self.manifest is None
            or not self.run.predictions(SPLIT).is_file()
            or not table.is_file()
        ):
            return None
        target = self.spec.require_target()
        genes = read_genes_table(self.folders, split=SPLIT)
        observed = profiles(
            read_targets(table, transform=target.transform),
            genes,
            target,
            named=f"targets of the {SPLIT} split",
            remedy="build the dataset again",
        )
        predicted = profiles(
            read_predictions(self.run, SPLIT),
            genes,
            target,
            named=f"predictions of the {SPLIT} split",
            remedy=f"run '{pasteable(['claster', 'predict', self.name])}' again",
        )
        return Fit(genes, observed, predicted)
