"""A trained network, alone or as the mean of several, and what it answers."""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from claster.data import Dataset
from claster.dataset.track_scales import stored_arrays
from claster.dataset.views import readable
from claster.eir.predict import predict
from claster.eir.runs import RunFolder, RunRecord, read_run, require_complete, run_views
from claster.eir.trained_on import checked_dataset, ensemble_folder, member_runs, run_dataset
from claster.errors import ClasterError
from claster.project import Project, as_html, shown_path
from claster.results import Results

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from claster.analysis.attribution.settings import AttributeSettings
    from claster.analysis.compare import Compared
    from claster.analysis.perturbation.measure import Predictor
    from claster.analysis.perturbation.settings import PerturbSettings
    from claster.figures.base import Columns
    from claster.figures.context import Context
    from claster.settings import Settings, Split


class Run:
    """A trained network and its dataset, which fit each other; see `Run.open` and `claster.train`.

    Examples
    --------
    >>> import claster
    >>> run = claster.Run.open("runs/demo_tiny/profile-demo")  # doctest: +SKIP
    >>> run  # doctest: +SKIP
    Run(runs/demo_tiny/profile-demo): profile on demo_tiny
    >>> run.predict().table().shape  # doctest: +SKIP
    (34, 401)
    """

    def __init__(self, folder: Path, dataset: Dataset) -> None:
        self.folder = folder
        self.dataset = dataset
        self.project = dataset.project

    @classmethod
    def open(cls, *folders: str | Path, project: Project | None = None) -> "Run":
        """Open a run and check it against its dataset.

        Parameters
        ----------
        folders
            The folder of a run, of a model that `claster export` wrote, or of an ensemble; several runs
            become an ensemble, whose predictions are their mean.
        project
            Where they and their dataset lie; None takes `Project()`.

        Raises
        ------
        ClasterError
            If its training did not end well, or its dataset has other tracks, windows or scales than it was
            trained on.
        """
        project = project or Project()
        if not folders:
            raise ClasterError("no run is named", remedy="give the folder of one")
        found = [RunFolder(project.below(folder), project.root) for folder in folders]
        record = require_complete(found[0])
        dataset = Dataset.of(run_dataset(found[0], record), named=record.dataset, project=project)
        if dataset.is_built:
            for run in found:
                checked_dataset(run)
        if len(found) == 1:
            return cls(found[0].path, dataset)
        members = [member for run in found for member in member_runs(run)]
        records = [read_run(member.path) for member in members]
        together = ensemble_folder(members, records, dataset.spec, out=None)
        return cls(together.path, dataset)

    @property
    def flavour(self) -> str:
        """Which network it is."""
        return self._record.flavour

    @property
    def members(self) -> list[str]:
        """The runs of an ensemble; empty for a single run."""
        return list(self._record.members)

    def predict(self, dataset: Dataset | str | None = None, **options: Any) -> Results:  # noqa: ANN401
        """Predict the test genes, or another dataset; see `claster.eir.predict.predict` for `options`.

        Parameters
        ----------
        dataset
            Another built dataset; None takes the run's own.
        options
            `split`, `average`, `tracks`, `csv`, `batch_size`.

        Returns
        -------
        Results
            Its table is samples x target columns in reads, indexed by sample.
        """
        if self.members:
            options = {"out": self.folder} | options
        if options.get("out"):
            options["out"] = self.project.below(options["out"])
        path = predict(self._members, dataset=_named(dataset), **(self._place | options))
        return Results(path.parent, path.stem)

    def predict_arrays(
        self, landscape: np.ndarray | None = None, contacts: np.ndarray | None = None
    ) -> np.ndarray:
        """Predict a person's own arrays, held in memory.

        Parameters
        ----------
        landscape
            Signal, shape (genes, tracks, bins) as the dataset's window has them, tracks in the order of
            `dataset.tracks`; one gene may come without the first axis.
        contacts
            Maps as `Dataset.contacts` returns them, shape (genes, rows, columns), where the flavour
            reads them.

        Returns
        -------
        numpy.ndarray
            float32, shape (genes, conditions, bins), in reads; values may lie below 0.

        Raises
        ------
        ClasterError
            If an array is missing, has another shape or count, or holds no numbers.
        """
        given = {"landscape": landscape, "contacts": contacts}
        if missing := sorted(name for name in self._inputs if given[name] is None):
            raise ClasterError(
                f"{self.folder} reads {' and '.join(sorted(self._inputs))}",
                remedy=f"give {missing[0]}",
            )
        read = {name: given[name] for name in self._inputs}
        stored = stored_arrays(self.dataset.spec, self._record.scales, read)
        genes = zip(*(stored[name] for name in sorted(self._inputs)), strict=True)
        windows = (dict(zip(sorted(self._inputs), arrays, strict=True)) for arrays in genes)
        return np.stack(list(self._predictor.predict(windows)))

    def evaluate(self, split: "Split" = "test", *, dataset: Dataset | str | None = None) -> Results:
        """Score a split beside simple methods, with 95 % intervals; missing predictions are made first.

        Parameters
        ----------
        split
            Of the run's own dataset.
        dataset
            Another built dataset with a target, such as other cells: its genes that training has not seen.

        Returns
        -------
        Results
            Tables `scores`, `bins`, `calibration`, `genes` (docs/evaluation.md); the summary has the verdict.
        """
        from claster.analysis.evaluate import evaluate_runs

        if dataset is None and not self._run.predictions(split).is_file():
            self.predict(split=split)
        asked = {"split": split, "dataset": _named(dataset), "device": self.project.device}
        _, folder = evaluate_runs([self._run], **asked, progress=self.project.progress)
        return Results(folder, "scores")

    def intervals(self, **options: Any) -> Results:  # noqa: ANN401
        """Put an interval around each predicted bin and gene; missing predictions are made first.

        Parameters
        ----------
        options
            `level`, `dataset`, `split`, `tracks`: see `claster.analysis.settings.IntervalSettings`.

        Returns
        -------
        Results
            Its table is a gene and condition a row: `predicted`, `low`, `high`, in reads; `<split>.low` and
            `<split>.high` are samples x target columns (docs/predict.md).
        """
        from claster.analysis.intervals import predict_intervals

        path, _, _ = predict_intervals(self.folder, **(self._place | options))
        return Results(path.parent, f"{path.stem}.genes")

    def perturb(self, settings: "PerturbSettings | None" = None, /, **options: Any) -> Results:  # noqa: ANN401
        """Edit marks over elements and predict before and after, beside control regions.

        Parameters
        ----------
        settings, options
            What is done: `PerturbSettings`, or its fields (`verb`, `elements`, `tracks`, ...), see
            docs/perturbation.md. A relative path starts at the project's folder.

        Returns
        -------
        Results
            Tables `effects` and `controls`.
        """
        from claster.analysis.perturbation.screen import perturb
        from claster.plot.perturbation import draw_screen

        files = perturb(self._run, **self._asked(settings, options))
        return Results(files.folder, files.main, draw=lambda: draw_screen(files, self._run))

    def attribute(self, settings: "AttributeSettings | None" = None, /, **options: Any) -> Results:  # noqa: ANN401
        """Attribute predictions to bins of the tracks and of the contact map.

        Parameters
        ----------
        settings, options
            What is done: `AttributeSettings`, or its fields, see docs/attribution.md.

        Returns
        -------
        Results
            Table `locality` and what else docs/attribution.md lists.
        """
        from claster.analysis.attribution.attribute import attribute
        from claster.plot.attribution import draw_attributions

        files = attribute(self._run, **self._asked(settings, options))
        return Results(files.folder, files.main, draw=lambda: draw_attributions(files))

    def report(self, to: Path | str | None = None) -> Path:
        """Write all that is known of the run as one HTML file, and return its path."""
        from claster.report import write_report

        to = None if to is None else self.project.below(to)
        return write_report(self._run, to=to, progress=self.project.progress)

    def browse(self, *, port: int = 0, show: bool = True) -> None:
        """Show its tracks in a genome browser on this machine until interrupted."""
        from claster.browse import open_browser, prepare_browser

        open_browser(prepare_browser(self._run), port=port, show=show)

    def compare(self, *others: "Run | str | Path") -> "Compared":
        """Score it and other runs of its dataset on the same genes, and on the bins that all predict.

        Returns
        -------
        Compared
            `main_scores()`, `scores` and the profiles themselves.

        Raises
        ------
        ClasterError
            See `claster.analysis.compare.compare_runs`.
        """
        from claster.analysis.compare import compare_runs

        opened = (run if isinstance(run, Run) else self.project.run(run) for run in others)
        runs = [self._run, *(run._run for run in opened)]
        return compare_runs(runs, progress=self.project.progress)

    def paper_figure(self, name: str, *, columns: "Columns" = 2) -> "tuple[Figure, pd.DataFrame]":
        """Draw a figure of the paper with this run; predictions and the like that it needs are made first.

        Parameters
        ----------
        name
            Such as "F1a"; `paper_figures` lists them.
        columns
            Columns of the journal that it spans.

        Returns
        -------
        figure : matplotlib.figure.Figure
        table : pandas.DataFrame
            Its numbers.

        Raises
        ------
        ClasterError
            If there is no such figure, or the run lacks what it needs; the remedy names the command.
        """
        from claster.figures.make import draw_figure

        return draw_figure(self._context, name, columns=columns, progress=self.project.progress)

    @property
    def paper_figures(self) -> pd.DataFrame:
        """The figures of the paper: name, what each shows and needs, and what this run still lacks."""
        from claster.figures.make import list_figures

        table = list_figures(self._context).set_index("figure")
        told = table["missing"].str.replace(str(self.folder), shown_path(self.folder), regex=False)
        return table.assign(missing=told)

    @cached_property
    def _context(self) -> "Context":
        from claster.figures.context import read_context

        return read_context(self.dataset.named, [self.folder], project=self.project.root)

    @cached_property
    def _run(self) -> RunFolder:

        return RunFolder(self.folder, self.project.root)

    @cached_property
    def _record(self) -> RunRecord:

        return read_run(self.folder)

    @property
    def _place(self) -> dict[str, Any]:
        return {"device": self.project.device, "progress": self.project.progress}

    def _asked(self, settings: "Settings | None", options: dict[str, Any]) -> dict[str, Any]:
        """Return what is asked, with what the project says; files that are named start at its folder."""
        if isinstance(settings, str | Path):
            raise ClasterError(
                f"settings are {str(settings)!r}",
                remedy=f"name what it is: elements={str(settings)!r}",
            )
        options = (settings.model_dump(exclude_unset=True) if settings else {}) | options
        files = {name: options.get(name) for name in ("elements", "pairs")}
        below = {n: self.project.below(f) for n, f in files.items() if f not in (None, "all")}
        return self._place | options | below

    @cached_property
    def _members(self) -> list[RunFolder]:

        return member_runs(self._run)

    @cached_property
    def _inputs(self) -> set[str]:
        """Kinds of array that the networks' inputs are made from."""
        views = (view for member in self._members for view in run_views(member).values())
        return set(readable(views, self.dataset.spec))

    @cached_property
    def _predictor(self) -> "Predictor":
        from claster.analysis.perturbation.screen import load_predictor

        return load_predictor(self._run, self.dataset.spec, **self._place)

    def __repr__(self) -> str:
        """Name the folder, the flavour and the dataset."""
        return f"Run({shown_path(self.folder)}): {self.flavour} on {self.dataset.name}"

    def _repr_html_(self) -> str:
        record = self._record
        rows = {
            "folder": shown_path(self.folder),
            "flavour": record.flavour,
            "dataset": f"{self.dataset.name}, {record.training_samples:,} training samples",
            "genes": self.dataset.facts["genes"],
            "steps": f"{record.steps:,}",
            "validation": "" if record.performance is None else f"{record.performance:.3f}",
            "verdict": str(Results(self._run.evaluation, "scores").summary.get("verdict", "")),
            "members": ", ".join(self.members),
        }
        return as_html("Run", {name: text for name, text in rows.items() if text})


def _named(dataset: Dataset | str | None) -> str | None:
    return dataset.named if isinstance(dataset, Dataset) else dataset
