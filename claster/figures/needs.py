"""What figures need, how it is found, and the command that makes it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from claster.analysis.evaluate import evaluate
from claster.analysis.perturbation.folder import ScreenFiles
from claster.analysis.perturbation.screen import perturb
from claster.dataset.inventory import list_sources, require_source
from claster.eir.predict import predict
from claster.eir.runs import RunFolder, require_complete, run_views, trained_weights
from claster.errors import ClasterError
from claster.figures.base import Need
from claster.figures.context import Context
from claster.progress import Progress
from claster.quoting import pasteable
from claster.settings import Split


def require(path: Path, *command: Path | str) -> Path:
    """Return a file that is there; else the remedy is the command (without `claster`) that makes it."""
    if not path.is_file():
        raise ClasterError(f"no {path}", remedy=pasteable(["claster", *command]))
    return path


def _built(context: Context) -> list[Path]:
    context.folders.require_built()
    return [context.folders.manifest, context.folders.genes]


BUILT = Need("the built dataset", _built)


def _targets(context: Context) -> list[Path]:
    _built(context)
    return [context.folders.target_table(split) for split in ("train", "test")]


TARGETS = Need("target tables", _targets)


def _contacts(context: Context) -> list[Path]:
    contacts = context.spec.contacts
    if contacts is None or contacts.map == "stripe":
        raise ClasterError(
            f"dataset {context.spec.name!r} has no contact maps",
            remedy="add 'contacts' with a map to its YAML and claster data build it",
        )
    return _built(context)


CONTACTS = Need("contact maps in the dataset", _contacts)


def _source_files(context: Context, kind: str) -> list[Path]:
    spec = context.spec
    sources = [source for source in list_sources(spec) if source.label.startswith(kind)]
    return [require_source(spec, source) for source in sources]


def _contact_source(context: Context) -> list[Path]:
    _contacts(context)
    return _source_files(context, "contacts")


def _target_source(context: Context) -> list[Path]:
    return [*_built(context), *_source_files(context, "target")]


CONTACT_SOURCE = Need("the matrix of contacts itself", _contact_source)
TARGET_SOURCE = Need("the bigWigs of the target", _target_source)


def _model(context: Context) -> list[Path]:
    require_complete(context.run)
    return [context.run.record, trained_weights(context.run)[1]]


MODEL = Need("a trained run", _model)


def _contact_branch(context: Context) -> list[Path]:
    run = contact_run(context)
    return [run.record, trained_weights(run)[1]]


def contact_run(context: Context) -> RunFolder:
    """Return the first run that takes contact maps; where there is none the remedy trains one."""
    for run in context.runs:
        if "contacts" in run_views(run):
            return run
    kind = context.spec.contacts.map if context.spec.contacts else "diagonal"
    flavour = {"paper_square": "microc_square", "paper_rotated": "microc_rotated"}.get(
        kind, "microc_diagonal"
    )
    raise ClasterError(
        "no run with a branch for contact maps",
        remedy=pasteable(["claster", "train", flavour, "--dataset", context.dataset]),
    )


CONTACT_BRANCH = Need("a trained run that takes contact maps", _contact_branch)


def predictions(
    split: Split, *, of: Callable[[Context], tuple[RunFolder, ...]] = Context.require_runs
) -> Need:
    """Return the need of the predictions of a split, of every run or of the runs that `of` returns."""

    def find(context: Context) -> list[Path]:
        found = [
            require(run.predictions(split), "predict", run.path, "--split", split)
            for run in of(context)
        ]
        return [*_targets(context), *found]

    def make(context: Context, progress: Progress) -> None:
        for run in of(context):
            if not run.predictions(split).is_file():
                predict(run, split=split, tracks=None, progress=progress)

    return Need(f"predictions of the {split} split", find, make)


def scores_of(run: RunFolder) -> Path:
    """Return the table of scores of a run, there or not."""
    return run.evaluation / "scores.parquet"


def _evaluations(context: Context) -> list[Path]:
    return [require(scores_of(run), "evaluate", run.path) for run in context.require_runs()]


def _evaluate(context: Context, progress: Progress) -> None:
    for run in context.runs:
        if not scores_of(run).is_file():
            evaluate(run, context.spec, progress=progress)


EVALUATIONS = Need("scores of the test split", _evaluations, _evaluate)


def screen_files(context: Context, name: str, run: RunFolder | None = None) -> ScreenFiles:
    """Return the files of a screen of a run (the main one by default), there or not."""
    return ScreenFiles((run or context.run).path / "perturb" / name)


def screen(name: str, what: str, options: str, *, of_all: int = 1, **settings: Any) -> Need:  # noqa: ANN401
    """Return the need of the screen ``RUN/perturb/<name>`` of the first `of_all` runs.

    Parameters
    ----------
    what
        In words.
    options
        Of `claster perturb`, as the command line has them.
    **settings
        The same options, as `claster.analysis.perturbation.screen.perturb` has them.
    """

    def runs(context: Context) -> tuple[RunFolder, ...]:
        if len(context.runs) < of_all:
            raise ClasterError(
                f"{of_all} runs are compared, there are {len(context.runs)}",
                remedy=f"claster train another flavour or --seed on {context.dataset}",
            )
        return context.require_runs()[:of_all]

    def find(context: Context) -> list[Path]:
        files = [screen_files(context, name, run) for run in runs(context)]
        for run, there in zip(context.runs, files, strict=False):
            if not there.manifest.is_file() or not there.profiles.is_file():
                command = pasteable(["claster", "perturb", run.path])
                raise ClasterError(
                    f"no screen at {there.folder}",
                    remedy=f"{command} {options} --profiles --name {name}",
                )
        return [path for f in files for path in (f.identity, f.effects, f.profiles)]

    def make(context: Context, progress: Progress) -> None:
        for run in runs(context) if len(context.runs) >= of_all else ():
            if not screen_files(context, name, run).manifest.is_file():
                perturb(run, name=name, profiles=True, progress=progress, **settings)

    return Need(what, find, make)


P1 = screen(
    "P1",
    "elements without H3K27ac",
    "--track H3K27ac --controls 0",
    tracks=("H3K27ac",),
    controls=0,
)
P2 = screen("P2", "elements without activating marks", "--verb silence")


def centred(what: str, *, of_all: int = 1) -> Need:
    """Return the need of a screen with each element in the middle of its window, of one run or more."""
    options = "--centre element --controls 0"
    return screen("centred", what, options, of_all=of_all, centre="element", controls=0)
