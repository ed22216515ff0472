"""What stands in the YAML files that EIR reads."""

import math
from dataclasses import dataclass
from typing import Any

import yaml

from claster.dataset.layout import DatasetFolders
from claster.dataset.spec import DatasetSpec
from claster.dataset.views import View
from claster.dataset.yaml_file import Dumper, to_yaml
from claster.eir.arrays import central_bins, first_expansions, input_views, predicted_part
from claster.eir.machine import Machine, on_machine
from claster.eir.parts import ArrayCnn, Flavour, InputBlock, Modality, SampleCounts
from claster.errors import ClasterError
from claster.quoting import printable

OUTPUT_NAME = "expression"

_LONGEST_INTERVAL = 1000
"""Steps: a schedule on a plateau and early stopping count evaluations."""


@dataclass(frozen=True)
class Schedule:
    """Length and rhythm of a training; `steps` is None where the number of samples is not known.

    `batch_size` is that of all devices together.
    """

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
    machine: Machine,
    made_by: str,
    pretrained: str | None = None,
) -> dict[str, str]:
    """Return the text of each file by name; see `configure`."""
    spec = predicted_part(flavour, spec)
    settings = _globals(flavour, spec, output_folder, schedule, machine)
    if pretrained:
        settings["model"] = {"pretrained_checkpoint": pretrained}
    contents = {"globals.yaml": settings}
    for modality, view in input_views(flavour, spec).items():
        block = flavour.inputs[modality]
        contents[f"input_{modality}.yaml"] = _input(modality, view, block, spec)
    contents["fusion.yaml"] = _fusion(flavour)
    contents["output.yaml"] = _output(flavour, spec)
    header = (
        f"# {flavour.name}: {flavour.description}\n"
        f"# Dataset {spec.name!r}. Paths start at the project's folder. Written by\n"
        f"#   {' '.join(printable(made_by).splitlines())}\n"
        "# from claster/eir/flavours.py; a change made here is lost when that line runs again.\n"
    )
    return {
        name: header + to_yaml(content, dumper=_Dumper, default_flow_style=False, width=100)
        for name, content in contents.items()
    }


def steps_an_epoch(samples: int, batch_size: int, devices: int) -> int:
    """Return the steps of one epoch: each device takes its part of samples and batch.

    Examples
    --------
    >>> steps_an_epoch(38_800, 64, 1), steps_an_epoch(38_800, 64, 4)
    (606, 606)
    """
    return math.ceil(samples / devices) // (batch_size // devices)


