"""Flavour and dataset to the YAML files that EIR reads, and the command line that runs them."""

import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from claster.dataset.layout import DatasetFolders
from claster.dataset.spec import DatasetSpec
from claster.eir.flavours import Flavour, InputBlock
from claster.errors import ClasterError
from claster.files import write_text

__all__ = [
    "OUTPUT_NAME",
    "Configuration",
    "SampleCounts",
    "configuration_texts",
    "configure",
    "eirtrain_command",
    "environment",
    "pasteable",
]

OUTPUT_NAME = "expression"
Device = Literal["auto", "cpu", "cuda"]


@dataclass(frozen=True)
class SampleCounts:
    """Numbers of samples (forward and rev) to train on and to validate on."""

    train: int
    valid: int


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
    texts = configuration_texts(
        flavour,
        spec,
        output_folder=(run_folder / "eir").as_posix(),
        counts=counts,
        device=device,
        n_epochs=n_epochs,
        made_by=made_by or f"claster configure {flavour.name} --dataset {spec.name}",
    )
    for name, text in texts.items():
        write_text(out / name, text)
    schedule = _schedule(flavour, counts, n_epochs)
    return Configuration(
        flavour=flavour.name,
        dataset=spec.name,
        folder=out,
        inputs=tuple(out / name for name in texts if name.startswith("input_")),
        output_folder=(run_folder / "eir").as_posix(),
        batch_size=schedule.batch_size,
        steps=schedule.steps,
    )


def configuration_texts(
    flavour: Flavour,
    spec: DatasetSpec,
    *,
    output_folder: str,
    counts: SampleCounts | None,
    device: Device,
    n_epochs: int | None,
    made_by: str,
) -> dict[str, str]:
    """Return the text of each file by name; see `configure`."""
    contents = {"globals.yaml": _globals(flavour, spec, output_folder, counts, device, n_epochs)}
    for modality, block in flavour.inputs.items():
        contents[f"input_{modality}.yaml"] = _input(modality, block, spec, flavour.name)
    contents["fusion.yaml"] = _fusion(flavour)
    contents["output.yaml"] = _output(flavour, spec)
    header = (
        f"# {flavour.name}: {flavour.description}\n"
        f"# Dataset {spec.name!r}. Paths start at the project's folder. Written by\n"
        f"#   {made_by}\n"
        "# from claster/eir/flavours.py; a change made here is lost when that line runs again.\n"
    )
    return {name: header + _to_yaml(content) for name, content in contents.items()}


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


@dataclass(frozen=True)
class _Schedule:
    batch_size: int
    interval: int
    warmup: int
    steps: int | None


def _schedule(flavour: Flavour, counts: SampleCounts | None, n_epochs: int | None) -> _Schedule:
    training = flavour.training
    if counts is None:
        return _Schedule(training.batch_size, training.interval, training.warmup_steps, None)
    batch = training.batch_size
    # EIR refuses fewer training or validation samples than a batch holds.
    while batch > 2 and batch > min(counts.train, counts.valid):
        batch //= 2
    steps = (n_epochs or training.n_epochs) * (counts.train // batch)
    # EIR divides by half the interval, so 1 is no interval; a longer one than the run would end it
    # without a checkpoint.
    return _Schedule(
        batch_size=batch,
        interval=max(2, steps // training.evaluations),
        warmup=min(training.warmup_steps, steps // 10),
        steps=steps,
    )


def _globals(
    flavour: Flavour,
    spec: DatasetSpec,
    output_folder: str,
    counts: SampleCounts | None,
    device: Device,
    n_epochs: int | None,
) -> dict[str, Any]:
    training = flavour.training
    schedule = _schedule(flavour, counts, n_epochs)
    folders = DatasetFolders.of(spec)
    return {
        "basic_experiment": {
            "output_folder": output_folder,
            "manual_valid_ids_file": folders.ids("valid").as_posix(),
            "n_epochs": n_epochs or training.n_epochs,
            "batch_size": schedule.batch_size,
            "dataloader_workers": 0,
            "memory_dataset": training.memory_dataset,
        },
        "optimization": {
            "optimizer": training.optimizer,
            "lr": training.lr,
            "wd": training.wd,
            "gradient_clipping": training.gradient_clipping,
        },
        "lr_schedule": {
            "lr_schedule": training.lr_schedule,
            "warmup_steps": schedule.warmup,
            "lr_plateau_patience": training.lr_plateau_patience,
            "lr_plateau_factor": training.lr_plateau_factor,
        },
        "training_control": {"early_stopping_patience": training.early_stopping_patience},
        "evaluation_checkpoint": {
            "sample_interval": schedule.interval,
            "checkpoint_interval": schedule.interval,
            "n_saved_models": 1,
            "saved_result_detail_level": 1,
        },
        "accelerator": {
            "hardware": device,
            "precision": training.precision,
            "strategy": "auto",
            "devices": 1,
        },
        "visualization_logging": {"no_pbar": True, "log_level": "info"},
    }


def _input(modality: str, block: InputBlock, spec: DatasetSpec, flavour: str) -> dict[str, Any]:
    settings = block.cnn.model_dump() | {"layers": list(block.cnn.layers)}
    if block.cnn.first_kernel_expansion_height == "whole":
        settings["first_kernel_expansion_height"] = _height(modality, spec, flavour)
    return {
        "input_info": {
            "input_source": DatasetFolders.of(spec).arrays(modality, "train_valid").as_posix(),
            "input_name": modality,
            "input_type": "array",
        },
        "input_type_info": {"normalization": block.normalization},
        "model_config": {"model_type": "cnn", "model_init_config": settings},
    }


def _height(modality: str, spec: DatasetSpec, flavour: str) -> int:
    if modality == "landscape":
        return spec.landscape_shape[0]
    if spec.contacts is None:
        raise ClasterError(
            f"flavour {flavour!r} needs contact maps and dataset {spec.name!r} has none",
            remedy="choose a flavour without contacts or add 'contacts' to the dataset's YAML",
        )
    return spec.contacts.rows


def _fusion(flavour: Flavour) -> dict[str, Any]:
    settings = flavour.fusion.model_dump(exclude={"model_type"})
    return {
        "model_type": flavour.fusion.model_type,
        "model_config": settings | {"layers": list(flavour.fusion.layers)},
    }


def _output(flavour: Flavour, spec: DatasetSpec) -> dict[str, Any]:
    output = flavour.output
    return {
        "output_info": {
            "output_name": OUTPUT_NAME,
            "output_source": DatasetFolders.of(spec).target_table("train").as_posix(),
            "output_type": output.output_type,
        },
        "model_config": {"model_type": output.model_type},
        "output_type_info": {
            "con_loss_name": output.con_loss_name,
            "uncertainty_weighted_mt_loss": output.uncertainty_weighted_mt_loss,
            "target_con_columns": spec.require_target().columns,
        },
    }


class _Dumper(yaml.SafeDumper):
    """Mappings one key a line, lists wrapped in brackets."""


def _flow_list(dumper: yaml.SafeDumper, values: list[Any]) -> yaml.SequenceNode:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", values, flow_style=True)


_Dumper.add_representer(list, _flow_list)


def _to_yaml(content: dict[str, Any]) -> str:
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False, default_flow_style=False, width=100)
