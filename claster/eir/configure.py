"""The YAML files of a flavour and a dataset that EIR reads, the command line, and whether files are these."""

import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from claster.dataset.spec import DatasetSpec
from claster.dataset.yaml_file import parse_yaml, read_yaml
from claster.eir.machine import Machine
from claster.eir.parts import Flavour
from claster.eir.runs import RunFolder, RunRecord
from claster.eir.yaml_files import Schedule, configuration_texts, plan_schedule
from claster.errors import ClasterError
from claster.files import write_text
from claster.quoting import pasteable


@dataclass(frozen=True)
class Configuration:
    """The YAML files of one flavour and dataset, as they lie in `folder`.

    `files` are the global one, inputs, fusion and output, the order of EIR's options; `batch_size` is that of
    all devices together, `steps` the number of training steps, None where the number of samples is not known.
    """

    flavour: str
    folder: Path
    files: tuple[Path, ...]
    project: Path
    batch_size: int
    steps: int | None

    @property
    def globals(self) -> Path:
        """Training, devices, evaluation."""
        return self.files[0]

    @property
    def inputs(self) -> tuple[Path, ...]:
        """What each branch reads, and its network."""
        return self.files[1:-2]

    @property
    def fusion(self) -> Path:
        """What joins the branches."""
        return self.files[-2]

    @property
    def output(self) -> Path:
        """Target table, columns and loss."""
        return self.files[-1]

    def command(self, *, seed: int = 0) -> str:
        """Return the line that trains it, to paste into a shell in the project's folder."""
        return pasteable(eirtrain_command(self.files, project=self.project), environment(seed))


def configure(
    flavour: Flavour,
    spec: DatasetSpec,
    *,
    out: Path | str,
    run_folder: Path | str | None = None,
    machine: Machine | None = None,
    schedule: Schedule | None = None,
    made_by: str | None = None,
    pretrained: str | None = None,
) -> Configuration:
    """Write the YAML files that make EIR train a flavour on a dataset.

    The text depends on the arguments only: the same arguments give the same bytes.

    Parameters
    ----------
    flavour, spec
        What to train, on which dataset.
    out
        Folder for the files; those of the same name are replaced.
    run_folder
        Folder of the run, from the project's folder on; default ``runs/<dataset>/<flavour>``.
    machine
        What EIR computes on and how samples reach it; default: one device, as the flavour says.
    schedule
        Epochs, batch and evaluations, see `plan_schedule`; default: the flavour's, for an unknown number of
        samples.
    made_by
        The command line that is named in the header of the files.
    pretrained
        Checkpoint that EIR starts from, from the project's folder on; default: random weights.

    Raises
    ------
    ClasterError
        If the dataset lacks what the flavour needs.
    """
    out = Path(out)
    run_folder = Path(run_folder or Path("runs") / spec.name / flavour.name)
    machine = machine or Machine()
    schedule = schedule or plan_schedule(flavour, None, None, devices=machine.devices)
    texts = configuration_texts(
        flavour,
        spec,
        output_folder=(run_folder / "eir").as_posix(),
        schedule=schedule,
        machine=machine,
        made_by=made_by or f"claster configure {flavour.name} --dataset {spec.name}",
        pretrained=pretrained,
    )
    for name, text in texts.items():
        write_text(out / name, text)
    return Configuration(
        flavour=flavour.name,
        folder=out,
        files=tuple(out / name for name in texts),
        project=spec.project,
        batch_size=schedule.batch_size,
        steps=schedule.steps,
    )


def eirtrain_command(files: Sequence[Path], *, project: Path | str = ".") -> list[str]:
    """Return the `eirtrain` command line for the files of a `Configuration`, run in the project's folder."""
    first, *inputs, fusion, output = (
        Path(os.path.relpath(path, project)).as_posix() for path in files
    )
    options = {"global": [first], "input": inputs, "fusion": [fusion], "output": [output]}
    words = [[f"--{kind}_configs", *paths] for kind, paths in options.items()]
    return ["eirtrain", *(word for option in words for word in option)]


def environment(seed: int) -> dict[str, str]:
    """Return the variable that EIR takes its seed from."""
    return {"EIR_SEED": str(seed)}


_OF_THE_MACHINE = {
    ("accelerator", "hardware"),
    ("accelerator", "precision"),
    ("accelerator", "strategy"),
    ("lr_schedule", "lr_schedule"),
}
"""Keys of the global configuration whose words depend on what a training began on."""
_REPLACED = {("basic_experiment", "output_folder"), ("model", "pretrained_checkpoint")}
"""Paths below a folder that may have another name now; what resumes has its own."""
_PLAIN_WORD = re.compile(r"[A-Za-z0-9-]+")


def require_own_configurations(
    run: RunFolder, record: RunRecord, flavour: Flavour, spec: DatasetSpec
) -> None:
    """Refuse configurations that say something else than what is written for this run.

    EIR writes to the folder and reads the files that they name, and fetches models by name.

    A file may not be missing or damaged, have another key, name or path, or lack one; numbers may differ.
    """
    relative = run.path.relative_to(run.project)
    texts = configuration_texts(
        flavour,
        spec,
        output_folder=(relative / run.eir.name).as_posix(),
        schedule=plan_schedule(flavour, None, None),
        machine=Machine(),
        made_by="",
        pretrained=(relative / run.start.name).as_posix() if record.started_from else None,
    )
    remedy = "train again with --force, or choose another --tag"
    if record.configurations.keys() != texts.keys():
        raise ClasterError(
            f"{run.path} was configured by {', '.join(record.configurations) or 'no file'} and "
            f"flavour {flavour.name!r} is by {', '.join(texts)}",
            remedy=remedy,
        )
    for name, text in texts.items():
        path = run.configurations / name
        try:
            found, _ = read_yaml(path)
        except ClasterError as error:
            raise ClasterError(error.found, remedy=remedy) from error
        own, _ = parse_yaml(text, path)
        if (place := _other_words(found, own)) is not None:
            key = ".".join(map(str, place)) or "its content"
            raise ClasterError(
                f"{path}: {key} is not what this version writes for {relative}", remedy=remedy
            )


def _other_words(
    found: object, own: object, place: tuple[str | int, ...] = ()
) -> tuple[str | int, ...] | None:
    """Return where the first key or word is that is not one's own, None where all are."""
    if place in _REPLACED:
        return None if isinstance(found, str) else place
    if place in _OF_THE_MACHINE:
        return None if isinstance(found, str) and _PLAIN_WORD.fullmatch(found) else place
    if isinstance(own, dict) and isinstance(found, dict):
        for key in (*found, *own):
            if key not in own or key not in found:
                return (*place, key)
            other = _other_words(found[key], own[key], (*place, key))
            if other is not None:
                return other
        return None
    if isinstance(own, list) and isinstance(found, list):
        is_own = found == own or all(map(_is_number, (*own, *found)))
    else:
        is_own = found == own if isinstance(own, str) else found is None or _is_number(found)
    return None if is_own else place


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