def plan_schedule(
    flavour: Flavour, counts: SampleCounts | None, n_epochs: int | None, *, devices: int = 1
) -> Schedule:
    """Return the schedule of a flavour for so many samples and epochs (None: the flavour's own).

    An epoch is one pass over the training samples. The run is divided into the flavour's number of
    evaluations, or more where these would lie over 1,000 steps apart.

    Raises
    ------
    ClasterError
        If that is a single step.
    """
    training = flavour.training
    epochs = n_epochs or training.n_epochs
    if counts is None:
        return Schedule(epochs, training.batch_size, training.interval, training.warmup_steps, None)
    batch = training.batch_size
    # EIR refuses fewer training or validation samples than a batch holds.
    while batch > 2 * devices and batch > min(counts.train, counts.valid):
        batch //= 2
    batch = max(2, batch // devices) * devices
    steps = epochs * steps_an_epoch(counts.train, batch, devices)
    if steps == 1:
        raise ClasterError(
            f"{counts.train} training samples in batches of {batch} and one epoch are one step, and "
            "EIR saves a model every second step at the soonest",
            remedy="choose more --epochs or a smaller --batch-size",
        )
    # EIR divides by half the interval, so 1 is no interval; a longer one than the run would end it
    # without a checkpoint.
    return Schedule(
        epochs=epochs,
        batch_size=batch,
        interval=max(2, min(steps // training.evaluations, _LONGEST_INTERVAL)),
        warmup=min(training.warmup_steps, steps // 10),
        steps=steps,
    )


def _globals(
    flavour: Flavour,
    spec: DatasetSpec,
    output_folder: str,
    schedule: Schedule,
    machine: Machine,
) -> dict[str, Any]:
    training = flavour.training
    # Paths in the files start at the project, in which EIR runs.
    folders = DatasetFolders(spec.name)
    settings = {
        "basic_experiment": {
            "output_folder": output_folder,
            "manual_valid_ids_file": folders.ids("valid").as_posix(),
            "n_epochs": schedule.epochs,
            "batch_size": schedule.batch_size // machine.devices,
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
            "hardware": "auto",
            "precision": training.precision,
            "strategy": "auto",
            "devices": 1,
        },
        # What schedule, early stopping and the choice of the model look at: r instead of the mean of
        # 1 - loss, r and R2. An array output has 1 - loss whatever stands here.
        "metrics": {"con_averaging_metrics": ["pcc"]},
        "visualization_logging": {"no_pbar": True, "log_level": "info"},
    }
    return on_machine(settings, machine)


def _input(modality: Modality, view: View, block: InputBlock, spec: DatasetSpec) -> dict[str, Any]:
    settings = block.cnn.model_dump() | {"layers": list(block.cnn.layers)}
    settings |= first_expansions(modality, block, spec)
    return {
        "input_info": {
            "input_source": DatasetFolders(spec.name).arrays(view.folder, "train_valid").as_posix(),
            "input_name": modality,
            "input_type": "array",
        },
        "input_type_info": {"normalization": block.normalization},
        "model_config": {"model_type": "cnn", "model_init_config": settings},
    }


def _fusion(flavour: Flavour) -> dict[str, Any]:
    if flavour.fusion.model_type == "pass-through":
        return {"model_type": "pass-through", "model_config": {}}
    settings = flavour.fusion.model_dump(exclude={"model_type"})
    return {
        "model_type": flavour.fusion.model_type,
        "model_config": settings | {"layers": list(flavour.fusion.layers)},
    }


def _output(flavour: Flavour, spec: DatasetSpec) -> dict[str, Any]:
    output, folders = flavour.output, DatasetFolders(spec.name)
    if output.array is not None:
        return _array_output(output.array, flavour, spec)
    table = folders.target_table("train")
    if output.transform is not None:
        table = folders.table_view(output.transform, bins=spec.require_target().bins)
    return {
        "output_info": {
            "output_name": OUTPUT_NAME,
            "output_source": table.as_posix(),
            "output_type": "tabular",
        },
        "model_config": {"model_type": output.model_type},
        "output_type_info": {
            "con_loss_name": output.con_loss_name,
            "uncertainty_weighted_mt_loss": output.uncertainty_weighted_mt_loss,
            "target_con_columns": spec.require_target().columns,
        },
    }


def _array_output(cnn: ArrayCnn, flavour: Flavour, spec: DatasetSpec) -> dict[str, Any]:
    spec.require_target()
    source = DatasetFolders(spec.name).profiles("train_valid", bins=central_bins(flavour, spec))
    content = {
        "output_info": {
            "output_name": flavour.continued,
            "output_source": source.as_posix(),
            "output_type": "array",
        },
        "model_config": {"model_type": "cnn", "model_init_config": cnn.model_dump()},
        # One mean and standard deviation a condition, for all bins: a bin means the same wherever in
        # the window it lies.
        "output_type_info": {"normalization": "channel", "loss": "mse"},
        "sampling_config": {"n_eval_inputs": 1},
    }
    ends: list[dict[str, Any]] = []  # what EIR's tensor broker keeps, and where it takes it in
    for message in flavour.messages:
        ends += [
            {"name": message.name, "layer_path": message.sender, "cache_tensor": True},
            {
                "name": f"{message.name}_taken_in",
                "layer_path": message.receiver,
                "use_from_cache": [message.name],
                "cache_fusion_type": message.cache_fusion_type,
                "projection_type": message.projection_type,
            },
        ]
    if ends:
        content["tensor_broker_config"] = {"message_configs": ends}
    return content


class _Dumper(Dumper):
    """Mappings one key a line, lists of plain values wrapped in brackets."""


def _flow_list(dumper: Dumper, values: list[Any]) -> yaml.SequenceNode:
    plain = not any(isinstance(value, dict) for value in values)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", values, flow_style=plain)


_Dumper.add_representer(list, _flow_list)
