"""A project: the folder from which every path starts."""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from claster.errors import ClasterError, choose_among
from claster.progress import SILENT, Progress
from claster.settings import Device

if TYPE_CHECKING:
    import pandas as pd

    from claster.data import Dataset
    from claster.run import Run


class Project:
    """A folder with datasets, arrays and runs, from which every path starts.

    Parameters
    ----------
    root
        The folder. None takes the nearest one upwards that holds `configurations/datasets`, else the working
        directory. It may be empty: the datasets that come with CLASTER are copied into it when they are used.
    device
        Where networks compute: ``auto``, ``cpu`` or ``cuda``.
    progress
        True shows progress, as the commands do; or where to report to.

    Raises
    ------
    ClasterError
        If there is no such device, or `root` is a file.

    Examples
    --------
    >>> import claster
    >>> project = claster.Project()  # doctest: +SKIP
    >>> project.dataset("demo_tiny")  # doctest: +SKIP
    Dataset('demo_tiny'): 4 tracks (ATAC, ...); contacts; target; genes: 22 train, 19 valid, 17 test; ...
    >>> project.runs  # doctest: +SKIP
    ['runs/demo_tiny/profile-demo']
    """

    def __init__(
        self,
        root: Path | str | None = None,
        *,
        device: Device = "auto",
        progress: bool | Progress = False,
    ) -> None:
        found = _nearest(Path()) or Path() if root is None else Path(root).expanduser()
        if device not in get_args(Device):
            raise ClasterError(
                f"no device {device!r}", remedy=choose_among(device, get_args(Device))
            )
        if found.is_file():
            raise ClasterError(f"{found} is a file", remedy="give the project's folder")
        self.root = found.absolute()
        self.device = device
        if progress is True:
            from claster.cli.console import console_progress

            progress = console_progress()
        self.progress = progress or SILENT

    @property
    def datasets(self) -> list[str]:
        """Names of the datasets that can be opened, those that come with CLASTER among them."""
        from claster.dataset.load import list_datasets

        return list_datasets(project=self.root)

    @property
    def runs(self) -> list[str]:
        """Folders of all runs, from the project's folder on."""
        from claster.eir.runs import list_runs

        return list_runs(self.root)

    @property
    def experiments(self) -> "pd.DataFrame":
        """The experiments of the paper and those of this project, one a row (`claster experiment`)."""
        from claster.experiments.run import list_experiments

        return list_experiments(project=self.root)

    def dataset(self, source: str | Path | None = None, **keys: Any) -> "Dataset":  # noqa: ANN401
        """Return a dataset of this project; see `claster.Dataset`."""
        from claster.data import Dataset

        return Dataset(source, project=self, **keys)

    def simulate(self, name: str = "toy", *, force: bool = False) -> "Dataset":
        """Simulate the genome of a dataset whose rules of transcription are known, where it is not there yet.

        Parameters
        ----------
        name
            A dataset whose YAML has `simulation`, such as "demo_tiny" (seconds) or "toy".
        force
            Whether a genome that is there is simulated again.

        Returns
        -------
        Dataset
            To build.

        Raises
        ------
        ClasterError
            If the dataset is not simulated, or disk or memory do not suffice.
        """
        from claster.simulation import ensure_genome, simulate_genome

        dataset = self.dataset(name)
        folder, settings = dataset.spec.data_folder, dataset.spec.simulation
        if settings is None:
            raise ClasterError(
                f"dataset {dataset.name!r} is not simulated", remedy="choose toy, demo or demo_tiny"
            )
        if force:
            simulate_genome(folder, **settings.model_dump(), force=True, progress=self.progress)
        else:
            ensure_genome(folder, settings.model_dump(), progress=self.progress)
        return dataset

    def run(self, *folders: str | Path) -> "Run":
        """Return a run of this project, or several as an ensemble; see `Run.open`."""
        from claster.run import Run

        return Run.open(*folders, project=self)

    def below(self, path: str | Path) -> Path:
        """Return a path; a relative one starts at the project's folder."""
        return self.root / Path(path).expanduser()

    def __repr__(self) -> str:
        """Name the folder."""
        return f"Project({str(self.root)!r})"

    def _repr_html_(self) -> str:
        rows = {
            "folder": self.root.resolve().name,
            "datasets": ", ".join(self.datasets),
            "runs": ", ".join(self.runs) or "none yet",
            "device": self.device,
        }
        return as_html("Project", rows)


def simulate(
    name: str = "toy", *, project: Project | None = None, force: bool = False
) -> "Dataset":
    """Simulate the genome of a dataset into a project (None: `Project()`); see `Project.simulate`.

    Examples
    --------
    >>> import claster
    >>> claster.simulate("demo_tiny").tracks  # doctest: +SKIP
    ['ATAC', 'H3K4me3', 'H3K27ac', 'H3K27me3']
    """
    return (project or Project()).simulate(name, force=force)


def train(
    flavour: str,
    dataset: "Dataset | str",
    *,
    project: Project | None = None,
    **options: Any,  # noqa: ANN401
) -> "Run":
    """Train a flavour of network on a built dataset.

    Parameters
    ----------
    flavour
        Which network (docs/flavours.md), such as "profile".
    dataset
        A dataset, or the name of one in `project`.
    project
        Where a dataset that is named lies; None takes `Project()`, the nearest one upwards.
    options
        `tag`, `seed`, `epochs`, `batch_size`, `devices`, `precision`, `pretrained`, `force`, `resume`: see
        `claster.eir.run.train`.

    Returns
    -------
    Run

    Raises
    ------
    ClasterError
        If the dataset is not built, the run exists, or EIR fails.
    """
    from claster.data import Dataset
    from claster.eir.run import train as train_network

    if not isinstance(dataset, Dataset):
        try:
            dataset = Dataset(dataset, project=project)
        except ClasterError as error:
            if project:
                raise
            raise ClasterError(
                error.found, remedy=f"{error.remedy}; or give the dataset itself, or its 'project'"
            ) from None
    project = dataset.project
    folder = train_network(
        flavour,
        dataset.spec,
        dataset_yaml=dataset.named,
        **({"device": project.device, "progress": project.progress} | options),
    )
    return project.run(folder.path.absolute())


def _nearest(start: Path) -> Path | None:
    here = start.resolve()
    for folder in (here, *here.parents):
        if (folder / "configurations" / "datasets").is_dir():
            return folder
    return None


def shown_path(path: Path) -> str:
    """Return a path as people read it: from its project's folder on, where it lies in a project."""
    resolved = path.resolve()
    project = _nearest(resolved)
    return str(path) if project is None else resolved.relative_to(project).as_posix()


def as_html(title: str, rows: Mapping[str, str]) -> str:
    """Return a title and facts as an HTML table."""
    cells = "".join(
        f"<tr><th style='text-align:left'>{escape(name)}</th>"
        f"<td style='text-align:left'>{escape(text)}</td></tr>"
        for name, text in rows.items()
    )
    return f"<table><caption style='text-align:left'>{escape(title)}</caption>{cells}</table>"
