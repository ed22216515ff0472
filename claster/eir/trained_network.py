"""A trained network as EIR itself builds it, with the numbers that EIR scales values by."""

import pickle
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor, nn

from claster.dataset.yaml_file import read_yaml
from claster.errors import ClasterError, one_line

_EPSILON = 1e-10  # what EIR adds to a standard deviation before it divides


@dataclass(frozen=True)
class _Scaling:
    """How EIR scales one input or the output.

    `shape` is that of one sample as the network takes or gives it, (values,) for an output; `mean` and
    `deviation` of the training samples broadcast against it. `is_plain` is whether values come scaled.
    """

    shape: tuple[int, ...]
    mean: Tensor
    deviation: Tensor
    is_plain: bool = False

    def scaled(self, stored: Tensor) -> Tensor:
        """Return samples of an input as the network takes them, (samples, ...)."""
        samples = stored.reshape(-1, *self.shape)
        if self.is_plain:
            return samples
        return (samples - self.mean) / (self.deviation + _EPSILON)

    def bin_by_bin(self) -> tuple[Tensor, Tensor]:
        """Return what is taken from each value of a sample, and what the rest is divided by."""
        return self.mean.expand(self.shape), (self.deviation + _EPSILON).expand(self.shape)


@dataclass(frozen=True)
class Network:
    """EIR's module in evaluation mode, without gradients of its weights.

    Inputs are scaled by name, the output with its values flattened; `columns` are the target's in the order
    of these values, None where the output is an array.
    """

    module: nn.Module
    inputs: dict[str, _Scaling]
    output: _Scaling
    output_name: str
    columns: tuple[str, ...] | None

    def without_scaling(self, name: str, module: nn.Module, shape: tuple[int, ...]) -> "Network":
        """Return a network with another module, one input of which comes scaled and in another shape."""
        plain = _Scaling(shape, torch.zeros(()), torch.ones(()), is_plain=True)
        return replace(self, module=module, inputs=self.inputs | {name: plain})


def load_network(folder: Path, weights: Path, *, device: torch.device) -> Network:
    """Build the network of an EIR run and fill in its weights.

    What the run was trained on (GPU, precision, compilation) does not matter: the network is built
    in float32 on `device`.

    Parameters
    ----------
    folder
        EIR's output folder: configurations, normalisation statistics and target scaler.
    weights
        A checkpoint (``.pt``) or the same as ``.safetensors``.
    """
    if not (folder / "serializations" / "configs_stripped").is_dir():
        raise ClasterError(
            f"{folder} holds no configurations that EIR can load a model from",
            remedy="give a run whose training has begun to save models",
        )
    _require_arrays(folder / "serializations" / "configs_stripped" / "input_configs.yaml")
    try:
        module, inputs, outputs = _built(folder)
    except (OSError, ValueError, KeyError, yaml.YAMLError) as error:
        raise ClasterError(
            f"EIR cannot build the network of {folder} ({one_line(error)[:200]})",
            remedy="restore its folder 'serializations', or train again",
        ) from error
    try:
        module.load_state_dict(read_weights(weights))
    except RuntimeError as error:
        raise ClasterError(
            f"{weights} does not fit the network of {folder} ({one_line(error)[:200]})",
            remedy="give the run that these weights are of",
        ) from error
    if len(outputs) != 1:
        raise ClasterError(
            f"{folder} has the outputs {', '.join(outputs)}",
            remedy="train a flavour with one output",
        )
    ((name, output),) = outputs.items()
    scaling, columns = _output(output)
    return Network(
        module=module.eval().requires_grad_(requires_grad=False).to(device),
        inputs={key: _on(device, _array_scaling(value)) for key, value in inputs.items()},
        output=_on(device, scaling),
        output_name=name,
        columns=columns,
    )


def _require_arrays(configurations: Path) -> None:
    """Refuse inputs of other kinds: for those of text and images EIR fetches models from the network."""
    try:
        inputs, _ = read_yaml(configurations)
        kinds = {
            (given["input_info"]["input_type"], given["model_config"]["model_type"])
            for given in inputs
        }
    except (ClasterError, KeyError, TypeError) as error:
        raise ClasterError(
            f"EIR cannot build the network of {configurations.parents[2]} ({one_line(error)[:200]})",
            remedy="restore its folder 'serializations', or train again",
        ) from error
    if strange := kinds - {("array", "cnn")}:
        kind, model = min(strange)
        raise ClasterError(
            f"{configurations} has an input of type {kind!r} with a model {model!r}",
            remedy="give a run of a flavour of this project: those read arrays by convolutions",
        )


