"""The folder of one training run, and what lies in it."""

import json
import os
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import pandas as pd
from pydantic import Field, NonNegativeInt, PositiveInt, field_validator

from claster.dataset.scale import SignalScale
from claster.dataset.spec import DatasetSpec
from claster.dataset.views import View, view_of_folder
from claster.dataset.yaml_file import read_yaml
from claster.errors import ClasterError, choose_among
from claster.files import write_text
from claster.quoting import pasteable
from claster.settings import Record
from claster.signal.landscape import Transform
from claster.text import read_parquet, read_record

_PROGRAMS = ("eirtrain", "claster")
_PART = re.compile(r"eir\.part[1-9][0-9]{0,5}")
_TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_CHECKPOINT = re.compile(r"_checkpoint_\d+_perf-average=(?P<score>-?\d+(\.\d+)?)\.pt$")


class Resumption(Record):
    """How a training went on from a model saved at `step`, in the file `checkpoint` of the run's folder.

    `rate` is the learning rate from there on, `warmup` the steps until it is reached again.
    """

    step: NonNegativeInt
    checkpoint: str
    epochs: NonNegativeInt
    rate: float
    warmup: NonNegativeInt
    started: str


class StartedFrom(Record):
    """The run whose weights a training started from.

    `run` is its folder as it was given, `sha256` that of its weights; `new` names the tracks that it had
    none for, `left` those of its own that were not taken.
    """

    run: str
    sha256: str
    new: tuple[str, ...] = ()
    left: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """What is taken and what is not, in a line."""
        parts = [f"starts from the weights of {self.run}"]
        if self.new:
            parts.append(f"new tracks start from zero: {', '.join(self.new)}")
        if self.left:
            parts.append(f"tracks whose weights are not taken: {', '.join(self.left)}")
        return "; ".join(parts)


class RunRecord(Record):
    """What `run.json` holds.

    `dataset` is the name or path of the dataset's YAML as given; `checkpoint` is relative to the run folder;
    `seed` is None where EIR was not started by `claster train`; `batch_size` is that of all devices
    together; `feeding` says how samples reach EIR, and why; times are ISO 8601 in UTC; `scales` says how
    large the values of the tracks were, `trained_on` is the dataset's YAML as it was, and `data` the SHA-256
    of each of its source files. `started_from` tells whose weights it began with (None: random), `members`
    the runs that an ensemble averages, `drop_tracks` the share of training samples without each track,
    `transform` the scale that the network predicts on (None: that of the target). `command` and
    `environment` of a run from elsewhere say what ran, and are never run again.
    """

    name: str
    flavour: str
    dataset: str
    dataset_name: str
    tag: str | None
    seed: int | None
    device: str
    status: Literal["running", "complete", "failed", "interrupted"]
    command: tuple[str, ...]
    environment: dict[str, str]
    versions: dict[str, str]
    configurations: dict[str, str]
    training_samples: NonNegativeInt
    validation_samples: NonNegativeInt
    batch_size: PositiveInt
    steps: NonNegativeInt
    devices: PositiveInt = 1
    precision: str = "32-true"
    feeding: str = ""
    output: Literal["tabular", "array"] = "tabular"
    started: str
    ended: str | None = None
    seconds: float | None = None
    checkpoint: str | None = None
    performance: float | None = None
    parameters: int | None = None
    error: str | None = None
    scales: dict[str, SignalScale] = Field(default_factory=dict)
    trained_on: DatasetSpec | None = None
    data: dict[str, str] = Field(default_factory=dict)
    started_from: StartedFrom | None = None
    resumed: tuple[Resumption, ...] = ()
    members: tuple[str, ...] = ()
    drop_tracks: float = 0
    transform: Transform | None = None

    @field_validator("command")
    @classmethod
    def _of_a_known_program(cls, command: tuple[str, ...]) -> tuple[str, ...]:
        if command and command[0] not in _PROGRAMS:
            raise ValueError(f"{command[0]!r} is not a program that trains")
        return command

    @field_validator("environment")
    @classmethod
    def _only_a_seed(cls, environment: dict[str, str]) -> dict[str, str]:
        if environment.keys() - {"EIR_SEED"} or not all(map(str.isdecimal, environment.values())):
            raise ValueError("the environment holds more than EIR's seed")
        return environment


