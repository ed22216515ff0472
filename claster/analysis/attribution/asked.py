"""What is asked of which run, checked before anything is computed."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from claster.analysis.attribution.seen import Seen, seen_inputs
from claster.analysis.attribution.settings import BASELINES, Baseline
from claster.dataset.layout import DatasetFolders
from claster.dataset.spec import DatasetSpec
from claster.eir.ensemble import checked_dataset
from claster.eir.runs import RunFolder, read_run, trained_weights
from claster.errors import ClasterError, choose_among

__all__ = ["Explained", "choose_baselines", "choose_condition", "choose_rows", "explained_run"]


@dataclass(frozen=True)
class Explained:
    """A run with a model, its dataset, and what it sees of it.

    Attributes
    ----------
    run
        The run.
    name
        Its name.
    weights
        The file of its weights.
    spec, folders
        The built dataset that it was trained on.
    seen
        What it sees.
    """

    run: RunFolder
    name: str
    weights: Path
    spec: DatasetSpec
    folders: DatasetFolders
    seen: Seen


def explained_run(run: RunFolder | Path | str, *, project: Path | str = ".") -> Explained:
    """Return a run that can be explained.

    Raises
    ------
    ClasterError
        If there is no run, it has no model, or its dataset is not built or has changed.
    """
    run = run if isinstance(run, RunFolder) else RunFolder(Path(run))
    record = read_run(run.path)
    if record.members:
        raise ClasterError(
            f"{run.path} holds the predictions of several runs, no model",
            remedy=f"explain one of {', '.join(record.members)}",
        )
    _, weights = trained_weights(run)
    _, spec, folders = checked_dataset(run, project=project)
    return Explained(run, record.name, weights, spec, folders, seen_inputs(run, spec))


def choose_baselines(names: Sequence[str]) -> tuple[Baseline, ...]:
    """Return the baselines of these names, each once; all without a name.

    Raises
    ------
    ClasterError
        If there is none of a name.
    """
    for name in names:
        if name not in BASELINES:
            raise ClasterError(
                f"there is no baseline {name!r}", remedy=f"choose among {', '.join(BASELINES)}"
            )
    return cast("tuple[Baseline, ...]", tuple(dict.fromkeys(names))) or BASELINES


def choose_rows(seen: Seen, tracks: Sequence[str]) -> tuple[str, ...]:
    """Return what is attributed to: the tracks named, or everything that the run sees.

    Raises
    ------
    ClasterError
        If the run does not see one of them.
    """
    for track in tracks:
        if track not in seen.rows:
            raise ClasterError(
                f"the run sees no track {track!r}", remedy=choose_among(track, seen.rows)
            )
    return tuple(row for row in seen.rows if row in (tracks or seen.rows))


def choose_condition(spec: DatasetSpec, condition: str | None) -> str:
    """Return the group of target columns of that name; None for the first one.

    Raises
    ------
    ClasterError
        If there is none.
    """
    groups = spec.require_target().groups
    if condition is None:
        return groups[0]
    if condition not in groups:
        raise ClasterError(
            f"dataset {spec.name!r} has no condition {condition!r}",
            remedy=choose_among(condition, groups),
        )
    return condition
