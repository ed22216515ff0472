"""What stands in the YAML files that EIR reads."""

from dataclasses import dataclass
from typing import Any, Literal

import yaml

from claster.dataset.layout import DatasetFolders
from claster.dataset.spec import DatasetSpec
from claster.eir.flavours import Flavour, InputBlock

__all__ = [
    "OUTPUT_NAME",
    "Device",
    "SampleCounts",
    "Schedule",
    "configuration_texts",
    "plan_schedule",
]

OUTPUT_NAME = "expression"
Device = Literal["auto", "cpu", "cuda"]


@dataclass(frozen=True)
class SampleCounts:
    """Numbers of samples (forward and rev) to train on and to validate on."""

    train: int
    valid: int


@dataclass(frozen=True)
class Schedule:
    """Length and rhythm of a training; `steps` is None where the number of samples is not known."""

    epochs: int
    batch_size: int
    interval: int
    warmup: int
    steps: int | None


def configuration_texts(
    flavour: Flavour,
    spec: DatasetSpec,
    *,
    output_folder: str,
    schedule: Schedule,
    device: Device,
    made_by: str,
) -> dict[str, str]:
    """Return the text of each file by name; see `configure`."""
    contents = {"globals.yaml": _globals(flavour, spec, output_folder, schedule, device)}
    for modality, block in flavour.inputs.items():
        contents[f"input_{modality}.yaml"] = _input(modality, block, spec)
    contents["fusion.yaml"] = _fusion(flavour)
    contents["output.yaml"] = _output(flavour, spec)
    header = (
        f"# {flavour.name}: {flavour.description}\n"
        f"# Dataset {spec.name!r}. Paths start at the project's folder. Written by\n"
        f"#   {made_by}\n"
        "# from claster/eir/flavours.py; a change made here is lost when that line runs again.\n"
    )
    return {name: header + _to_yaml(content) for name, content in contents.items()}


def plan_schedule(flavour: Flavour, counts: SampleCounts | None, n_epochs: int | None) -> Schedule:
    """Return the schedule of a flavour for so many samples and epochs (None: the flavour's own)."""
    training = flavour.training
    epochs = n_epochs or training.n_epochs
    if counts is None:
        return Schedule(epochs, training.batch_size, training.interval, training.warmup_steps, None)
    batch = training.batch_size
    # EIR refuses fewer training or validation samples than a batch holds.
    while batch > 2 and batch > min(counts.train, counts.valid):
        batch //= 2
    steps = epochs * (counts.train // batch)
    # EIR divides by half the interval, so 1 is no interval; a longer one than the run would end it
    # without a checkpoint.
    return Schedule(
        epochs=epochs,
        batch_size=batch,
        interval=max(2, steps // training.evaluations),
        warmup=min(training.warmup_steps, steps // 10),
        steps=steps,
    )


def _globals(
    flavour: Flavour,
    spec: DatasetSpec,
    output_folder: str,
    schedule: Schedule,
    device: Device,
) -> dict[str, Any]:
    training = flavour.training
    folders = DatasetFolders.of(spec)
    return {
        "basic_experiment": {
            "output_folder": output_folder,
            "manual_valid_ids_file": folders.ids("valid").as_posix(),
            "n_epochs": schedule.epochs,
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


def _input(modality: str, block: InputBlock, spec: DatasetSpec) -> dict[str, Any]:
    settings = block.cnn.model_dump() | {"layers": list(block.cnn.layers)}
    if block.cnn.first_kernel_expansion_height == "whole":
        settings["first_kernel_expansion_height"] = _height(modality, spec)
    return {
        "input_info": {
            "input_source": DatasetFolders.of(spec).arrays(modality, "train_valid").as_posix(),
            "input_name": modality,
            "input_type": "array",
        },
        "input_type_info": {"normalization": block.normalization},
        "model_config": {"model_type": "cnn", "model_init_config": settings},
    }


def _height(modality: str, spec: DatasetSpec) -> int:
    return spec.landscape_shape[0] if modality == "landscape" else spec.contacts_shape.shape[0]


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