@dataclass(frozen=True)
class RunFolder:
    """Folder of one run, ``runs/<dataset>/<flavour>[-<tag>]``.

    `project` is the project's folder, from which its dataset and the members of an ensemble are found.
    """

    path: Path
    project: Path = field(default=Path(), compare=False)

    @classmethod
    def of(cls, run: "RunFolder | Path | str") -> "RunFolder":
        """Return the folder of a run that is one already, or is named by its path."""
        return run if isinstance(run, RunFolder) else cls(Path(run))

    @property
    def record(self) -> Path:
        """What ran, on what, and how it ended."""
        return self.path / "run.json"

    @property
    def configurations(self) -> Path:
        """The YAML files as used."""
        return self.path / "configurations"

    @property
    def log(self) -> Path:
        """Everything that EIR printed while it trained."""
        return self.path / "train.log"

    @property
    def eir(self) -> Path:
        """EIR's own output folder."""
        return self.path / "eir"

    @property
    def start(self) -> Path:
        """The weights that training starts from, where these are not random."""
        return self.path / "start.pt"

    @property
    def earlier(self) -> list[Path]:
        """EIR's output folders of a resumed run, from before each resumption, the first one first."""
        parts = (part for part in self.path.glob("eir.part*") if _PART.fullmatch(part.name))
        return sorted(parts, key=lambda part: int(part.name[8:]))

    @property
    def history(self) -> Path:
        """Loss and validation performance by step."""
        return self.path / "history.csv"

    @property
    def exported_weights(self) -> Path:
        """The weights of an exported run."""
        return self.path / "model.safetensors"

    @property
    def evaluation(self) -> Path:
        """Folder of metrics."""
        return self.path / "evaluation"

    @property
    def figures(self) -> Path:
        """Folder of figures."""
        return self.path / "figures"

    def predictions(self, split: str) -> Path:
        """Table of predictions of a split (parquet; a CSV of the same name lies beside it)."""
        return self.path / "predictions" / f"{split}.parquet"


def run_path(dataset: str, flavour: str, *, tag: str | None = None) -> Path:
    """Return the folder of a run relative to the project's folder.

    Examples
    --------
    >>> run_path("toy", "pure_conv", tag="seed1").as_posix()
    'runs/toy/pure_conv-seed1'
    """
    if tag is not None and not _TAG.fullmatch(tag):
        raise ClasterError(
            f"--tag {tag!r} is not a plain name",
            remedy="use letters, digits, '.', '_' and '-' only",
        )
    return Path("runs") / dataset / (f"{flavour}-{tag}" if tag else flavour)


def list_runs(project: Path) -> list[str]:
    """Return the folders of all runs of a project, from its folder on; hidden ones are set aside."""
    found = sorted(at.parent.relative_to(project) for at in (project / "runs").rglob("run.json"))
    return [f.as_posix() for f in found if not any(part[0] == "." for part in f.parts)]


def read_run(run: RunFolder | Path | str) -> RunRecord:
    """Return what a run folder records of itself.

    Raises
    ------
    ClasterError
        If there is no run, its record cannot be read, or a link leads elsewhere (`require_own_folders`).
    """
    run = RunFolder.of(run)
    if not run.record.is_file():
        runs = list_runs(run.project)
        raise ClasterError(
            f"no run in {run.path} (no {run.record.name})",
            remedy=choose_among(str(run.path), runs)
            if runs
            else "train first, with 'claster train'",
        )
    require_own_folders(run.path)
    return read_record(run.record, RunRecord, kind="the record of a run", remedy="train again")


def require_own_folders(folder: Path) -> None:
    """Refuse a run's folder with a link to a folder elsewhere: what is written to the run would go there.

    Files are written under another name, which replaces a link.
    """
    home = folder.resolve()
    waiting = [os.fspath(folder)]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_symlink() and not entry.is_file():
                    if Path(entry.path).resolve().is_relative_to(home):
                        continue
                    raise ClasterError(
                        f"{entry.path} is a link to a folder that is not the run's own",
                        remedy="put what it leads to in its place",
                    )
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)


def write_run(run: RunFolder, record: RunRecord) -> None:
    """Write `run.json`."""
    write_text(run.record, json.dumps(record.model_dump(), indent=2) + "\n")


