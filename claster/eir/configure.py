"""Flavour and dataset to the YAML files that EIR reads, and the command line that runs them."""

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

from claster.dataset.spec import DatasetSpec
from claster.eir.content import Device, SampleCounts, configuration_texts, plan_schedule
from claster.eir.parts import Flavour
from claster.files import write_text

__all__ = [
    "Configuration",
    "configure",
    "eirtrain_command",
    "environment",
    "pasteable",
]


@dataclass(frozen=True)
class Configuration:
    """The YAML files of one flavour and dataset, as they lie in `folder`.

    `steps` is the number of training steps, None where the number of samples is not known.
    """

    flavour: str
    dataset: str
    folder: Path
    inputs: tuple[Path, ...]
    output_folder: str
    batch_size: int
    steps: int | None

    @property
    def globals(self) -> Path:
        """Training, devices, evaluation."""
        return self.folder / "globals.yaml"

    @property
    def fusion(self) -> Path:
        """What joins the branches."""
        return self.folder / "fusion.yaml"

    @property
    def output(self) -> Path:
        """Target table, columns and loss."""
        return self.folder / "output.yaml"

    @property
    def files(self) -> tuple[Path, ...]:
        """All files, in the order of EIR's options."""
        return (self.globals, *self.inputs, self.fusion, self.output)


def configure(
    flavour: Flavour,
    spec: DatasetSpec,
    *,
    out: Path | str,
    project: Path | str = ".",
    run_folder: Path | str | None = None,
    counts: SampleCounts | None = None,
    device: Device = "auto",
    n_epochs: int | None = None,
    made_by: str | None = None,
) -> Configuration:
    """Write the YAML files that make EIR train a flavour on a dataset.

    The text depends on the arguments only: the same arguments give the same bytes.

    Parameters
    ----------
    flavour, spec
        What to train, on which dataset.
    out
        Folder for the files; those of the same name are replaced.
    project
        The project's folder. Every path in the files starts there.
    run_folder
        Folder of the run, below `project`; default ``runs/<dataset>/<flavour>``.
    counts
        Numbers of samples. With them the evaluation interval divides the run into the flavour's
        number of evaluations, and the batch shrinks where there are fewer samples than it takes;
        without them the flavour's fixed interval and batch are written.
    device
        Where EIR computes.
    n_epochs
        Instead of the flavour's number of epochs.
    made_by
        The command line that is named in the header of the files.

    Returns
    -------
    Configuration

    Raises
    ------
    ClasterError
        If the dataset lacks what the flavour needs.
    """
    out = Path(out)
    run_folder = Path(run_folder or Path("runs") / spec.name / flavour.name)
    schedule = plan_schedule(flavour, counts, n_epochs)
    texts = configuration_texts(
        flavour,
        spec,
        output_folder=(run_folder / "eir").as_posix(),
        schedule=schedule,
        device=device,
        made_by=made_by or f"claster configure {flavour.name} --dataset {spec.name}",
    )
    for name, text in texts.items():
        write_text(out / name, text)
    return Configuration(
        flavour=flavour.name,
        dataset=spec.name,
        folder=out,
        inputs=tuple(out / name for name in texts if name.startswith("input_")),
        output_folder=(run_folder / "eir").as_posix(),
        batch_size=schedule.batch_size,
        steps=schedule.steps,
    )


def eirtrain_command(configuration: Configuration, *, project: Path | str = ".") -> list[str]:
    """Return the `eirtrain` command line, to be run in the project's folder."""

    def written(path: Path) -> str:
        return Path(os.path.relpath(path, project)).as_posix()

    return [
        "eirtrain",
        "--global_configs",
        written(configuration.globals),
        "--input_configs",
        *(written(path) for path in configuration.inputs),
        "--fusion_configs",
        written(configuration.fusion),
        "--output_configs",
        written(configuration.output),
    ]


def environment(seed: int) -> dict[str, str]:
    """Return the variable that EIR takes its seed from."""
    return {"EIR_SEED": str(seed)}


def pasteable(command: list[str], variables: dict[str, str] | None = None) -> str:
    """Return a command line that a shell understands.

    Examples
    --------
    >>> pasteable(["eirtrain", "--global_configs", "a b.yaml"], {"EIR_SEED": "1"})
    "EIR_SEED=1 eirtrain --global_configs 'a b.yaml'"
    """
    settings = [f"{name}={shlex.quote(value)}" for name, value in (variables or {}).items()]
    return " ".join([*settings, shlex.join(command)])