def run_network(network: Network, inputs: Mapping[str, Tensor]) -> Tensor:
    """Return what a network predicts, (samples, values), on the scale of the target as stored.

    It is differentiable with respect to the inputs: by name, float32, as stored, (samples, ...) with as many
    values a sample as the network takes.
    """
    scaled = {name: by.scaled(inputs[name]) for name, by in network.inputs.items()}
    # cuDNN convolves float32 with 10 bits of precision unless told otherwise.
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        predicted = network.module(inputs=scaled)[network.output_name]
    if network.columns is None:
        values = predicted[network.output_name].flatten(start_dim=1)
    else:
        values = torch.cat([predicted[column] for column in network.columns], dim=1)
    return values * network.output.deviation + network.output.mean


def read_weights(path: Path) -> dict[str, Tensor]:
    """Return the weights of a checkpoint by EIR's names, on the CPU."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ClasterError(f"no weights at {path}", remedy="train again with --force") from None
    except (RuntimeError, EOFError, pickle.UnpicklingError, SafetensorError) as error:
        raise ClasterError(
            f"{path} cannot be read as weights ({one_line(error)[:200]})",
            remedy="take another checkpoint, or train again",
        ) from error
    # PyTorch puts this before the names of a network that it has compiled.
    return {name.removeprefix("_orig_mod."): value for name, value in weights.items()}


def _built(folder: Path) -> tuple[nn.Module, dict[str, Any], dict[str, Any]]:
    """Return the network that EIR builds from its folder, and its objects of inputs and outputs.

    Importing EIR takes many seconds, warns of other packages' futures, restyles matplotlib and prints
    a log; all but the seconds are kept away from the caller.
    """
    import matplotlib

    with warnings.catch_warnings(), matplotlib.rc_context():
        warnings.simplefilter("ignore", (DeprecationWarning, FutureWarning))
        shown = warnings.showwarning
        from eir.experiment_io.experiment_io import load_serialized_train_experiment
        from eir.models.model_setup_modules.meta_setup import (
            get_meta_model_class_and_kwargs_from_configs,
        )
        from eir.predict_modules.predict_input_setup import set_up_inputs_for_predict
        from eir.train_utils.utils import set_log_level_for_eir_loggers

        warnings.showwarning = shown
    set_log_level_for_eir_loggers(log_level="ERROR")
    run = load_serialized_train_experiment(run_folder=folder, device="cpu")
    inputs = set_up_inputs_for_predict(
        test_inputs_configs=run.configs.input_configs,
        ids=(),
        hooks=run.hooks,
        output_folder=str(folder),
    )
    network, settings = get_meta_model_class_and_kwargs_from_configs(
        global_config=run.configs.global_config,
        fusion_config=run.configs.fusion_config,
        inputs_as_dict=inputs,
        outputs_as_dict=run.outputs,
    )
    return network(**settings), dict(inputs), dict(run.outputs)


def _output(output: Any) -> tuple[_Scaling, tuple[str, ...] | None]:  # noqa: ANN401
    """Return scaling and columns of one of EIR's output objects."""
    kind = output.output_config.output_info.output_type
    if kind == "array":
        scaling = _array_scaling(output)
        whole = torch.empty(scaling.shape)
        return _Scaling(
            (whole.numel(),),
            scaling.mean.expand_as(whole).flatten(),
            scaling.deviation.expand_as(whole).flatten(),
        ), None
    if kind != "tabular":
        raise ClasterError(
            f"the output is of EIR's type {kind!r}", remedy="train a flavour of this project"
        )
    columns = tuple(output.output_config.output_type_info.target_con_columns)
    scalers = [output.target_transformers[column] for column in columns]
    return _Scaling(
        (len(columns),),
        torch.tensor([scaler.mean_[0] for scaler in scalers], dtype=torch.float32),
        torch.tensor([scaler.scale_[0] for scaler in scalers], dtype=torch.float32),
    ), columns


def _array_scaling(array: Any) -> _Scaling:  # noqa: ANN401
    """Return the scaling of one of EIR's array objects."""
    shape = tuple(array.data_dimensions.full_shape())
    found = array.normalization_stats
    if found is None:
        return _Scaling(shape, torch.zeros(()), torch.ones(()))
    return _Scaling(shape, found.means, found.stds)


def _on(device: torch.device, scaling: _Scaling) -> _Scaling:
    return _Scaling(scaling.shape, scaling.mean.to(device), scaling.deviation.to(device))