def now() -> str:
    """Return the time as records have it: ISO 8601, UTC, whole seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def require_complete(run: RunFolder) -> RunRecord:
    """Return the record of a run; refuse one whose training did not end well."""
    record = read_run(run)
    if record.status != "complete":
        raise ClasterError(
            f"the run in {run.path} is {record.status}, not complete",
            remedy=f"see {run.log}, then train again with --resume or --force",
        )
    return record


def require_model(run: RunFolder) -> RunRecord:
    """Return the record of a run that holds a model of EIR, with the files of its configuration.

    Raises
    ------
    ClasterError
        If it only holds predictions (of several runs, or of a fine-tuned model of the sequence), or lacks a
        file.
    """
    record = read_run(run.path)
    if record.members:
        raise ClasterError(
            f"{run.path} holds the predictions of several runs, no model",
            remedy=f"give its members: {pasteable(record.members)}",
        )
    if record.command[:3] == ("claster", "sequence", "finetune"):
        command = pasteable(["claster", "evaluate", run.path])
        raise ClasterError(
            f"{run.path} holds no model of EIR: its fine-tuning has predicted validation and test genes",
            remedy=f"run '{command}', with --split for the validation genes",
        )
    missing = [name for name in record.configurations if not (run.configurations / name).is_file()]
    if missing:
        raise ClasterError(
            f"{run.path} lacks {', '.join(missing)} in its folder {run.configurations.name!r}",
            remedy="restore it from a copy of the run, or train again",
        )
    return record


def best_checkpoint(run: RunFolder) -> tuple[Path, float]:
    """Return EIR's best saved model and its validation performance.

    The performance is EIR's: for a table the Pearson r of each bin over the validation samples, averaged
    over bins; for an array 1 - loss, which is the share of the variance that is explained. Runs of EIR
    that `claster train` did not start may have the mean of 1 - loss, r and R2.

    Raises
    ------
    ClasterError
        If EIR saved no model.
    """
    scored = [
        (path, float(found["score"]))
        for folder in (*run.earlier, run.eir)
        for path in sorted((folder / "saved_models").glob("*.pt"))
        if (found := _CHECKPOINT.search(path.name))
    ]
    if not scored:
        raise ClasterError(
            f"no saved model in {run.eir / 'saved_models'}",
            remedy="train for more steps than one evaluation interval (globals.yaml), with --force",
        )
    return max(scored, key=lambda found: found[1])


def trained_weights(run: RunFolder) -> tuple[Path, Path]:
    """Return the folder of EIR's configurations and the best weights of a run, exported or not."""
    if run.exported_weights.is_file():
        return run.eir, run.exported_weights
    checkpoint, _ = best_checkpoint(run)
    return checkpoint.parent.parent, checkpoint


def read_predictions(run: RunFolder | Path | str, split: str) -> pd.DataFrame:
    """Return a table of predictions.

    Returns
    -------
    pandas.DataFrame
        float32, samples x target columns, indexed by sample name (`ID`), in reads, not below 0.

    Raises
    ------
    ClasterError
        If there is none.
    """
    folder = RunFolder.of(run)
    path = folder.predictions(split)
    if not path.is_file():
        raise ClasterError(
            f"no predictions of the {split} split at {path}",
            remedy=f"run '{pasteable(['claster', 'predict', folder.path, '--split', split])}'",
        )
    return read_parquet(path)


def run_views(run: RunFolder) -> dict[str, View]:
    """Return the inputs of a run by name: the part of a modality's arrays that each was trained on.

    Raises
    ------
    ClasterError
        If a configuration is not one that this project writes.
    """
    views = {}
    for path in sorted(run.configurations.glob("input_*.yaml")):
        try:
            info = read_yaml(path)[0]["input_info"]
            view = view_of_folder(Path(info["input_source"]).parent.name)
            is_own = path.name == f"input_{info['input_name']}.yaml"
        except (KeyError, TypeError, ValueError):
            is_own = False
        if not is_own or info.get("input_type") != "array":
            raise ClasterError(
                f"{path} describes no input that a flavour of this project has",
                remedy="restore it from a copy of the run, or train again",
            )
        views[info["input_name"]] = view
    return views
